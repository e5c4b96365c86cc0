/**
 * The files that a process has open, its root and its working directory.
 *
 * Source of truth: include/linux/fdtable.h, fs.h, fs_struct.h (Linux 4.18, 6.1, 6.12, 7.2). A table of pointers and a bitmap of those in use; the flags
 * are those of open(2), of which four differ on arm64 (arch/arm64/include/uapi/asm/fcntl.h).
 */
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import type { Missing } from '../missing.ts';
import type { Struct } from '../struct.ts';
import { pathText } from './paths.ts';
import { type SocketEnds, socketEnds } from './sockets.ts';

export interface OpenFile {
  readonly fd: number;
  /** Of its struct file. */
  readonly address: Vaddr;
  /** "/etc/passwd", "pipe:[4711]", "socket:[4712]". */
  readonly path: string;
  /** "RDWR", "APPEND", "CLOEXEC": as open(2) names them, without O_. */
  readonly flags: readonly string[];
  /** Bytes from the beginning. */
  readonly position: number;
  /** Of sockets. */
  readonly socket: SocketEnds | undefined;
}

/** A process may be allowed 2^30 (sysctl fs.nr_open); no machine has that much memory for them. */
const maxFiles = 2 ** 26;
/** Of the bitmap, read at once: half a page of it. Its words are little-endian on both architectures, so that bytes can be read one by one. */
const pieceBits = 16384;
/** A table of which so many files are not there is none. */
const maxFailures = 256;
const accessModes = ['RDONLY', 'WRONLY', 'RDWR'] as const;

/** The open files of a task, by their numbers. What is damaged is noted in `missing`. Nothing for a task that has no files: it is exiting. */
export function* readFiles(crashed: CrashedKernel, task: Struct, missing: Missing): Generator<OpenFile> {
  const table = missing.attempt('the table of open files', () => task.follow('files')?.follow('fdt'));
  if (table === undefined) return;
  let failures = 0;
  for (const fd of openNumbers(crashed, table, missing)) {
    const file = readNumber(crashed, table, fd, missing);
    if (file !== undefined && file !== 'none') yield file;
    failures += file === undefined ? 1 : 0;
    if (failures <= maxFailures) continue;
    missing.note(
      `the table of open files: its files from ${fd} on, for of more than ${maxFailures} nothing could be read`,
    );
    return;
  }
}

/** The numbers in use. */
function* openNumbers(crashed: CrashedKernel, table: Struct, missing: Missing): Generator<number> {
  const size = missing.attempt('the table of open files', () => tableSize(table)) ?? 0;
  for (let first = 0; first < size; first += pieceBits) {
    const count = Math.min(pieceBits, size - first);
    const bits = missing.attempt(`open files ${first} to ${first + count - 1}`, () =>
      crashed.kernel.read(asVaddr(table.pointer('open_fds') + BigInt(first / 8)), Math.ceil(count / 8)),
    );
    for (const [i, byte] of (bits ?? []).entries())
      for (let bit = 0; bit < 8; bit++) if (((byte >> bit) & 1) === 1) yield first + 8 * i + bit;
  }
}

/** 'none': a number that was taken, and whose file is yet to come. Undefined, and a note, when it could not be read. */
function readNumber(
  crashed: CrashedKernel,
  table: Struct,
  fd: number,
  missing: Missing,
): OpenFile | 'none' | undefined {
  return missing.attempt(`open file ${fd}`, () => {
    const { kernel } = crashed;
    const address = kernel.readPointer(asVaddr(table.pointer('fd') + BigInt(8 * fd)));
    if (address === 0n) return 'none';
    const [byte = 0] = kernel.read(asVaddr(table.pointer('close_on_exec') + BigInt(fd >> 3)), 1);
    return readFile(crashed, fd, crashed.struct('file', address), ((byte >> (fd & 7)) & 1) === 1, missing);
  });
}

function tableSize(table: Struct): number {
  const size = table.number('max_fds');
  if (size <= maxFiles) return size;
  throw new VmcoreError('E_CORRUPT', `has room for ${size} files, more than can be`);
}

function readFile(
  crashed: CrashedKernel,
  fd: number,
  file: Struct,
  closeOnExec: boolean,
  missing: Missing,
): OpenFile {
  // The file itself first: without it there is no path to speak of.
  const flags = [...openFlags(crashed, file.number('f_flags')), ...(closeOnExec ? ['CLOEXEC'] : [])];
  const position = file.number('f_pos');
  return {
    fd,
    address: file.address,
    path: pathText(crashed, file.struct('f_path'), missing),
    flags,
    position,
    socket: missing.attempt(`the socket of open file ${fd}`, () => socketEnds(crashed, file)),
  };
}

/** include/uapi/asm-generic/fcntl.h; O_SYNC has the bit of O_DSYNC in it. */
function openFlags(crashed: CrashedKernel, flags: number): string[] {
  const isArm = crashed.dump.arch === 'arm64';
  const names = [
    [0o2000, 'APPEND'],
    [0o4000, 'NONBLOCK'],
    [0o10000, 'DSYNC'],
    [0o20000, 'ASYNC'],
    [isArm ? 0o200000 : 0o40000, 'DIRECT'],
    [isArm ? 0o400000 : 0o100000, 'LARGEFILE'],
    [isArm ? 0o40000 : 0o200000, 'DIRECTORY'],
    [isArm ? 0o100000 : 0o400000, 'NOFOLLOW'],
    [0o1000000, 'NOATIME'],
    [0o10000000, 'PATH'],
  ] as const;
  const access = accessModes[flags & 0o3];
  return [
    ...(access === undefined ? [] : [access]),
    ...names.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name),
  ];
}
