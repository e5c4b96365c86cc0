/**
 * Where one dump goes: a folder on a mounted file system, a folder behind ssh, a device. The save flow knows only this; a kind of target is one
 * file that makes a DumpStore, and open-store.ts chooses among them.
 *
 * Whatever a store is asked to keep is on the target's disk when the promise is kept, and until then has a name that says it is not finished.
 */
import type { ByteSink } from '../../../base/byte-sink.ts';

/** Of the dump's bytes: "plain" in the order of their offsets or, on a file, at any; "flattened" as a stream of records. */
export type DumpShape = 'plain' | 'flattened';

export interface DumpStore {
  /** For people: `ext4 UUID=… /var/crash/127.0.0.1-2026-11-22-01:43:05`. */
  readonly place: string;
  /** Bytes that a dump may take; undefined where it cannot be known. */
  free(): number | undefined;
  /**
   * Keeps a small file. It has its name only once it is whole and safe. False where a target holds nothing but the dump (a raw device).
   * Throws a VmcoreError otherwise.
   */
  saveFile(name: string, bytes: Uint8Array): Promise<boolean>;
  /** Begins the dump `name`, as `name-incomplete`; what an earlier attempt at it wrote is replaced. One at a time. */
  beginDump(name: string, shape: DumpShape): Promise<DumpWriter>;
  /** Lets go of the target: written out, unmounted, disconnected. */
  close(): Promise<void>;
}

export interface DumpWriter {
  readonly sink: ByteSink;
  /**
   * "complete": all of it is safe, and then it gets its name. "incomplete": what is there is kept under the name that says so, and a flattened
   * dump has no end record, by which its readers know. Returns the name that it has on the target. Throws when it is not safe.
   */
  finish(outcome: 'complete' | 'incomplete'): Promise<string>;
}

/** What a file is called until it is whole and safe. */
export const incompleteName = (name: string): string => `${name}-incomplete`;

/** What a dump is called then: `vmcore`, and flattened `vmcore.flat`, as kdump-utils call it. */
export const dumpFileName = (name: string, shape: DumpShape): string =>
  shape === 'flattened' ? `${name}.flat` : name;
