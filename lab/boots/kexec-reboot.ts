/**
 * A workload that reboots into another kernel, in a machine without a reservation for a crash kernel: first asks for one, then loads the
 * kernel it was booted with and goes there: unpacked, where the command line says kexec-unpacked. What comes up is the capture image, which has
 * nothing to capture.
 */
import { readFileSync } from 'node:fs';
import { becomeKexec, tellKexec } from './tell-kexec.ts';

const kernel = '/mnt/boot/vmlinuz';
const running = readFileSync('/proc/cmdline', 'latin1');
const append = `${/console=\S+/.exec(running)?.[0]} panic=-1 printk.devkmsg=on second-kernel`;
for (const call of process.arch === 'arm64' ? ['-c'] : ['-c', '-s']) {
  tellKexec(`no reservation ${call}`, ['-p', call, '--append', append, kernel]);
}
tellKexec('load', [
  '-l',
  '-c',
  '-d',
  ...(running.includes('kexec-unpacked') ? ['--vmlinux=/mnt/boot/vmlinux'] : []),
  '--initrd',
  '/mnt/boot/initramfs-kdump.img',
  '--append',
  append,
  kernel,
]);
tellKexec('status', ['-l', '-S']);
becomeKexec(['-e']);
