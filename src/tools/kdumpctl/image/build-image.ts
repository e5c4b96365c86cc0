/** Writes the capture image that was planned. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { syncDirectoryOf } from '../../../sys/file-sink.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';
import type { CaptureImage, ImagePlan } from './plan.ts';
import { withRamdisk } from './plan-ramdisk.ts';
import { writeRamdisk } from './ramdisk.ts';

/** Writes it at `output` (0600), whole or not at all. E_NEEDS for a missing program, E_NO_SPACE, E_IO. */
export async function buildImage(plan: ImagePlan, output: string): Promise<CaptureImage> {
  const unfinished = `${output}.${process.pid}`;
  try {
    const size = await withRamdisk(plan, (ramdisk) => writeRamdisk(ramdisk, unfinished));
    renameDurably(unfinished, output);
    return { path: output, size, modules: plan.modules.map(({ module }) => module.name) };
  } finally {
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
