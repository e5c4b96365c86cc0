/**
 * kexec_file_load(2), kexec_load(2) and reboot(2): numbers, flags and the bare calls. What an error means is decided in tools/kexec.
 *
 * Sources of truth (Linux 6.1): include/uapi/linux/kexec.h for flags and struct kexec_segment,
 * arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h for the numbers,
 * include/uapi/linux/reboot.h.
 */
import { type Errno, kexecFileLoadCall, kexecLoadCall, rebootCall, syncCall } from './libc.ts';

export type { Errno };

export const KexecFileFlag = { unload: 1, onCrash: 2, noInitramfs: 4 } as const;
/** crashHotplug: KEXEC_CRASH_HOTPLUG_SUPPORT, since Linux 6.10 (79365026f869). */
export const KexecFlag = { onCrash: 1, updateElfCoreHdr: 4, crashHotplug: 8 } as const;

/** System call numbers by `process.arch`. */
const numbers: Readonly<
  Record<string, { readonly kexecFileLoad: number; readonly kexecLoad: number; readonly reboot: number }>
> = {
  x64: { kexecFileLoad: 320, kexecLoad: 246, reboot: 169 },
  arm64: { kexecFileLoad: 294, kexecLoad: 104, reboot: 142 },
};
const ourNumbers = process.platform === 'linux' ? numbers[process.arch] : undefined;
/** Where we do not know a call's number. */
const noSuchCall: Errno = { number: 38, name: 'ENOSYS' };

export interface KexecFileLoad {
  readonly kernelFd: number;
  /** Absent: the flag KEXEC_FILE_NO_INITRAMFS must be given. */
  readonly initrdFd?: number;
  /** Without a NUL; the kernel allows 2048 bytes on x86_64 and arm64 (COMMAND_LINE_SIZE). */
  readonly commandLine: string;
  readonly flags: number;
}

/** Undefined when the kernel accepted, else its errno. */
export function kexecFileLoad(load: KexecFileLoad): Errno | undefined {
  if (ourNumbers === undefined) return noSuchCall;
  return kexecFileLoadCall(
    ourNumbers.kexecFileLoad,
    load.kernelFd,
    load.initrdFd ?? -1,
    load.commandLine,
    load.flags,
  );
}

export interface KexecSegment {
  readonly data: Uint8Array;
  /** Physical, page-aligned. */
  readonly address: number;
  /** Bytes of memory: whole pages. */
  readonly size: number;
}

export interface KexecLoad {
  /** The kernel refuses one of another architecture; undefined, when there is nothing to run, is its own. */
  readonly arch: 'x86_64' | 'arm64' | undefined;
  readonly entry: number;
  readonly segments: readonly KexecSegment[];
  readonly flags: number;
}

/** KEXEC_ARCH_*: the ELF machine numbers, in the upper half of the flags. */
const archFlags = { x86_64: 62 << 16, arm64: 183 << 16 } as const;

/** Undefined when the kernel accepted, else its errno. */
export function kexecLoad({ arch, entry, segments, flags }: KexecLoad): Errno | undefined {
  if (ourNumbers === undefined) return noSuchCall;
  const archFlag = arch === undefined ? 0 : archFlags[arch];
  return kexecLoadCall(ourNumbers.kexecLoad, entry, segments, flags | archFlag);
}

/** LINUX_REBOOT_MAGIC1, _MAGIC2 and _CMD_KEXEC. */
const rebootMagic = [0xfee1dead, 672274793] as const;
const rebootKexec = 0x45584543;

/** Jumps into the loaded kernel: comes back only with an errno. */
export function rebootIntoLoaded(): Errno | undefined {
  if (ourNumbers === undefined) return noSuchCall;
  return rebootCall(ourNumbers.reboot, ...rebootMagic, rebootKexec);
}

/** sync(2): writes out the page cache of all file systems, and waits for it. */
export const syncFileSystems = syncCall;
