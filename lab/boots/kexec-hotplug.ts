/** A workload that loads the crash kernel without and with --hotplug, and says what the running kernel makes of it. Unloads it again. */
import { readFileSync, writeFileSync } from 'node:fs';
import { tellKexec } from './tell-kexec.ts';

const kernel = '/mnt/boot/vmlinuz';
/** 1: the kernel itself updates the ELF core header when a CPU comes or goes (drivers/base/cpu.c, Linux 6.10). */
const updates = (): string => readFileSync('/sys/devices/system/cpu/crash_hotplug', 'latin1').trim();

tellKexec('plain', ['-p', '-c', kernel]);
const without = updates();
tellKexec('hotplug', ['-p', '-c', '--hotplug', kernel]);
process.stdout.write(`crash_hotplug: without ${without}, with ${updates()}\n`);
tellKexec('unload', ['-p', '-u', '-c']);
writeFileSync(process.argv[2]!, '');
