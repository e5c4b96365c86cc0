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
}
