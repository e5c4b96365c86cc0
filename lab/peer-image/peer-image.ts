/**
 * The capture image that ours is measured against: busybox, the newest makedumpfile with its libraries, the same modules for the target, and a
 * short script. No squashfs, and nothing that it does not use: the least that saves a dump.
 */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Progress, silentProgress } from '../../src/base/progress.ts';
import { type CpioEntry, writeCpio } from '../../src/tools/kdumpctl/image/cpio.ts';
import { runtimeOf } from '../../src/tools/kdumpctl/image/elf-runtime.ts';
import { cachedModuleTree } from '../../src/tools/kdumpctl/image/module-cache.ts';
import { unpackedModule } from '../../src/tools/kdumpctl/image/module-tree.ts';
import { loadOrder } from '../../src/tools/kdumpctl/image/modules.ts';
import { busyboxStatic, ownPrograms } from '../../src/tools/kdumpctl/image/programs.ts';
import { forkyTree } from '../peers.ts';

export interface PeerImage {
  readonly moduleTree: string;
  /** Of the target: its bus, its disk, its file system. */
  readonly modules: readonly string[];
  /** makedumpfile's, such as -l -d 31. */
  readonly options: readonly string[];
}

/** Shell commands of init.sh and of stage0-common.sh. */
const applets = [
  ...[
    'sh',
    'cat',
    'echo',
    'insmod',
    'mkdir',
    'mount',
    'mv',
    'poweroff',
    'printf',
    'reboot',
    'rm',
    'sleep',
    'sync',
  ],
  ...['tail', 'tr', 'umount', 'halt'],
];

/** Writes it to `output` and returns its size, bytes. E_NEEDS for what is missing. */
export async function buildPeerImage(
  image: PeerImage,
  output: string,
  progress: Progress = silentProgress,
): Promise<number> {
  const tree = await forkyTree(progress);
  const runtime = runtimeOf(join(tree, 'usr/bin/makedumpfile'), tree);
  const index = await cachedModuleTree(image.moduleTree);
  const modules: CpioEntry[] = [];
  const order: string[] = [];
  for (const { module, optional } of loadOrder(index, image.modules)) {
    const data = await unpackedModule(image.moduleTree, module.path);
    modules.push({ kind: 'file', path: `modules/${module.name}.ko`, data });
    order.push(`${module.name}.ko ${optional ? 'optional' : 'required'}\n`);
  }
  const common = new URL('../../src/tools/kdumpctl/stage0-common.sh', import.meta.url);
  return writeCpio(output, [
    { kind: 'file', path: 'init', mode: 0o755, data: readFileSync(new URL('./init.sh', import.meta.url)) },
    { kind: 'file', path: 'stage0-common.sh', data: readFileSync(common) },
    ...['proc', 'sys', 'dev', 'tmp', 'mnt'].map((path): CpioEntry => ({ kind: 'directory', path })),
    { kind: 'device', type: 'character', path: 'dev/console', major: 5, minor: 1 },
    {
      kind: 'file',
      path: `bin/${busyboxStatic.name}`,
      mode: 0o755,
      data: { file: ownPrograms(process.execPath).busybox },
    },
    ...applets.map(
      (name): CpioEntry => ({ kind: 'symlink', path: `bin/${name}`, target: busyboxStatic.name }),
    ),
    { kind: 'file', path: 'bin/makedumpfile', mode: 0o755, data: { file: runtime.program } },
    ...[...runtime.libraries].map(
      ([soname, file]): CpioEntry => ({
        kind: 'file',
        path: `lib64/${basename(soname)}`,
        mode: 0o755,
        data: { file },
      }),
    ),
    { kind: 'symlink', path: 'lib', target: 'lib64' },
    { kind: 'file', path: 'etc/peer-options', data: Buffer.from(`${image.options.join(' ')}\n`) },
    { kind: 'file', path: 'modules/order', data: Buffer.from(order.join('')) },
    ...modules,
  ]);
}
