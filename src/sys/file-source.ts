/** A file or block device as a ByteSource. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { ByteSource } from '../base/byte-source.ts';
import { VmcoreError } from '../base/errors.ts';
import { deviceSize } from './block-device.ts';
import { asVmcoreError } from './system-error.ts';

/** One read(2) moves at most 2^31 - 1 bytes (man 2 read); stay page-aligned below it. */
const maxRead = 0x7fff_f000;

class FileSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  private readonly fd: number;

  constructor(name: string, fd: number, size: number) {
    this.name = name;
    this.fd = fd;
    this.size = size;
  }

  read(offset: number, into: Uint8Array): number {
    // Headers can name offsets that no file has, and that read(2) does not take.
    if (!Number.isSafeInteger(offset + into.length)) return 0;
    let done = 0;
    while (done < into.length) {
      const want = Math.min(into.length - done, maxRead);
      let got: number;
      try {
        got = readSync(this.fd, into, done, want, offset + done);
      } catch (cause) {
        throw asVmcoreError(cause, 'cannot read', { file: this.name, offset: offset + done });
      }
      if (got === 0) break;
      done += got;
    }
    return done;
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** Opens `path` for reading. E_FILE when it is missing, a directory or not permitted. */
export function openFile(path: string): ByteSource {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot open', { file: path });
  }
  const stat = fstatSync(fd);
  if (stat.isDirectory()) {
    closeSync(fd);
    throw new VmcoreError('E_FILE', 'is a directory', { file: path, hint: 'name the dump file in it' });
  }
  if (!stat.isFile() && !stat.isBlockDevice()) {
    closeSync(fd);
    throw new VmcoreError('E_FILE', 'is not a file that can be read at any offset', {
      file: path,
      hint: 'save the stream to a file first',
    });
  }
  return new FileSource(path, fd, stat.isBlockDevice() ? deviceSize(fd) : stat.size);
}
