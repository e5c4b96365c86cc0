/**
 * The files that a process has open, its root and its working directory.
 *
 * Source of truth: include/linux/fdtable.h, fs.h, fs_struct.h (Linux 4.18, 6.1, 6.12, 7.2). A table of pointers and a bitmap of those in use; the flags
 * are those of open(2), of which four differ on arm64 (arch/arm64/include/uapi/asm/fcntl.h).
 */
import { viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import { asVaddr, type Vaddr } from '../base/units.ts';
import type { CrashedKernel } from './crashed-kernel.ts';
import type { Missing } from './missing.ts';
import { pathText } from './paths.ts';
import { type SocketEnds, socketEnds } from './sockets.ts';
import type { Struct } from './struct.ts';

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
/** Bits of a word of the bitmaps. */
const wordBits = 64;
const accessModes = ['RDONLY', 'WRONLY', 'RDWR'] as const;

/** The open files of a task, by their numbers. What is damaged is noted in `missing`. Nothing for a task that has no files: it is exiting. */
export function* readFiles(crashed: CrashedKernel, task: Struct, missing: Missing): Generator<OpenFile> {
  const table = missing.attempt('the table of open files', () => task.follow('files')?.follow('fdt'));
  if (table === undefined) return;
  const size = missing.attempt('the table of open files', () => tableSize(table)) ?? 0;
  for (let first = 0; first < size; first += wordBits) {
    const what = `open files ${first} to ${first + wordBits - 1}`;
    const word = missing.attempt(what, () => bits(crashed, table.pointer('open_fds'), first));
    if (word === undefined || word === 0n) continue;
    const closing = missing.attempt(what, () => bits(crashed, table.pointer('close_on_exec'), first)) ?? 0n;
    for (let bit = 0; bit < wordBits; bit++) {
      if (((word >> BigInt(bit)) & 1n) === 0n) continue;
      const fd = first + bit;
      const closeOnExec = ((closing >> BigInt(bit)) & 1n) === 1n;
      const file = missing.attempt(`open file ${fd}`, () => {
        const address = crashed.kernel.readPointer(asVaddr(table.pointer('fd') + BigInt(8 * fd)));
        // A number that was taken, and whose file is yet to come.
        return address === 0n ? undefined : crashed.struct('file', address);
      });
      const read =
        file === undefined
          ? undefined
          : missing.attempt(`open file ${fd}`, () => readFile(crashed, fd, file, closeOnExec, missing));
      if (read !== undefined) yield read;
    }
  }
}

function tableSize(table: Struct): number {
  const size = table.number('max_fds');
  if (size <= maxFiles) return size;
  throw new VmcoreError('E_CORRUPT', `has room for ${size} files, more than can be`);
}

const bits = (crashed: CrashedKernel, bitmap: bigint, first: number): bigint =>
  viewOf(crashed.kernel.read(asVaddr(bitmap + BigInt(first / 8)), 8)).getBigUint64(
    0,
    crashed.dump.littleEndian,
  );

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
