/** What goes into the initramfs of a planned capture image. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImagePlan } from './plan.ts';
import { type Ramdisk, stage0 } from './ramdisk.ts';
import { buildProgramImage } from './squashfs.ts';

/** Lends it: the squashfs in it is made for this, and gone afterwards. Errors of buildProgramImage(). */
export async function withRamdisk<T>(plan: ImagePlan, use: (ramdisk: Ramdisk) => Promise<T>): Promise<T> {
  const { kernel, modules, programs, entry, extraPrograms, files } = plan;
  const work = mkdtempSync(join(tmpdir(), 'vmcore-image-'));
  try {
    return await use({
      moduleTree: kernel.moduleTree,
      modules,
      program: await buildProgramImage(programs, entry, join(work, 'program.squashfs'), extraPrograms),
      busybox: programs.busybox,
      init: stage0(),
      extra: files,
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
