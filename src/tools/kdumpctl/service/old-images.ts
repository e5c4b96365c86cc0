/** Images of kernels that are not installed any more: 40 MB each, and nothing would ever load them. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { moduleTreeOf } from './capture-kernel.ts';
import type { Log } from './log.ts';
import type { Places } from './places.ts';

/** Removes those that lie among what the service keeps; what is beside a kernel in /boot is its package's business. `root`: / but in tests. */
export function removeOldImages({ stateFolder }: Places, root: string, log: Log): void {
  for (const name of readdirSync(stateFolder)) {
    const release = /^initramfs-(.+)kdump\.img$/.exec(name)?.[1];
    if (release === undefined || moduleTreeOf(release, root) !== undefined) continue;
    const path = join(stateFolder, name);
    try {
      rmSync(path);
      log.info(`removed ${path}: that kernel is not installed any more`);
    } catch (error) {
      log.warn(`cannot remove ${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
