/** A dump's own folder: ADDRESS-%Y-%m-%d-%T, as kdump.sh names it (kdump-utils 63f248c). */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { VmcoreError } from '../../../base/errors.ts';
import { syncDirectoryOf } from '../../../sys/file-sink.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';

/** `127.0.0.1-2026-11-22-01:43:05`, local time. */
export function folderName(address: string, time: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${address}-${day}-${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

const mostOfOneName = 1000;

/**
 * Makes it, 0700, and what is missing above it. Where the name is taken, -2 is put behind it, or -3 …: a machine without a clock has the same time
 * at every crash, and no dump may be written over another. Errors name `target`: E_FILE for a read-only one, E_NO_SPACE for a full one.
 */
export function makeDumpFolder(parent: string, name: string, target: string): string {
  try {
    makeFolders(parent);
    for (let i = 1; i <= mostOfOneName; i++) {
      const folder = join(parent, i === 1 ? name : `${name}-${i}`);
      if (!isNew(folder)) continue;
      syncDirectoryOf(folder);
      return folder;
    }
  } catch (cause) {
    throw asVmcoreError(cause, `cannot make the folder ${name}`, { file: target });
  }
  throw new VmcoreError('E_EXISTS', `has too many folders named ${name}`, {
    file: target,
    hint: 'move old dumps elsewhere',
  });
}

/** One by one: node's own way of making several says "no such file" of a file system that is read-only. */
function makeFolders(path: string): void {
  if (path !== dirname(path)) makeFolders(dirname(path));
  isNew(path);
}

function isNew(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
