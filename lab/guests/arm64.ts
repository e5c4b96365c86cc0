/**
 * An arm64 guest, loaded and crashed in QEMU, its /proc/vmcore brought home as it was.
 *
 * Beside the rehearsal, which arms and captures with our own code, this uses Debian's kexec and dd: it has to make dumps of
 * kernels that have no kexec_file_load. Disks: vda programs and images, vdb scratch for the load, vdc the dump, raw.
 */
import {
  chmodSync,
  closeSync,
  copyFileSync,
  cpSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VmcoreError } from '../../src/base/errors.ts';
import type { Progress } from '../../src/base/progress.ts';
import { cacheDir } from '../../src/sys/cache-dir.ts';
import { requireProgram } from '../../src/sys/programs.ts';
import { bundleProgram } from '../../src/tools/kdumpctl/bundle.ts';
import { captureParameters } from '../../src/tools/kdumpctl/capture-image.ts';
import { type CpioEntry, writeCpio } from '../../src/tools/kdumpctl/cpio.ts';
import { cachedModuleTree } from '../../src/tools/kdumpctl/module-cache.ts';
import { unpackedModule } from '../../src/tools/kdumpctl/module-tree.ts';
import { loadOrder, type ModuleIndex } from '../../src/tools/kdumpctl/modules.ts';
import { dumpNames } from '../../src/tools/kdumpctl/save.ts';
import type { DebianKernel } from '../../src/tools/rehearse/debian.ts';
import { makeDisk } from '../../src/tools/rehearse/disk.ts';
import { firstCommon } from '../../src/tools/rehearse/guest-files.ts';
import { runGuest } from '../../src/tools/rehearse/qemu.ts';
import { Timeline } from '../../src/tools/rehearse/timeline.ts';
import { type Arm64Programs, arm64Programs } from './arm64-programs.ts';

export interface Arm64Request {
  readonly kernel: DebianKernel;
  /** Bytes. */
  readonly memory: number;
  /** The load: a TypeScript file. */
  readonly workload: string;
  /** Seconds. */
  readonly timeout: number;
  /** Gets vmcore.elf and serial.log. */
  readonly folder: string;
  /** The guest's RAM is this file, which keeps it. */
  readonly memoryFile?: string;
}

const consoleParameter = 'console=ttyAMA0';
const crashkernel = '256M';
const MiB = 2 ** 20;
/** A capture kernel in an emulated arm64 is silent for long. */
const silenceLimit = 300;

/** E_NEEDS for missing programs; E_REHEARSAL when no dump came out. */
export async function crashArm64Guest(
  request: Arm64Request,
  progress: Progress,
  abort: AbortSignal,
): Promise<void> {
  const qemu = requireProgram({ name: 'qemu-system-aarch64', debianPackage: 'qemu-system-arm' });
  const programs = await arm64Programs(progress);
  const work = mkdtempSync(join(cacheDir('arm64'), '.run-'));
  const raw = join(request.folder, dumpNames.raw);
  try {
    progress.step('build images');
    const { initrd, disk, scratch } = await buildImages(work, request, programs);
    emptyFile(raw, request.memory + 64 * MiB);
    const serialLog = join(request.folder, 'serial.log');
    const timeline = new Timeline();
    progress.step('boot');
    const run = await runGuest(
      {
        qemu,
        accelerator: {
          name: 'tcg',
          args: ['-M', 'virt', '-cpu', 'cortex-a72', '-accel', 'tcg,thread=multi'],
        },
        kernel: request.kernel.vmlinuz,
        initrd,
        commandLine: `${consoleParameter} crashkernel=${crashkernel} panic=-1 printk.devkmsg=on quiet`,
        disks: [disk, scratch, raw],
        memory: request.memory,
        cpus: 2,
        serialLog,
        ...(request.memoryFile === undefined ? {} : { memoryFile: request.memoryFile }),
      },
      { total: request.timeout, silence: silenceLimit, abort },
      (line, seconds) => {
        const happening = timeline.line(line, seconds);
        if (happening?.kind === 'step') progress.step(happening.name);
        if (happening?.kind === 'note') progress.note(happening.text);
        return undefined;
      },
    );
    const bytes = timeline.fields('raw-saved')?.bytes;
    if (typeof bytes !== 'number' || run.end !== 'powered-off') {
      const why = timeline.trouble ?? run.complaints;
      throw new VmcoreError(
        'E_REHEARSAL',
        `the arm64 guest ended (${run.end}) without a dump: ${why || `the last thing seen was "${timeline.lastLine}"`}`,
        { hint: `read the serial log ${serialLog}` },
      );
    }
    truncate(raw, bytes);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function buildImages(
  work: string,
  { kernel, memory, workload }: Arm64Request,
  programs: Arm64Programs,
): Promise<{ initrd: string; disk: string; scratch: string }> {
  const index = await cachedModuleTree(kernel.modules);
  const stage = join(work, 'disk');
  cpSync(programs.tree, stage, { recursive: true });
  mkdirSync(join(stage, 'boot'));
  copyFileSync(kernel.vmlinuz, join(stage, 'boot/vmlinuz'));
  chmodSync(join(stage, 'boot/vmlinuz'), 0o644);
  // The load takes text for its pages from here.
  await bundleProgram(
    fileURLToPath(new URL('../../src/cli/capture.ts', import.meta.url)),
    join(stage, 'vmcore.mjs'),
  );
  writeCpio(
    join(stage, 'boot/capture.img'),
    await ramdisk(kernel, index, programs, './arm64-capture.sh', ['virtio_pci', 'virtio_blk'], []),
  );
  const bundle = join(work, 'workload.mjs');
  await bundleProgram(workload, bundle);
  const initrd = join(work, 'first.img');
  writeCpio(
    initrd,
    await ramdisk(
      kernel,
      index,
      programs,
      './arm64-first.sh',
      ['virtio_pci', 'virtio_blk', 'ext4', 'loop'],
      [
        firstCommon(),
        { kind: 'file', path: 'workload.mjs', data: readFileSync(bundle) },
        {
          kind: 'file',
          path: 'capture-command-line',
          data: Buffer.from(`${[consoleParameter, ...captureParameters].join(' ')}\n`),
        },
        { kind: 'symlink', path: 'lib', target: 'vmcore/lib' },
      ],
    ),
  );
  const disk = join(work, 'disk.img');
  await makeDisk(disk, 1024 * MiB, stage);
  const scratch = join(work, 'scratch.img');
  mkdirSync(join(work, 'nothing'));
  await makeDisk(scratch, memory + 512 * MiB, join(work, 'nothing'));
  return { initrd, disk, scratch };
}

/** busybox, modules in load order and a script of ours as /init. */
async function ramdisk(
  kernel: DebianKernel,
  index: ModuleIndex,
  programs: Arm64Programs,
  init: string,
  wanted: readonly string[],
  extra: readonly CpioEntry[],
): Promise<CpioEntry[]> {
  const own = (path: string): Uint8Array => readFileSync(new URL(path, import.meta.url));
  const entries: CpioEntry[] = [];
  let order = '';
  for (const { module, optional } of loadOrder(index, wanted)) {
    const data = await unpackedModule(kernel.modules, module.path);
    entries.push({ kind: 'file', path: `modules/${module.name}.ko`, data });
    order += `${module.name}.ko ${optional ? 'optional' : 'required'}\n`;
  }
  return [
    { kind: 'file', path: 'init', mode: 0o755, data: own(init) },
    { kind: 'file', path: 'stage0-common.sh', data: own('../../src/tools/kdumpctl/stage0-common.sh') },
    ...['proc', 'sys', 'dev', 'tmp', 'run', 'vmcore'].map((path): CpioEntry => ({ kind: 'directory', path })),
    { kind: 'device', type: 'character', path: 'dev/console', major: 5, minor: 1 },
    { kind: 'file', path: 'bin/busybox', mode: 0o755, data: { file: programs.busybox } },
    ...applets.map((name): CpioEntry => ({ kind: 'symlink', path: `bin/${name}`, target: 'busybox' })),
    { kind: 'file', path: 'modules/order', data: Buffer.from(order) },
    ...entries,
    ...extra,
  ];
}

/** What the scripts call. */
const applets = [
  ...[
    'cat',
    'dd',
    'echo',
    'halt',
    'insmod',
    'mkdir',
    'mount',
    'poweroff',
    'printf',
    'reboot',
    'rm',
    'sh',
    'sleep',
  ],
  ...['stat', 'sync', 'tail', 'tr'],
];

function emptyFile(path: string, size: number): void {
  const fd = openSync(path, 'w', 0o600);
  ftruncateSync(fd, size);
  closeSync(fd);
}

function truncate(path: string, size: number): void {
  const fd = openSync(path, 'r+');
  ftruncateSync(fd, size);
  closeSync(fd);
}
