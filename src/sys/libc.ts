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
} as const;

/** A system call that returned -1. `name` is the errno's symbol (`EPERM`), or `errno N` for one we cannot name. */
export interface Errno {
  readonly number: number;
  readonly name: string;
}

/**
 * Errnos that kexec's signature check returns and node's own table does not know.
 * Values: include/uapi/asm-generic/errno.h (Linux 6.1), used by x86 and arm64.
 */
const moreErrnoNames: Readonly<Record<number, string>> = {
  65: 'ENOPKG',
  80: 'ELIBBAD',
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
  const errnoLocation = libc.getFunction(prototypes.errnoLocation.symbol, prototypes.errnoLocation.signature);
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
  const number = ffi.getInt32(errnoLocation());
  return { number, name: errnoName(number) };
}
