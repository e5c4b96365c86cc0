/** A file or block device as a ByteSource. */
import { closeSync, fstatSync, openSync, readSync, statfsSync } from 'node:fs';
import type { ByteSource } from '../base/byte-source.ts';
import { VmcoreError } from '../base/errors.ts';
import { deviceSize } from './block-device.ts';
import { dataSeeker } from './libc.ts';
import { MappedReader } from './mapped-reader.ts';
import { asVmcoreError } from './system-error.ts';

/** One read(2) moves at most 2^31 - 1 bytes (man 2 read); stay page-aligned below it. */
const maxRead = 0x7fff_f000;

/** How bytes may be had: by mmap(2) where that is better, or always by read(2). */
type FileAccess = 'map' | 'read';

/** f_type of statfs(2) for /proc: include/uapi/linux/magic.h (Linux 6.1). */
const PROC_SUPER_MAGIC = 0x9fa0;

class FileSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  private readonly fd: number;
  private readonly mapped: MappedReader | undefined;
  /** Made when it is first asked for: few files have holes worth it. */
  private seekData: ReturnType<typeof dataSeeker>;

  /** `mapped`: tried first. */
  constructor(name: string, fd: number, size: number, mapped?: MappedReader) {
    this.name = name;
    this.fd = fd;
    this.size = size;
    this.mapped = mapped;
  }

  read(offset: number, into: Uint8Array): number {
    // Headers can name offsets that no file has, and that read(2) does not take.
    if (!Number.isSafeInteger(offset + into.length)) return 0;
    let done = this.mapped?.read(offset, into) ?? 0;
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

  nextData(offset: number): number {
    if (offset >= this.size) return this.size;
    this.seekData ??= dataSeeker(this.fd) ?? (() => undefined);
    const found = this.seekData(offset) ?? offset;
    return found === 'none' ? this.size : Math.min(found, this.size);
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** Opens `path` for reading. E_FILE when it is missing, a directory or not permitted. */
export const openFile = (path: string): ByteSource => open(path, 'map');

/** The same, by nothing but read(2). */
export const openFileUnmapped = (path: string): ByteSource => open(path, 'read');

function open(path: string, access: FileAccess): ByteSource {
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
  if (stat.isBlockDevice()) return new FileSource(path, fd, deviceSize(fd));
  const isMapped = access === 'map' && statfsSync(path).type === PROC_SUPER_MAGIC;
  return new FileSource(path, fd, stat.size, isMapped ? MappedReader.open(fd, stat.size) : undefined);
}
