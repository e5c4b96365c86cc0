/**
 * Makes a call that stands in the kernel, where nothing of ours can end it, and gives what it gives. Before, it is said what it is and how long it may take,
 * seconds: stage 0 looks after that (save/heartbeat.ts).
 */
export type BlockingCall = <T>(what: string, limit: number, call: () => T) => T;

/** Where no stage 0 looks. */
export const unwatched: BlockingCall = (_what, _limit, call) => call();

/** Where on a target, and how long to wait for it: what all kinds of targets are asked. */
export interface StorePlace {
  /** kdump.conf's path: the folder on the target that dumps are kept in. */
  readonly path: string;
  /** Of the dump's own folder in it: folder-name.ts. */
  readonly name: string;
  /** For a block device to appear, milliseconds. */
  readonly deviceLimit: number;
  /** For a server to be reached, milliseconds. */
  readonly serverLimit: number;
  readonly blocking: BlockingCall;
}
