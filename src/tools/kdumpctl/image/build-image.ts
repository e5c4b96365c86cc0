/** Writes the capture image that was planned. */
import { closeSync, fsyncSync, mkdtempSync, openSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { syncDirectoryOf } from '../../../sys/file-sink.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';
import type { CaptureImage, ImagePlan } from './plan.ts';
import { stage0, writeRamdisk } from './ramdisk.ts';
import { buildProgramImage } from './squashfs.ts';

/** Writes it at `output` (0600), whole or not at all. E_NEEDS for a missing program, E_NO_SPACE, E_IO. */
export async function buildImage(plan: ImagePlan, output: string): Promise<CaptureImage> {
  const work = mkdtempSync(join(tmpdir(), 'vmcore-image-'));
  const unfinished = `${output}.${process.pid}`;
  try {
    const program = await buildProgramImage(
      plan.programs,
      plan.entry,
      join(work, 'program.squashfs'),
      plan.extraPrograms,
    );
    const size = await writeRamdisk(
      {
        moduleTree: plan.kernel.moduleTree,
        modules: plan.modules,
        program,
        busybox: plan.programs.busybox,
        init: stage0(),
        extra: plan.files,
      },
      unfinished,
    );
    renameDurably(unfinished, output);
    return { path: output, size, modules: plan.modules.map(({ module }) => module.name) };
  } finally {
    rmSync(work, { recursive: true, force: true });
    rmSync(unfinished, { force: true });
  }
}

/** A power failure leaves the old image or the new one. */
function renameDurably(from: string, to: string): void {
  try {
    const fd = openSync(from, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(from, to);
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot finish the capture image', { file: to });
  }
  syncDirectoryOf(to);
}
