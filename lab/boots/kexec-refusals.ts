/**
 * A workload that asks our kexec for what cannot be, then loads and unloads the crash kernel in every way, and says what came of it. The
 * machine is as before when it ends. Expects /mnt/boot/foreign-kernel, of the other architecture.
 */
import { closeSync, copyFileSync, openSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { tellKexec } from './tell-kexec.ts';

const kernel = '/mnt/boot/vmlinuz';
const initrd = ['--initrd', '/mnt/boot/initramfs-kdump.img'];
const nobody = 65534;
const isArm64 = process.arch === 'arm64';
/** Debian's arm64 kernels have no kexec_file_load. */
const calls = isArm64 ? ['-c', '-a'] : ['-c', '-s', '-a'];

copyFileSync(kernel, '/run/cut-kernel');
truncateSync('/run/cut-kernel', 2_000_000);
closeSync(openSync('/run/large-initrd', 'w'));
truncateSync('/run/large-initrd', 300 * 2 ** 20);
writeFileSync('/run/no.dtb', readFileSync(kernel).subarray(0, 4096));

for (const call of calls) {
  tellKexec(`cut ${call}`, ['-p', call, '/run/cut-kernel']);
  tellKexec(`foreign ${call}`, ['-p', call, '/mnt/boot/foreign-kernel']);
  tellKexec(`initramfs as kernel ${call}`, ['-p', call, '/mnt/boot/initramfs-kdump.img']);
  tellKexec(`too big ${call}`, ['-p', call, '--initrd', '/run/large-initrd', kernel]);
  tellKexec(`not root ${call}`, ['-p', call, kernel], nobody);
}
tellKexec('hotplug', ['-p', '-c', '--hotplug', kernel]);
tellKexec('nothing there', ['-p', '/mnt/boot/none']);
tellKexec('nothing loaded', ['-e']);
if (isArm64) tellKexec('bad device tree', ['-p', '-c', '--dtb', '/run/no.dtb', kernel]);

tellKexec('size', ['--print-ckr-size']);
tellKexec('dry run', ['-p', '-c', '--dry-run', '--json', ...initrd, '--append', 'quiet', kernel]);
for (const call of calls) {
  tellKexec(`status before ${call}`, ['-S']);
  tellKexec(`load ${call}`, ['-d', '-p', call, ...initrd, '--append', 'quiet', kernel]);
  tellKexec(`status after ${call}`, ['-S']);
  tellKexec(`unload ${call}`, ['-p', '-u', call]);
}
tellKexec('status at last', ['-S']);
writeFileSync(process.argv[2]!, '');
