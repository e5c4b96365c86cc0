/** The files below /proc and /sys, read under a root that a test can put anywhere. They have no size, so they are read to their end. */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { latin1 } from '../../../base/bytes.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';

export class KernelFiles {
  private readonly root: string;
  private cpuinfoText: string | undefined;

  /** `root` is `/` but in tests. */
  constructor(root = '/') {
    this.root = root;
  }

  path(name: string): string {
    return join(this.root, name);
  }

  /** E_FILE or E_IO when it cannot be read. */
  bytes(name: string): Uint8Array {
    try {
      return readFileSync(this.path(name));
    } catch (cause) {
      throw asVmcoreError(cause, 'cannot read', { file: this.path(name) });
    }
  }

  text(name: string): string {
    return latin1(this.bytes(name));
  }

  /** Undefined when there is no such file; other failures are thrown. */
  textIfThere(name: string): string | undefined {
    return ifThere(() => readFileSync(this.path(name), 'latin1'), this.path(name));
  }

  /** /proc/cpuinfo, empty when there is none; read once, because it is a kilobyte and more for each processor. */
  cpuinfo(): string {
    this.cpuinfoText ??= this.textIfThere('proc/cpuinfo') ?? '';
    return this.cpuinfoText;
  }

  /** The first `size` bytes at most. */
  beginning(name: string, size: number): string {
    const path = this.path(name);
    const bytes = new Uint8Array(size);
    try {
      const fd = openSync(path, 'r');
      try {
        let done = 0;
        for (let got = -1; got !== 0 && done < size; done += got) {
          got = readSync(fd, bytes, done, size - done, null);
        }
        return latin1(bytes.subarray(0, done));
      } finally {
        closeSync(fd);
      }
    } catch (cause) {
      throw asVmcoreError(cause, 'cannot read', { file: path });
    }
  }

  /** Names in a folder; none when there is no such folder. */
  names(folder: string): string[] {
    return ifThere(() => readdirSync(this.path(folder)), this.path(folder)) ?? [];
  }
}

function ifThere<T>(read: () => T, file: string): T | undefined {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR'))
      return undefined;
    throw asVmcoreError(cause, 'cannot read', { file });
  }
}
