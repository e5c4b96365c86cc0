/**
 * The newc cpio archive, the form of an initramfs that every kernel unpacks.
 *
 * Source of truth: Documentation/driver-api/early-userspace/buffer-format.rst and init/initramfs.c (Linux 6.1).
 * An entry is a 110-byte header of ASCII hex fields, the name with its NUL, and the data; name and data are each
 * padded to 4 bytes. The archive ends with an entry named TRAILER!!!.
 *
 * The output depends on the entries alone: owner 0, time 0, inode numbers in order.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { alignUp } from '../../../base/bytes.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { openFile } from '../../../sys/file-source.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';

export type CpioEntry =
  | { readonly kind: 'directory'; readonly path: string; readonly mode?: number }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly mode?: number;
      /** The bytes, or the file they are copied from when the archive is written. */
      readonly data: Uint8Array | { readonly file: string };
    }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }
  | {
      readonly kind: 'device';
      readonly type: 'character' | 'block';
      readonly path: string;
      readonly major: number;
      readonly minor: number;
      readonly mode?: number;
    };

/** A file of `text` that only root may read. */
export const privateFile = (path: string, text: string): CpioEntry => ({
  kind: 'file',
  path,
  mode: 0o600,
  data: Buffer.from(text),
});

const headerSize = 110;
const trailerName = 'TRAILER!!!';
/** S_IFMT values, include/uapi/linux/stat.h. */
const typeBits = {
  directory: 0o040000,
  file: 0o100000,
  symlink: 0o120000,
  character: 0o020000,
  block: 0o060000,
} as const;
/** The header stores the data size in 32 bits. */
const maxFileSize = 0xffff_ffff;
const copySize = 1 << 20;

/**
 * Writes the archive to `path` (0600: it may hold keys) and returns its size in bytes. Paths have no leading slash.
 * Folders above an entry are added when the entries do not name them.
 */
export function writeCpio(path: string, entries: readonly CpioEntry[]): number {
  let fd: number;
  try {
    fd = openSync(path, 'w', 0o600);
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot write', { file: path });
  }
  let size = 0;
  try {
    for (const piece of cpioPieces(entries)) {
      for (let done = 0; done < piece.length; ) done += writeSync(fd, piece, done);
      size += piece.length;
    }
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot write', { file: path });
  } finally {
    closeSync(fd);
  }
  return size;
}

/** The archive in pieces; a piece is valid until the next one is asked for. */
export function* cpioPieces(entries: readonly CpioEntry[]): Generator<Uint8Array> {
  let inode = 1;
  for (const entry of withParents(entries)) yield* entryPieces(entry, inode++);
  yield header(trailerName, { inode: 0, mode: 0, links: 1, size: 0, major: 0, minor: 0 });
}

function* entryPieces(entry: CpioEntry, inode: number): Generator<Uint8Array> {
  const mode = typeBits[entry.kind === 'device' ? entry.type : entry.kind] | modeOf(entry);
  const links = entry.kind === 'directory' ? 2 : 1;
  if (entry.kind === 'device') {
    yield header(entry.path, { inode, mode, links, size: 0, major: entry.major, minor: entry.minor });
    return;
  }
  const none = { major: 0, minor: 0 };
  if (entry.kind === 'directory') {
    yield header(entry.path, { inode, mode, links, size: 0, ...none });
    return;
  }
  const data = entry.kind === 'symlink' ? Buffer.from(entry.target) : entry.data;
  if (data instanceof Uint8Array) {
    yield header(entry.path, { inode, mode, links, size: data.length, ...none });
    yield data;
    yield padding(data.length);
    return;
  }
  const source = openFile(data.file);
  try {
    if (source.size > maxFileSize) {
      throw new VmcoreError('E_UNSUPPORTED', 'larger than 4 GiB, which an initramfs cannot hold', {
        file: data.file,
        hint: 'leave it out of the capture image',
      });
    }
    yield header(entry.path, { inode, mode, links, size: source.size, ...none });
    const buffer = new Uint8Array(copySize);
    for (let at = 0; at < source.size; ) {
      const got = source.read(at, buffer.subarray(0, Math.min(copySize, source.size - at)));
      if (got === 0) {
        throw new VmcoreError('E_IO', 'became shorter while it was copied', {
          file: data.file,
          offset: at,
          hint: 'try again',
        });
      }
      yield buffer.subarray(0, got);
      at += got;
    }
    yield padding(source.size);
  } finally {
    source.close();
  }
}

function modeOf(entry: CpioEntry): number {
  switch (entry.kind) {
    case 'directory':
      return entry.mode ?? 0o755;
    case 'file':
      return entry.mode ?? 0o644;
    case 'symlink':
      return 0o777;
    case 'device':
      return entry.mode ?? 0o600;
  }
}

interface HeaderFields {
  readonly inode: number;
  readonly mode: number;
  readonly links: number;
  readonly size: number;
  readonly major: number;
  readonly minor: number;
}

/** Header, name, NUL and padding. */
function header(path: string, fields: HeaderFields): Uint8Array {
  const name = Buffer.from(path);
  const bytes = Buffer.alloc(alignUp(headerSize + name.length + 1, 4));
  const values = [
    fields.inode,
    fields.mode,
    0, // uid
    0, // gid
    fields.links,
    0, // mtime
    fields.size,
    0, // device of the file system it came from: major
    0, // and minor
    fields.major,
    fields.minor,
    name.length + 1,
    0, // checksum, unused in newc
  ];
  bytes.write(`070701${values.map((value) => value.toString(16).padStart(8, '0')).join('')}`, 'latin1');
  name.copy(bytes, headerSize);
  return bytes;
}

const padding = (size: number): Uint8Array => new Uint8Array(alignUp(size, 4) - size);

/** The kernel creates nothing on its own: a file whose folder has no entry before it is dropped. */
function withParents(entries: readonly CpioEntry[]): CpioEntry[] {
  const named = new Set(entries.map((entry) => entry.path));
  const added = new Set<string>();
  const out: CpioEntry[] = [];
  for (const entry of entries) {
    const parts = entry.path.split('/');
    for (let count = 1; count < parts.length; count++) {
      const parent = parts.slice(0, count).join('/');
      if (named.has(parent) || added.has(parent)) continue;
      added.add(parent);
      out.push({ kind: 'directory', path: parent });
    }
    out.push(entry);
  }
  return out;
}
