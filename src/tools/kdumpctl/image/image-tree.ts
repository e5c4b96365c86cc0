/**
 * The capture image as a folder, for an initramfs that dracut or initramfs-tools makes: they bring up the devices, and then change their root to it and
 * start stage 0, which finds all as in an image of our own. Only modules are not in it: MODULES, a file beside it, names those that must be loaded.
 */
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { asVmcoreError } from '../../../sys/system-error.ts';
import type { CpioEntry } from './cpio.ts';
import type { ImagePlan } from './plan.ts';
import { ramdiskEntries, stage0 } from './ramdisk.ts';
import { buildProgramImage } from './squashfs.ts';

/** In the folder: a name a line, in load order. */
export const moduleList = 'MODULES';

/** Makes `folder` with all of it. E_EXISTS when it is not empty, and the errors of buildImage(). */
export async function writeImageTree(plan: ImagePlan, folder: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'vmcore-image-'));
  try {
    const program = await buildProgramImage(
      plan.programs,
      plan.entry,
      join(work, 'program.squashfs'),
      plan.extraPrograms,
    );
    const { moduleTree } = plan.kernel;
    const { busybox } = plan.programs;
    const entries = await ramdiskEntries({
      moduleTree,
      modules: [],
      program,
      busybox,
      init: stage0(),
      extra: plan.files,
    });
    mkdirSync(folder, { recursive: true });
    for (const entry of entries) writeEntry(folder, entry);
    writeFileSync(join(folder, moduleList), plan.modules.map(({ module }) => `${module.name}\n`).join(''));
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot write the files of the capture image', { file: folder });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Device nodes are left out: stage 0 mounts /dev before it needs one. */
function writeEntry(folder: string, entry: CpioEntry): void {
  const path = join(folder, entry.path);
  mkdirSync(dirname(path), { recursive: true });
  if (entry.kind === 'directory') mkdirSync(path, { recursive: true });
  if (entry.kind === 'symlink') symlinkSync(entry.target, path);
  if (entry.kind !== 'file') return;
  const { data, mode = 0o644 } = entry;
  if (data instanceof Uint8Array) writeFileSync(path, data, { mode, flag: 'wx' });
  else copyFileSync(data.file, path);
  chmodSync(path, mode);
}
