/**
 * A workload that loads the crash kernel by kexec_load, says where, gives the host a moment to damage it, and panics.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { tellKexec } from './tell-kexec.ts';

const console = /console=\S+/.exec(readFileSync('/proc/cmdline', 'latin1'))?.[0];
tellKexec('load', [
  ...['-d', '-p', '-c', '--initrd', '/mnt/boot/initramfs-kdump.img'],
  ...['--append', `${console} nr_cpus=1 panic=-1`, '/mnt/boot/vmlinuz'],
]);
await sleep(3000);
writeFileSync('/proc/sysrq-trigger', 'c');
