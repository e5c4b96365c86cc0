/**
 * A workload that says what ELF core header we make of the machine, lets Debian's kexec load a crash kernel (kexec_load), and says when that
 * is done. It does not end: the machine is looked at as it is then. Expects the files of kexec-tools.ts on the disk.
 */
import { spawnSync } from 'node:child_process';
import { buildElfCoreHeader, elfCoreHeaderFacts } from '../../src/tools/kexec/elfcorehdr.ts';
import { readMachineFacts } from '../../src/tools/kexec/machine/facts.ts';
import { tellHeader } from './tell-header.ts';

tellHeader(buildElfCoreHeader(elfCoreHeaderFacts(readMachineFacts())));
const loader = process.arch === 'arm64' ? 'ld-linux-aarch64.so.1' : 'ld-linux-x86-64.so.2';
const { status, stderr } = spawnSync(
  `/mnt/peer/lib/${loader}`,
  [
    ...['--library-path', '/mnt/peer/lib', '/mnt/peer/kexec', '-c', '-p', '--append', 'nr_cpus=1'],
    ...['--initrd', '/mnt/boot/initramfs-kdump.img', '/mnt/boot/vmlinuz'],
  ],
  { encoding: 'utf8' },
);
process.stdout.write(`kexec-tools: status ${status} ${JSON.stringify(stderr)}\n`);
setInterval(() => {}, 1000);
