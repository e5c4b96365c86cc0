/**
 * The C library, through node:ffi: the one place where C signatures are written down.
 *
 * A wrong signature here is a segmentation fault or a silently lost result (node:ffi ignores unknown keys and then
 * returns void), so every call is one entry of `prototypes`, with its C prototype beside it, and nothing outside
 * this file names a signature. 64-bit arguments and results are BigInt. A buffer passed as 'pointer' must stay
 * referenced by the caller until the call returns, which a plain call on the stack guarantees.
 *
 * node:ffi is loaded on first use, not on import: it prints an experimental warning, and most commands never call C.
 */
import { constants } from 'node:os';
import { VmcoreError } from '../base/errors.ts';

type Ffi = typeof import('node:ffi');

/** All of libc's own symbols are in the node process: no library file has to be found. */
const prototypes = {
  /** int *__errno_location(void); the calling thread's errno (LSB, glibc and musl). */
  errnoLocation: { symbol: '__errno_location', signature: { arguments: [], return: 'pointer' } },
  /**
   * long syscall(long number, int kernel_fd, int initrd_fd, unsigned long cmdline_len, const char *cmdline,
   * unsigned long flags); as kexec_file_load(2). syscall() is variadic and widens every argument to long.
   */
  kexecFileLoad: {
    symbol: 'syscall',
    signature: { arguments: ['int64', 'int64', 'int64', 'uint64', 'pointer', 'uint64'], return: 'int64' },
  },
  /**
   * long syscall(long number, unsigned long entry, unsigned long nr_segments, struct kexec_segment *segments, unsigned long flags); as
   * kexec_load(2).
   */
  kexecLoad: {
    symbol: 'syscall',
    signature: { arguments: ['int64', 'uint64', 'uint64', 'pointer', 'uint64'], return: 'int64' },
  },
  /** long syscall(long number, int magic, int magic2, int cmd, void *arg); as the system call reboot(2), whose first three are int. */
  reboot: {
    symbol: 'syscall',
    signature: { arguments: ['int64', 'uint64', 'uint64', 'uint64', 'uint64'], return: 'int64' },
  },
  /** void sync(void); */
  sync: { symbol: 'sync', signature: { arguments: [], return: 'void' } },
  /**
   * void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset); MAP_FAILED is (void *)-1. off_t has 64 bits on
   * 64-bit Linux, in glibc and musl.
   */
  mmap: {
    symbol: 'mmap',
    signature: { arguments: ['uint64', 'uint64', 'int32', 'int32', 'int32', 'int64'], return: 'int64' },
  },
  /** off_t lseek(int fd, off_t offset, int whence); */
  lseek: { symbol: 'lseek', signature: { arguments: ['int32', 'int64', 'int32'], return: 'int64' } },
  /** int flock(int fd, int operation); */
  flock: { symbol: 'flock', signature: { arguments: ['int32', 'int32'], return: 'int32' } },
  /** int pipe2(int pipefd[2], int flags); */
  pipe2: { symbol: 'pipe2', signature: { arguments: ['pointer', 'int32'], return: 'int32' } },
  /** int mount(const char *source, const char *target, const char *filesystemtype, unsigned long mountflags, const void *data); */
  mount: {
    symbol: 'mount',
    signature: { arguments: ['pointer', 'pointer', 'pointer', 'uint64', 'pointer'], return: 'int32' },
  },
  /** int umount2(const char *target, int flags); */
  umount2: { symbol: 'umount2', signature: { arguments: ['pointer', 'int32'], return: 'int32' } },
  /** int klogctl(int type, char *bufp, int len); */
  klogctl: { symbol: 'klogctl', signature: { arguments: ['int32', 'pointer', 'int32'], return: 'int32' } },
  /** int munmap(void *addr, size_t length); */
  munmap: { symbol: 'munmap', signature: { arguments: ['uint64', 'uint64'], return: 'int32' } },
} as const;

/** A system call that returned -1. `name` is the errno's symbol (`EPERM`), or `errno N` for one we cannot name. */
export interface Errno {
  readonly number: number;
  readonly name: string;
}

/**
 * Errnos that kexec's signature check and damaged file systems return and node's own table does not know.
 * Values: include/uapi/asm-generic/errno.h (Linux 6.1), used by x86 and arm64.
 */
const moreErrnoNames: Readonly<Record<number, string>> = {
  65: 'ENOPKG',
  80: 'ELIBBAD',
  117: 'EUCLEAN',
  126: 'ENOKEY',
  127: 'EKEYEXPIRED',
  128: 'EKEYREVOKED',
  129: 'EKEYREJECTED',
};

export function errnoName(number: number): string {
  for (const [name, value] of Object.entries(constants.errno)) if (value === number) return name;
  return moreErrnoNames[number] ?? `errno ${number}`;
}

function loadFfi(): Ffi {
  const ffi = process.getBuiltinModule('node:ffi') as Ffi | undefined;
  if (!ffi) {
    throw new VmcoreError('E_NEEDS', `Node ${process.version} has no node:ffi`, {
      hint: 'run it with Node 26.9 or newer (bin/vmcore does)',
    });
  }
  return ffi;
}

/** What the last call on this thread failed with. Made before that call: looking up a symbol may itself change errno. */
function errnoReader(ffi: Ffi, libc: InstanceType<Ffi['DynamicLibrary']>): () => Errno {
  const location = libc.getFunction(prototypes.errnoLocation.symbol, prototypes.errnoLocation.signature);
  return () => {
    const number = ffi.getInt32(location());
    return { number, name: errnoName(number) };
  };
}

/**
 * kexec_file_load(2) by its number on this architecture. `commandLine` is NUL-terminated here; the length that the
 * kernel wants counts the NUL. Returns undefined when the kernel accepted.
 */
export function kexecFileLoadCall(
  systemCall: number,
  kernelFd: number,
  initrdFd: number,
  commandLine: string,
  flags: number,
): Errno | undefined {
  const ffi = loadFfi();
  const libc = new ffi.DynamicLibrary(null);
  const call = libc.getFunction(prototypes.kexecFileLoad.symbol, prototypes.kexecFileLoad.signature);
  const errno = errnoReader(ffi, libc);
  const text = Buffer.from(`${commandLine}\0`, 'latin1');
  const result = call(
    BigInt(systemCall),
    BigInt(kernelFd),
    BigInt(initrdFd),
    BigInt(text.length),
    text,
    BigInt(flags),
  );
  if (result !== -1n) return undefined;
  return errno();
}

/** A segment as kexecLoadCall takes it. */
export interface KexecSegmentMemory {
  readonly data: Uint8Array;
  readonly address: number;
  readonly size: number;
}

/** Bytes of a struct kexec_segment { const void *buf; size_t bufsz; const void *mem; size_t memsz; } (include/uapi/linux/kexec.h, Linux 6.1). */
const kexecSegmentSize = 32;

/** kexec_load(2) by its number on this architecture. Undefined when the kernel accepted. */
export function kexecLoadCall(
  systemCall: number,
  entry: number,
  segments: readonly KexecSegmentMemory[],
  flags: number,
): Errno | undefined {
  const ffi = loadFfi();
  const libc = new ffi.DynamicLibrary(null);
  const call = libc.getFunction(prototypes.kexecLoad.symbol, prototypes.kexecLoad.signature);
  const errno = errnoReader(ffi, libc);
  // An empty array has no address.
  const table = Buffer.alloc(kexecSegmentSize * Math.max(1, segments.length));
  segments.forEach(({ data, address, size }, i) => {
    const at = i * kexecSegmentSize;
    table.writeBigUInt64LE(data.length === 0 ? 0n : ffi.getRawPointer(data), at);
    table.writeBigUInt64LE(BigInt(data.length), at + 8);
    table.writeBigUInt64LE(BigInt(address), at + 16);
    table.writeBigUInt64LE(BigInt(size), at + 24);
  });
  const result = call(BigInt(systemCall), BigInt(entry), BigInt(segments.length), table, BigInt(flags));
  if (result !== -1n) return undefined;
  return errno();
}

/** reboot(2) by its number. Does not come back when it does what is asked and that is a restart. */
export function rebootCall(
  systemCall: number,
  magic: number,
  magic2: number,
  command: number,
): Errno | undefined {
  const ffi = loadFfi();
  const libc = new ffi.DynamicLibrary(null);
  const call = libc.getFunction(prototypes.reboot.symbol, prototypes.reboot.signature);
  const errno = errnoReader(ffi, libc);
  const result = call(BigInt(systemCall), BigInt(magic), BigInt(magic2), BigInt(command), 0n);
  if (result !== -1n) return undefined;
  return errno();
}

export function syncCall(): void {
  const ffi = loadFfi();
  const libc = new ffi.DynamicLibrary(null);
  libc.getFunction(prototypes.sync.symbol, prototypes.sync.signature)();
}

/** flock(2): LOCK_EX | LOCK_NB (include/uapi/asm-generic/fcntl.h, Linux 6.1), and the errno of a lock that another one has. */
const LOCK_EX_NB = 2 | 4;
const EAGAIN = 11;

/** Locks an open file for this process alone, without waiting; closing the file unlocks it. "busy" when another one has it. */
export function flockCall(fd: number): Errno | 'busy' | undefined {
  const ffi = loadFfi();
  const libc = new ffi.DynamicLibrary(null);
  const flock = libc.getFunction(prototypes.flock.symbol, prototypes.flock.signature);
  const errno = errnoReader(ffi, libc);
  if (flock(fd, LOCK_EX_NB) === 0) return undefined;
  const failed = errno();
  return failed.number === EAGAIN ? 'busy' : failed;
}

const text = (value: string): Buffer => Buffer.from(`${value}\0`);

/** mount(2), without flags. `data`: the file system's own options. Undefined when it is mounted. */
export function mountCall(
  source: string,
  target: string,
  type: string,
  data: string | undefined,
): Errno | undefined {
  const ffi = loadFfi();
  const libc = new ffi.DynamicLibrary(null);
  const mount = libc.getFunction(prototypes.mount.symbol, prototypes.mount.signature);
  const errno = errnoReader(ffi, libc);
  const options = data === undefined ? null : text(data);
  if (mount(text(source), text(target), text(type), 0n, options) === 0) return undefined;
  return errno();
}

/** umount2(2), without flags. Undefined when nothing is mounted there any more. */
export function unmountCall(target: string): Errno | undefined {
  const ffi = loadFfi();
  const libc = new ffi.DynamicLibrary(null);
  const umount2 = libc.getFunction(prototypes.umount2.symbol, prototypes.umount2.signature);
  const errno = errnoReader(ffi, libc);
  if (umount2(text(target), 0) === 0) return undefined;
  return errno();
}

/** man 2 syslog. */
const SYSLOG_ACTION_READ_ALL = 3;
const SYSLOG_ACTION_SIZE_BUFFER = 10;
/** Of each line: `<6>[    5.140900] ` is not in the buffer whose size the kernel tells. */
const room = 2;

/** All of the kernel's log, oldest line first; undefined when we may not read it. */
export function kernelLogCall(): Buffer | undefined {
  const ffi = loadFfi();
  const libc = new ffi.DynamicLibrary(null);
  const klogctl = libc.getFunction(prototypes.klogctl.symbol, prototypes.klogctl.signature);
  const size = klogctl(SYSLOG_ACTION_SIZE_BUFFER, null, 0);
  if (size <= 0) return undefined;
  const log = Buffer.allocUnsafe(size * room);
  const got = klogctl(SYSLOG_ACTION_READ_ALL, log, log.length);
  return got < 0 ? undefined : log.subarray(0, got);
}

/** fcntl.h: include/uapi/asm-generic/fcntl.h (Linux 6.1), the same on x86 and arm64. */
const O_CLOEXEC = 0o2000000;

/** Two file descriptors of one pipe; both block, and no program that is started inherits them. */
export interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
}

/** pipe2(2). node's own pipes to a child do not block: whoever writes faster than the child reads fills the memory. */
export function openPipe(): Pipe | Errno {
  const ffi = loadFfi();
  const libc = new ffi.DynamicLibrary(null);
  const pipe2 = libc.getFunction(prototypes.pipe2.symbol, prototypes.pipe2.signature);
  const errno = errnoReader(ffi, libc);
  const ends = new Int32Array(2);
  if (pipe2(ends, O_CLOEXEC) === 0) return { readEnd: ends[0]!, writeEnd: ends[1]! };
  return errno();
}

/** lseek(2); SEEK_DATA since Linux 3.1, and what it says behind the last byte. */
const SEEK_END = 2;
const SEEK_DATA = 3;
const ENXIO = 6;

/**
 * Finds the next byte of an open file that is in no hole: its offset, or "none" behind the last one. Undefined where the kernel or the file
 * system does not tell.
 */
export function dataSeeker(fd: number): ((offset: number) => number | 'none' | undefined) | undefined {
  if (process.platform !== 'linux') return undefined;
  const ffi = loadFfi();
  const libc = new ffi.DynamicLibrary(null);
  const lseek = libc.getFunction(prototypes.lseek.symbol, prototypes.lseek.signature);
  const errno = errnoReader(ffi, libc);
  return (offset) => {
    const found = lseek(fd, BigInt(offset), SEEK_DATA);
    if (found !== -1n) return Number(found);
    return errno().number === ENXIO ? 'none' : undefined;
  };
}

/** Where an open file or block device ends, bytes; its position is there afterwards. Undefined for what has no end. */
export function seekEnd(fd: number): number | undefined {
  const libc = new (loadFfi().DynamicLibrary)(null);
  const end = libc.getFunction(prototypes.lseek.symbol, prototypes.lseek.signature)(fd, 0n, SEEK_END);
  return end === -1n ? undefined : Number(end);
}

/** Constants of mmap(2): include/uapi/asm-generic/mman-common.h and mman.h (Linux 6.1), the same on x86 and arm64. */
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_PRIVATE = 0x02;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;

/** Memory whose pages are exchanged for pages of a file. Addresses and lengths are those of whole pages. */
export interface PageExchange {
  addressOf(memory: Uint8Array): bigint;
  /** Maps the file's first `length` bytes somewhere, and unmaps them. */
  canMap(fd: number, length: number): boolean;
  /** mmap(2) of a file over memory that is there, to be read only. False when the kernel refused: the memory may then be gone. */
  mapFile(address: bigint, length: number, fd: number, offset: number): boolean;
  /** mmap(2) of nothing over it: zeros, to be written. False when the kernel refused. */
  mapZeros(address: bigint, length: number): boolean;
}

/** The calls, found once. Undefined where the constants above are not known to hold. */
export function pageExchange(): PageExchange | undefined {
  if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64')) return undefined;
  const ffi = loadFfi();
  const libc = new ffi.DynamicLibrary(null);
  const mmap = libc.getFunction(prototypes.mmap.symbol, prototypes.mmap.signature);
  const munmap = libc.getFunction(prototypes.munmap.symbol, prototypes.munmap.signature);
  const map = (
    address: bigint,
    length: number,
    protection: number,
    kind: number,
    fd: number,
    offset: number,
  ): boolean =>
    mmap(address, BigInt(length), protection, MAP_PRIVATE | MAP_FIXED | kind, fd, BigInt(offset)) === address;
  return {
    addressOf: (memory) => ffi.getRawPointer(memory),
    canMap: (fd, length) => {
      const address = mmap(0n, BigInt(length), PROT_READ, MAP_PRIVATE, fd, 0n);
      if (address === -1n) return false;
      munmap(address, BigInt(length));
      return true;
    },
    mapFile: (address, length, fd, offset) => map(address, length, PROT_READ, 0, fd, offset),
    mapZeros: (address, length) =>
      map(address, length, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
  };
}
