/**
 * Arming and disarming the crash kernel with kexec_file_load(2).
 *
 * The kernel itself builds the elfcorehdr and appends `elfcorehdr=` to the command line (crash_load_segments() in
 * arch/x86/kernel/crash.c, Linux 6.1). What is ours is the policy: check that memory was reserved, turn each errno into one
 * sentence with a way out, and check afterwards that the kernel really is armed.
 */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { type ErrorCode, VmcoreError } from '../../base/errors.ts';
import { KexecFileFlag, kexecFileLoad } from '../../sys/kexec.ts';
import { asVmcoreError } from '../../sys/system-error.ts';

export interface CrashKernelImage {
  /** A bzImage (x86_64) or Image (arm64). */
  readonly kernel: string;
  readonly initrd?: string;
  /** The capture kernel's command line. */
  readonly commandLine: string;
}

/** Reads one of the small files below /sys/kernel; the text is trimmed. Undefined when it is not there. */
export type ReadKernelFile = (
  name: 'kexec_crash_size' | 'kexec_crash_loaded' | 'kexec_loaded',
) => string | undefined;

const readSysKernel: ReadKernelFile = (name) => {
  try {
    return readFileSync(`/sys/kernel/${name}`, 'utf8').trim();
  } catch {
    return undefined;
  }
};

/** Is a crash kernel armed (`crash`), or a kernel for `kexec -e` loaded (`reboot`)? E_NEEDS without kexec. */
export function isLoaded(which: 'crash' | 'reboot', read: ReadKernelFile = readSysKernel): boolean {
  const text = read(which === 'crash' ? 'kexec_crash_loaded' : 'kexec_loaded');
  if (text === undefined) throw noKexec();
  return text === '1';
}

/** Bytes that `crashkernel=` reserved, 0 when nothing is. E_NEEDS without kexec. */
export function reservedBytes(read: ReadKernelFile = readSysKernel): number {
  const text = read('kexec_crash_size');
  if (text === undefined) throw noKexec();
  return Number(text);
}

/** Loads the crash kernel and checks that it is armed. E_NEEDS, E_FILE or E_SYSCALL say what is in the way. */
export function loadCrashKernel(image: CrashKernelImage): void {
  checkReservation(readSysKernel);
  const kernelFd = openImage(image.kernel);
  try {
    const initrdFd = image.initrd === undefined ? undefined : openImage(image.initrd);
    try {
      const noInitramfs = initrdFd === undefined ? KexecFileFlag.noInitramfs : 0;
      const errno = kexecFileLoad({
        kernelFd,
        ...(initrdFd === undefined ? {} : { initrdFd }),
        commandLine: image.commandLine,
        flags: KexecFileFlag.onCrash | noInitramfs,
      });
      if (errno) throw refusal(errno.name, image.kernel, reservedBytes());
    } finally {
      if (initrdFd !== undefined) closeSync(initrdFd);
    }
  } finally {
    closeSync(kernelFd);
  }
  if (!isLoaded('crash')) {
    throw new VmcoreError('E_SYSCALL', 'the kernel accepted the crash kernel but is not armed', {
      file: '/sys/kernel/kexec_crash_loaded',
      hint: 'look at the kernel log',
    });
  }
}

/** Disarms. Fine when nothing was loaded. */
export function unloadCrashKernel(): void {
  if (!isLoaded('crash')) return;
  const errno = kexecFileLoad({
    kernelFd: -1,
    commandLine: '',
    flags: KexecFileFlag.unload | KexecFileFlag.onCrash,
  });
  if (errno) throw refusal(errno.name, undefined, reservedBytes());
}

/** E_NEEDS unless memory is reserved for a crash kernel. */
export function checkReservation(read: ReadKernelFile): void {
  if (reservedBytes(read) === 0) {
    throw new VmcoreError('E_NEEDS', 'no memory is reserved for a crash kernel', {
      file: '/sys/kernel/kexec_crash_size',
      hint: 'boot with crashkernel=256M on the kernel command line',
    });
  }
}

function openImage(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot open', { file: path });
  }
}

const noKexec = (): VmcoreError =>
  new VmcoreError('E_NEEDS', 'this kernel is built without kexec for crashes', {
    file: '/sys/kernel/kexec_crash_loaded',
    hint: 'use a kernel with CONFIG_CRASH_DUMP and CONFIG_KEXEC_FILE',
  });

/**
 * What kexec_file_load(2) means by an errno: kernel/kexec_file.c, kernel/kexec_core.c and
 * arch/x86/kernel/kexec-bzimage64.c (Linux 6.1).
 */
export function refusal(errno: string, kernel: string | undefined, reserved: number): VmcoreError {
  const mebibytes = Math.floor(reserved / 2 ** 20);
  const error = (code: ErrorCode, what: string, hint: string): VmcoreError =>
    new VmcoreError(code, `${what} (${errno})`, { file: kernel, hint });
  switch (errno) {
    case 'EPERM':
      return error(
        'E_NEEDS',
        'not permitted to load a crash kernel',
        'run as root; if you are, kexec is off (sysctl kernel.kexec_load_disabled) or locked down',
      );
    case 'ENOEXEC':
      return error(
        'E_FILE',
        'not a kernel image that can be booted',
        'name a bzImage (x86_64) or an Image (arm64)',
      );
    case 'ENOMEM':
    case 'EADDRNOTAVAIL':
      return error(
        'E_NEEDS',
        `kernel and initramfs do not fit the ${mebibytes} MiB that are reserved, or memory is short`,
        'reserve more with crashkernel= and reboot',
      );
    case 'EKEYREJECTED':
    case 'EBADMSG':
    case 'ENOKEY':
    case 'ENOPKG':
    case 'EKEYEXPIRED':
    case 'EKEYREVOKED':
    case 'ELIBBAD':
      return error(
        'E_NEEDS',
        'the signature of the kernel was not accepted',
        'load a kernel signed with a key that this machine trusts',
      );
    case 'ENOSYS':
      return error(
        'E_NEEDS',
        'this kernel has no kexec_file_load system call',
        'use a kernel with CONFIG_KEXEC_FILE',
      );
    case 'EBUSY':
      return error('E_SYSCALL', 'another kexec load is under way', 'try again when it has ended');
    case 'EINVAL':
      return error(
        'E_SYSCALL',
        'the kernel did not accept the command line or the images',
        'shorten the command line to less than 2048 bytes and check the images',
      );
    default:
      return error('E_SYSCALL', 'the kernel refused to load the crash kernel', 'look at the kernel log');
  }
}
