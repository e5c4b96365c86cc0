/** What the running kernel says about kexec: /sys/kernel/kexec_* (kernel/ksysfs.c, Linux 6.1). */
import { readFileSync } from 'node:fs';
import { VmcoreError } from '../../base/errors.ts';
import { formatSize } from '../../base/units.ts';

/** Reads one of the small files below /sys/kernel; the text is trimmed. Undefined when it is not there. */
export type ReadKernelFile = (
  name: 'kexec_crash_size' | 'kexec_crash_loaded' | 'kexec_loaded',
) => string | undefined;

/** Which of the two kernels that can be loaded: the one a panic boots, or the one `kexec -e` reboots into. */
export type LoadKind = 'crash' | 'reboot';

const readSysKernel: ReadKernelFile = (name) => {
  try {
    return readFileSync(`/sys/kernel/${name}`, 'utf8').trim();
  } catch {
    return undefined;
  }
};

/** Is a kernel of that kind loaded? E_NEEDS without kexec. */
export function isLoaded(which: LoadKind, read: ReadKernelFile = readSysKernel): boolean {
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

/** E_NEEDS unless memory is reserved for a crash kernel. */
export function checkReservation(read: ReadKernelFile = readSysKernel): void {
  if (reservedBytes(read) === 0) {
    throw new VmcoreError('E_NEEDS', 'no memory is reserved for a crash kernel', {
      file: '/sys/kernel/kexec_crash_size',
      hint: 'boot with crashkernel=256M on the kernel command line',
    });
  }
}

/** After a load that the kernel accepted: E_SYSCALL unless it says so itself. */
export function checkLoaded(which: LoadKind): void {
  if (isLoaded(which)) return;
  const crash = which === 'crash';
  const what = crash
    ? 'the kernel accepted the crash kernel but is not armed'
    : 'the kernel accepted the new kernel but has none loaded';
  throw new VmcoreError('E_SYSCALL', what, {
    file: `/sys/kernel/${crash ? 'kexec_crash_loaded' : 'kexec_loaded'}`,
    hint: 'look at the kernel log',
  });
}

/** For messages: `256 MiB`. */
export const reservedText = (): string => formatSize(reservedBytes());

const noKexec = (): VmcoreError =>
  new VmcoreError('E_NEEDS', 'this kernel is built without kexec for crashes', {
    file: '/sys/kernel/kexec_crash_loaded',
    hint: 'use a kernel with CONFIG_CRASH_DUMP and CONFIG_KEXEC or CONFIG_KEXEC_FILE',
  });
