/**
 * An initramfs of ours: busybox, kernel modules in load order, the squashfs with our program, and an /init.
 *
 * The capture image is one; so is the machine that a rehearsal panics. See stage0-common.sh for what /init does with it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { type CpioEntry, writeCpio } from './cpio.ts';
import { unpackedModule } from './module-tree.ts';
import type { ModuleToLoad } from './modules.ts';
import type { ProgramImage } from './squashfs.ts';

/** What stage 0 and `vmcore save` call, and what a person at a rescue prompt expects. */
export const applets: readonly string[] = [
  'base64',
  'cat',
  'chmod',
  'cp',
  'cttyhack',
  'date',
  'dd',
  'df',
  'dmesg',
  'echo',
  'env',
  'findfs',
  'free',
  'grep',
  'halt',
  'head',
  'insmod',
  'ip',
  'kill',
  'ln',
  'losetup',
  'ls',
  'lsmod',
  'mkdir',
  'mkfifo',
  'mke2fs',
  'mknod',
  'mount',
  'mv',
  'nc',
  'pidof',
  'poweroff',
  'printf',
  'ps',
  'reboot',
  'rm',
  'rmdir',
  'sed',
  'seq',
  'setsid',
  'sh',
  'sleep',
  'stat',
  'sync',
  'tail',
  'test',
  'timeout',
  'touch',
  'tr',
  'true',
  'truncate',
  'udhcpc',
  'umount',
  'uname',
  'uptime',
  'wc',
];

const scriptFolder = new URL('../', import.meta.url);

/** The shell code of stage 0, by name: stage0.sh, which is the capture image's /init, and what it sources (stage0-*.sh). */
export const ownScripts = (): ReadonlyMap<string, Uint8Array> =>
  new Map(
    readdirSync(scriptFolder)
      .filter((name) => /^stage0.*\.sh$/.test(name))
      .sort()
      .map((name) => [name, readFileSync(new URL(name, scriptFolder))]),
  );

export const stage0 = (): Uint8Array => readFileSync(new URL('stage0.sh', scriptFolder));

export interface Ramdisk {
  /** The module tree that `modules` come from. */
  readonly moduleTree: string;
  readonly modules: readonly ModuleToLoad[];
  readonly program: ProgramImage;
  /** A static busybox of the machine's architecture. */
  readonly busybox: string;
  /** The script that becomes /init. */
  readonly init: Uint8Array;
  /** More entries, such as /etc/kdump.conf. */
  readonly extra: readonly CpioEntry[];
}

/** Writes the initramfs to `output` and returns its size in bytes. */
export const writeRamdisk = async (ramdisk: Ramdisk, output: string): Promise<number> =>
  writeCpio(output, await ramdiskEntries(ramdisk));

/** Everything that is in it, in the order in which the kernel unpacks it. */
export async function ramdiskEntries(ramdisk: Ramdisk): Promise<CpioEntry[]> {
  const modules: CpioEntry[] = [];
  const order: string[] = [];
  for (const { module, optional } of ramdisk.modules) {
    const file = `${module.name}.ko`;
    const data = await unpackedModule(ramdisk.moduleTree, module.path);
    modules.push({ kind: 'file', path: `modules/${file}`, data });
    order.push(`${file} ${optional ? 'optional' : 'required'}\n`);
  }
  return [
    { kind: 'file', path: 'init', mode: 0o755, data: ramdisk.init },
    ...[...ownScripts()].map(([path, data]): CpioEntry => ({ kind: 'file', path, data })),
    ...['proc', 'sys', 'dev', 'tmp', 'mnt', 'run', 'vmcore'].map(
      (path): CpioEntry => ({ kind: 'directory', path }),
    ),
    // Before /dev is mounted, the kernel opens this one for PID 1.
    { kind: 'device', type: 'character', path: 'dev/console', major: 5, minor: 1 },
    { kind: 'file', path: 'bin/busybox', mode: 0o755, data: { file: ramdisk.busybox } },
    ...applets.map((name): CpioEntry => ({ kind: 'symlink', path: `bin/${name}`, target: 'busybox' })),
    // The loader and its search path end in these two on every distribution and architecture.
    { kind: 'symlink', path: 'lib', target: 'vmcore/lib' },
    { kind: 'symlink', path: 'lib64', target: 'vmcore/lib' },
    { kind: 'file', path: 'modules/order', data: Buffer.from(order.join('')) },
    ...modules,
    ...ramdisk.extra,
    // Last, because it is what an unpacking that runs out of memory cuts off: /init can then still say so.
    { kind: 'file', path: 'vmcore.squashfs', data: { file: ramdisk.program.path } },
  ];
}
