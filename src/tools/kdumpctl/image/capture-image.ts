/**
 * The capture image: the initramfs that the crash kernel boots into, which runs `vmcore save` and nothing else.
 */
import { journalParameter } from '../journal.ts';
import type { CpioEntry } from './cpio.ts';
import type { ModuleIndex } from './modules.ts';
import { loadOrder } from './modules.ts';
import type { CaptureImage } from './plan.ts';
import { stage0, writeRamdisk } from './ramdisk.ts';
import type { ProgramImage } from './squashfs.ts';

export type { CaptureImage } from './plan.ts';

/** What mounting our squashfs needs, whatever the dump's target is. */
export const runtimeModules = ['loop', 'squashfs'];

export interface CaptureImageRequest {
  readonly moduleTree: string;
  readonly index: ModuleIndex;
  /** Modules that the target needs: its bus, its disk, its file system. */
  readonly targetModules: readonly string[];
  readonly program: ProgramImage;
  readonly busybox: string;
  /** The text of /etc/kdump.conf, which `vmcore save` and stage 0 read. */
  readonly kdumpConf: string;
  /** More files. */
  readonly files: readonly CpioEntry[];
}

/** Builds the image at `output` (0600). E_NEEDS when a module or busybox is missing. */
export async function buildCaptureImage(request: CaptureImageRequest, output: string): Promise<CaptureImage> {
  const modules = loadOrder(request.index, [...request.targetModules, ...runtimeModules]);
  const size = await writeRamdisk(
    {
      moduleTree: request.moduleTree,
      modules,
      program: request.program,
      busybox: request.busybox,
      init: stage0(),
      extra: [
        { kind: 'file', path: 'etc/kdump.conf', mode: 0o600, data: Buffer.from(request.kdumpConf) },
        ...request.files,
      ],
    },
    output,
  );
  return { path: output, size, modules: modules.map(({ module }) => module.name) };
}

/**
 * What every capture kernel's command line needs. One CPU and no leftovers of the crashed kernel's devices
 * (Documentation/admin-guide/kdump/kdump.rst, Linux 6.1); never wait at a panic; no rate limit on the journal.
 */
export const captureParameters = [
  'nr_cpus=1',
  'irqpoll',
  'reset_devices',
  'panic=-1',
  journalParameter,
  'quiet',
];
