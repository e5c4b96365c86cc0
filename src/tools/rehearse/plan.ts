/** What a rehearsal needs on this machine: programs, and the kernel that is to be panicked. */
import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { VmcoreError } from '../../base/errors.ts';
import type { Progress } from '../../base/progress.ts';
import { requirePrograms } from '../../sys/programs.ts';
import type { CpioEntry } from '../kdumpctl/image/cpio.ts';
import { releaseOfTree } from '../kdumpctl/image/module-tree.ts';
import { busyboxStatic } from '../kdumpctl/image/programs.ts';
import { mksquashfs, type ProgramImage } from '../kdumpctl/image/squashfs.ts';
import { debianKernel } from './debian.ts';
import type { GuestDisk, GuestNetwork } from './devices.ts';
import { debugfs, mkfsExt4 } from './disk.ts';
import { type GuestArch, machines, ownArch } from './machines.ts';

export interface RehearsalKernel {
  readonly image: string;
  /** Its module tree. */
  readonly modules: string;
}

/** The capture image of a rehearsal: one that is made for it, or one that is there. */
export type CapturePlan = MadeImage | ReadyImage;

export interface ReadyImage {
  readonly kind: 'ready';
  /** The initramfs. */
  readonly file: string;
}

export interface MadeImage {
  readonly kind: 'made';
  /** The text of kdump.conf. */
  readonly kdumpConf: string;
  /** More modules: of the target's file system, say. Those of the machine's buses and card are there. */
  readonly modules: readonly string[];
  readonly files: readonly CpioEntry[];
  /** A squashfs in place of the one with node and our code. */
  readonly program?: ProgramImage;
}

export interface RehearsalPlan {
  readonly arch: GuestArch;
  /**
   * How the crash kernel is loaded: as it comes, by kexec_file_load or by kexec_load; or as kdumpctl does it: unpacked where that can be, else by
   * the call that works.
   */
  readonly load: 'file' | 'load' | 'auto';
  /** Undefined: this machine's own kernel when its files are there and the architecture is its own, else Debian's. */
  readonly kernel: RehearsalKernel | undefined;
  /** Bytes. */
  readonly memory: number;
  /** The value of crashkernel=. */
  readonly crashkernel: string;
  readonly cpus: number;
  readonly dumpLevel: number;
  /** The folder that keeps dump and logs; `raw`: the unfiltered dump as well; `memory`: the machine's RAM as well, as it was in the end. */
  readonly keep: { readonly folder: string; readonly raw: boolean; readonly memory?: boolean } | undefined;
  /**
   * A program of the user's, a TypeScript or JavaScript file, that node runs in the machine as root before the panic. It gets the path
   * of a file that it has to make when the machine may panic, and may stay; or it ends with status 0. It has /dev/vdb, an
   * ext4 file system of its own, as large as the machine's memory. One that writes "crashes" into that file brings the machine down itself,
   * as soon as the file has been removed.
   */
  readonly workload: string | undefined;
  /** More files for the machine's disk, which is mounted at /mnt until the panic: where there, to which file here. */
  readonly diskFiles?: ReadonlyMap<string, string>;
  /** Undefined: saves to the machine's own disk (/dev/vda, ext4) at dumpLevel, and powers off. */
  readonly capture?: CapturePlan;
  /** More words for the capture kernel's command line. */
  readonly captureParameters?: readonly string[];
  /** All of it, in place of the usual one; the words above still follow. */
  readonly captureCommandLine?: string;
  /** More options of `kexec -p`. */
  readonly kexecArgs?: readonly string[];
  /** More disks, after the machine's own and the workload's: /dev/vdb … on the bus virtio without a workload. */
  readonly disks?: readonly GuestDisk[];
  /** None when undefined. */
  readonly network?: GuestNetwork;
  /** Seconds that the guest may take. */
  readonly timeout: number;
  /** The node that runs in the guest. */
  readonly node: string;
  /** The entry of our program for the guest, a TypeScript file; see kdumpctl/image/bundle.ts. */
  readonly entry: string;
}

/** E_NEEDS, naming the packages, when a program is missing. */
export function checkPrograms(arch: GuestArch): void {
  const own = arch === ownArch ? [busyboxStatic] : [];
  requirePrograms([machines[arch].qemu, mkfsExt4, debugfs, mksquashfs, ...own]);
}

/** The kernel to panic. E_FILE when a given one is not there; debianKernel()'s errors when Debian's is needed. */
export async function chooseKernel(
  { kernel: given, arch }: Pick<RehearsalPlan, 'kernel' | 'arch'>,
  progress: Progress,
): Promise<RehearsalKernel> {
  if (given) {
    if (!existsSync(given.image)) {
      throw new VmcoreError('E_FILE', 'no such kernel', {
        file: given.image,
        hint: 'name a bzImage (x86_64) or an Image (arm64)',
      });
    }
    releaseOfTree(given.modules);
    return given;
  }
  const own = { image: `/boot/vmlinuz-${release()}`, modules: `/lib/modules/${release()}` };
  if (arch === ownArch) {
    if (existsSync(own.image) && existsSync(own.modules)) return own;
    progress.note(`this machine has no ${own.image} with modules: taking Debian's kernel`);
  }
  const debian = await debianKernel({ ...machines[arch].debianKernel, progress });
  return { image: debian.vmlinuz, modules: debian.modules };
}
