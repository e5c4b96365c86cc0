/**
 * What kexec_file_load(2) and kexec_load(2) mean by an errno: kernel/kexec_file.c, kernel/kexec.c, kernel/kexec_core.c,
 * arch/x86/kernel/kexec-bzimage64.c and arch/arm64/kernel/machine_kexec.c (Linux 6.1).
 */
import { type ErrorCode, VmcoreError } from '../../base/errors.ts';
import { formatSize } from '../../base/units.ts';

export type LoadCall = 'kexec_file_load' | 'kexec_load';

/** The kernel checked a signature and did not like it: what `-a` must never get round by the other call. */
const signatureErrnos: ReadonlySet<string> = new Set([
  'EKEYREJECTED',
  'EBADMSG',
  'ENOKEY',
  'ENOPKG',
  'EKEYEXPIRED',
  'EKEYREVOKED',
  'ELIBBAD',
]);

/**
 * This kernel cannot load this image by kexec_file_load, which kexec_load may: the call is not there (ENOSYS), or its loaders do not
 * know the image (ENOEXEC), a flag or an option (EINVAL, EOPNOTSUPP).
 */
const otherCallMay: ReadonlySet<string> = new Set(['ENOSYS', 'ENOEXEC', 'EINVAL', 'EOPNOTSUPP', 'ENOTSUP']);

export const mayTryKexecLoad = (errno: string): boolean => otherCallMay.has(errno);

/** Kernel, initramfs and what belongs to them did not fit, or memory was short. */
export const isOutOfRoom = (errno: string): boolean => errno === 'ENOMEM' || errno === 'EADDRNOTAVAIL';

export interface Refused {
  readonly call: LoadCall;
  readonly errno: string;
  /** The kernel image's file. */
  readonly kernel: string | undefined;
  /** Bytes reserved by crashkernel=; undefined when it is not about the crash kernel. */
  readonly reserved: number | undefined;
}

/** One sentence, and a way out. */
export function refusal({ call, errno, kernel, reserved }: Refused): VmcoreError {
  const error = (code: ErrorCode, what: string, hint: string): VmcoreError =>
    new VmcoreError(code, `${what} (${call}: ${errno})`, { file: kernel, hint });
  if (signatureErrnos.has(errno)) {
    return error(
      'E_NEEDS',
      'the signature of the kernel was not accepted',
      'load a kernel signed with a key that this machine trusts',
    );
  }
  if (isOutOfRoom(errno)) {
    return reserved === undefined
      ? error('E_NEEDS', 'there is no memory for the new kernel', 'free memory, or load a smaller kernel')
      : error(
          'E_NEEDS',
          `kernel and initramfs do not fit the ${formatSize(reserved)} that are reserved, or memory is short`,
          'reserve more with crashkernel= and reboot',
        );
  }
  switch (errno) {
    case 'EPERM':
      return error(
        'E_NEEDS',
        'not permitted to load a kernel',
        call === 'kexec_load'
          ? 'run as root (CAP_SYS_BOOT); if you are, the machine is locked down or has kernel.kexec_load_disabled=1: use -s'
          : 'run as root (CAP_SYS_BOOT); if you are, kexec is off (sysctl kernel.kexec_load_disabled) or locked down',
      );
    case 'ENOEXEC':
      return error(
        'E_FILE',
        'not a kernel image that can be booted',
        'name a bzImage (x86_64) or an Image (arm64)',
      );
    case 'ENOSYS':
      return error(
        'E_NEEDS',
        `this kernel has no ${call} system call`,
        call === 'kexec_load'
          ? 'use -s, or a kernel with CONFIG_KEXEC'
          : 'use -c, or a kernel with CONFIG_KEXEC_FILE',
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
      return error('E_SYSCALL', 'the kernel refused the load', 'look at the kernel log');
  }
}
