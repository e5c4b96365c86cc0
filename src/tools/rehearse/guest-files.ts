/** What the rehearsed machine is made of: its disk, which holds kernel and capture image, and the initramfs it boots first. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { VmcoreError } from '../../base/errors.ts';
import { bundleProgram } from '../kdumpctl/image/bundle.ts';
import {
  buildCaptureImage,
  type CaptureImage,
  captureParameters,
  runtimeModules,
} from '../kdumpctl/image/capture-image.ts';
import type { CpioEntry } from '../kdumpctl/image/cpio.ts';
import { cachedModuleTree } from '../kdumpctl/image/module-cache.ts';
import { loadOrder, type ModuleIndex } from '../kdumpctl/image/modules.ts';
import type { CapturePrograms } from '../kdumpctl/image/programs.ts';
import { writeRamdisk } from '../kdumpctl/image/ramdisk.ts';
import { buildProgramImage, type ProgramImage } from '../kdumpctl/image/squashfs.ts';
import { readKernelImage } from '../kexec/images/read-image.ts';
import { unpackBzImage } from '../kexec/images/unpacked.ts';
import { busModules, cardModules } from './devices.ts';
import { makeDisk } from './disk.ts';
import { type GuestArch, machines } from './machines.ts';
import type { MadeImage, RehearsalKernel, RehearsalPlan } from './plan.ts';
import type { RehearsalReport } from './report.ts';

export const crashFolder = '/var/crash';
/** Of the machine's own disk. */
const diskModules = [...busModules.virtio, 'ext4'];
/** kexec's option for each way of loading. */
const kexecOption = { auto: '-a', file: '-s', load: '-c' } as const;
/** On the machine's disk, beside the kernel: what it unpacks to. */
const vmlinuxPath = 'boot/vmlinux';
/** Room on the sparse disk beside the dumps, bytes: images, journal, metadata. */
const diskOverhead = 512 * 2 ** 20;

/** What every /init of a machine that is to be panicked sources. */
export const firstCommon = (): CpioEntry => ({
  kind: 'file',
  path: 'first-common.sh',
  data: readFileSync(new URL('./first-common.sh', import.meta.url)),
});

export interface GuestFiles {
  readonly release: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly disk: string;
  /** The workload's, when there is one. */
  readonly scratchDisk: string | undefined;
  readonly captureImage: RehearsalReport['captureImage'];
}

/** Makes them all in the folder `work`. E_NEEDS or E_FILE for what is missing. */
export async function buildGuestFiles(
  work: string,
  plan: RehearsalPlan,
  kernel: RehearsalKernel,
  programs: CapturePrograms,
): Promise<GuestFiles> {
  const stage = join(work, 'disk');
  mkdirSync(join(stage, 'boot'), { recursive: true });
  mkdirSync(join(stage, crashFolder), { recursive: true });
  const vmlinuz = join(stage, 'boot/vmlinuz');
  copyFileSync(kernel.image, vmlinuz);
  chmodSync(vmlinuz, 0o644);

  const vmlinux = plan.load === 'auto' ? unpackedKernel(kernel.image, plan.arch) : undefined;
  if (vmlinux !== undefined) writeFileSync(join(stage, vmlinuxPath), vmlinux);

  for (const [place, file] of plan.diskFiles ?? []) {
    mkdirSync(join(stage, dirname(place)), { recursive: true });
    copyFileSync(file, join(stage, place));
  }

  const index = await cachedModuleTree(kernel.modules);
  const program = await buildProgramImage(programs, plan.entry, join(work, 'program.squashfs'));
  const image = await putCaptureImage(join(stage, 'boot/initramfs-kdump.img'), plan, {
    kernel,
    programs,
    index,
    program,
  });

  const captureCommandLine = [
    plan.captureCommandLine ?? [`console=${machines[plan.arch].console}`, ...captureParameters].join(' '),
    `vmcore.save-timeout=${plan.timeout}`,
    ...(plan.keep?.raw === true ? ['vmcore.save=--keep-raw'] : []),
    ...(plan.captureParameters ?? []),
  ].join(' ');
  const workload = await buildWorkload(work, plan);
  const initrd = join(work, 'first-machine.img');
  await writeRamdisk(
    {
      moduleTree: kernel.modules,
      modules: loadOrder(index, [...diskModules, ...runtimeModules]),
      program,
      busybox: programs.busybox,
      init: readFileSync(new URL('./first-machine.sh', import.meta.url)),
      extra: [
        firstCommon(),
        {
          kind: 'file',
          path: 'etc/rehearsal/capture-command-line',
          data: Buffer.from(`${captureCommandLine}\n`),
        },
        {
          kind: 'file',
          path: 'etc/rehearsal/kexec-options',
          data: Buffer.from(
            `${[
              kexecOption[plan.load],
              ...(vmlinux === undefined ? [] : [`--vmlinux=/mnt/${vmlinuxPath}`]),
              ...(plan.kexecArgs ?? []),
            ].join(' ')}\n`,
          ),
        },
        ...(workload === undefined ? [] : [workload.program]),
      ],
    },
    initrd,
  );

  // Room for the raw dump and for a filtered one that nothing could be left out of.
  const disk = join(work, 'disk.img');
  await makeDisk(disk, 2 * plan.memory + diskOverhead, stage);
  return {
    release: index.release,
    kernel: vmlinuz,
    initrd,
    disk,
    scratchDisk: workload?.disk,
    captureImage: { size: image.size, programSize: program.size, modules: image.modules },
  };
}

/**
 * What kdumpctl loads where it can. Unpacked here, because an emulated machine takes as long for it as the kernel would after the panic.
 * Undefined for a kernel that is not packed, or in a way that is not known.
 */
function unpackedKernel(path: string, arch: GuestArch): Uint8Array | undefined {
  try {
    return unpackBzImage(readKernelImage(readFileSync(path), path, arch), path);
  } catch (error) {
    if (error instanceof VmcoreError) return undefined;
    throw error;
  }
}

interface ImageParts {
  readonly kernel: RehearsalKernel;
  readonly programs: CapturePrograms;
  readonly index: ModuleIndex;
  readonly program: ProgramImage;
}

/** The planned one, made or copied to `output`. */
async function putCaptureImage(
  output: string,
  plan: RehearsalPlan,
  { kernel, programs, index, program }: ImageParts,
): Promise<Pick<CaptureImage, 'size' | 'modules'>> {
  const capture = plan.capture ?? usualCapture(plan.dumpLevel);
  if (capture.kind === 'ready') {
    copyFileSync(capture.file, output);
    chmodSync(output, 0o600);
    return { size: statSync(output).size, modules: [] };
  }
  const devices = [
    ...diskModules,
    ...(plan.disks ?? []).flatMap(({ bus }) => busModules[bus]),
    ...(plan.network === undefined ? [] : cardModules[plan.network.card]),
  ];
  return buildCaptureImage(
    {
      moduleTree: kernel.modules,
      index,
      targetModules: [...devices, ...capture.modules],
      program: capture.program ?? program,
      busybox: programs.busybox,
      kdumpConf: capture.kdumpConf,
      files: capture.files,
    },
    output,
  );
}

const usualCapture = (dumpLevel: number): MadeImage => ({
  kind: 'made',
  kdumpConf: [
    'ext4 /dev/vda',
    `path ${crashFolder}`,
    `core_collector makedumpfile -z -d ${dumpLevel}`,
    'final_action poweroff',
    '',
  ].join('\n'),
  modules: [],
  files: [],
});

/** Its code in one file for the initramfs, and its disk. E_FILE when it is not there. */
async function buildWorkload(
  work: string,
  plan: RehearsalPlan,
): Promise<{ program: CpioEntry; disk: string } | undefined> {
  if (plan.workload === undefined) return undefined;
  if (!existsSync(plan.workload)) {
    throw new VmcoreError('E_FILE', 'no such workload', {
      file: plan.workload,
      hint: 'name a TypeScript or JavaScript file',
    });
  }
  const bundle = join(work, 'workload.mjs');
  await bundleProgram(plan.workload, bundle);
  const nothing = join(work, 'scratch');
  mkdirSync(nothing);
  const disk = join(work, 'scratch.img');
  await makeDisk(disk, plan.memory + diskOverhead, nothing);
  return { program: { kind: 'file', path: 'workload.mjs', data: readFileSync(bundle) }, disk };
}
