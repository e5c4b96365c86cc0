/**
 * The capture image as a folder, for an initramfs that dracut or initramfs-tools makes: they bring up the devices, and then change their root to it and
 * start stage 0, which finds all as in an image of our own. Only modules are not in it: MODULES, a file beside it, names those that must be loaded.
 */
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { asVmcoreError } from '../../../sys/system-error.ts';
import type { CpioEntry } from './cpio.ts';
import type { ImagePlan } from './plan.ts';
import { withRamdisk } from './plan-ramdisk.ts';
import { ramdiskEntries } from './ramdisk.ts';

/** In the folder: a name a line, in load order. */
export const moduleList = 'MODULES';

/** Makes `folder` with all of it. E_EXISTS when it is not empty, and the errors of buildImage(). */
export async function writeImageTree(plan: ImagePlan, folder: string): Promise<void> {
  try {
    await withRamdisk(plan, async (ramdisk) => {
      const entries = await ramdiskEntries({ ...ramdisk, modules: [] });
      mkdirSync(folder, { recursive: true });
      for (const entry of entries) writeEntry(folder, entry);
    });
    writeFileSync(join(folder, moduleList), plan.modules.map(({ module }) => `${module.name}\n`).join(''));
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot write the files of the capture image', { file: folder });
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
