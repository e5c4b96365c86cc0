/**
 * kexec_file_load(2): numbers, flags and the bare call. What an error means is decided in tools/kexec.
 *
 * Sources of truth (Linux 6.1): include/uapi/linux/kexec.h for the flags,
 * arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h for the numbers.
 */
import { type Errno, kexecFileLoadCall } from './libc.ts';

export const KexecFileFlag = { unload: 1, onCrash: 2, noInitramfs: 4 } as const;

/** System call numbers by `process.arch`. */
const kexecFileLoadNumber: Readonly<Record<string, number>> = { x64: 320, arm64: 294 };

export interface KexecFileLoad {
  readonly kernelFd: number;
  /** Absent: the flag KEXEC_FILE_NO_INITRAMFS must be given. */
  readonly initrdFd?: number;
  /** Without a NUL; the kernel allows 2048 bytes on x86_64 and arm64 (COMMAND_LINE_SIZE). */
  readonly commandLine: string;
  readonly flags: number;
}

/** Undefined when the kernel accepted, else its errno; ENOSYS too where we do not know the call's number. */
export function kexecFileLoad(load: KexecFileLoad): Errno | undefined {
  const number = kexecFileLoadNumber[process.arch];
  if (process.platform !== 'linux' || number === undefined) return { number: 38, name: 'ENOSYS' };
  return kexecFileLoadCall(number, load.kernelFd, load.initrdFd ?? -1, load.commandLine, load.flags);
}
