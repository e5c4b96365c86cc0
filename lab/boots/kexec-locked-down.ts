/** A workload that locks the kernel down, as Secure Boot does, and then asks our kexec to load a crash kernel. Says what came of it. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { tellKexec } from './tell-kexec.ts';

spawnSync('/bin/mount', ['-t', 'securityfs', 'securityfs', '/sys/kernel/security']);
writeFileSync('/sys/kernel/security/lockdown', 'integrity');
for (const call of ['-c', '-s', '-a', '--vmlinux=/mnt/boot/vmlinux']) {
  tellKexec(`locked ${call}`, ['-p', call, '--append', 'quiet', '/mnt/boot/vmlinuz']);
}
process.stdout.write('locked down: done\n');
setInterval(() => {}, 1000);
