/** A new file as a ByteSink: mode 0600, never over an existing file unless told, safely on disk when finished. */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { ByteSink } from '../base/byte-sink.ts';
import { VmcoreError } from '../base/errors.ts';
import { asVmcoreError } from './system-error.ts';

/** What to do when the file is there already. */
export type IfExists = 'refuse' | 'overwrite';

/** How far the data must have come before a file counts as finished. */
export type Durability = 'disk' | 'cache';

export class FileSink implements ByteSink {
  readonly name: string;
  readonly rewritable = true;
  readonly unwritten: 'zeros' | 'unknown';
  private readonly fd: number;

  /** E_EXISTS when it is there and `ifExists` is "refuse"; E_FILE when it cannot be made. */
  constructor(path: string, ifExists: IfExists) {
    this.name = path;
    try {
      // An old file goes, and a new one comes: with the mode of a dump, and without touching the old bytes, which may be those of the
      // very dump that is read. A device stays, and is written to.
      const isDevice = ifExists === 'overwrite' && !removeFile(path);
      const how = isDevice ? constants.O_TRUNC : constants.O_EXCL;
      this.fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW | how, 0o600);
      this.unwritten = fstatSync(this.fd).isFile() ? 'zeros' : 'unknown';
    } catch (cause) {
      throw asVmcoreError(cause, 'cannot create', { file: path });
    }
  }

  write(offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      try {
        done += writeSync(this.fd, bytes, done, bytes.length - done, offset + done);
      } catch (cause) {
        throw asVmcoreError(cause, 'cannot write', { file: this.name, offset: offset + done });
      }
    }
  }

  /** Closes. "disk": after waiting until the data is there; "cache": the kernel writes it out when it likes. */
  finish(to: Durability): void {
    try {
      if (to === 'disk') fsyncSync(this.fd);
    } catch (cause) {
      throw asVmcoreError(cause, 'cannot bring to disk', { file: this.name });
    } finally {
      closeSync(this.fd);
    }
  }

  /** Like `finish`, after an error that is being told already: what can be brought to disk is. */
  keep(): void {
    try {
      this.finish('disk');
    } catch (error) {
      if (!(error instanceof VmcoreError)) throw error;
    }
  }

  /** Closes and removes the file: for a dump that has nothing worth keeping. A device (/dev/null) stays. */
  discard(): void {
    closeSync(this.fd);
    removeFile(this.name);
  }
}

/** Removes a regular file, if it is there. False when something else has that name. */
function removeFile(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return true;
  if (!found.isFile()) return false;
  unlinkSync(path);
  return true;
}

/** Makes names in a directory durable: a rename is on disk only after its directory is. */
export function syncDirectoryOf(path: string): void {
  const directory = dirname(path);
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
