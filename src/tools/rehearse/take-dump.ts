/** Bringing home what a rehearsal made: the dump out of the guest's disk, and logs, into the folder that keeps them. */
import { chmodSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { VmcoreError } from '../../base/errors.ts';
import { cacheDir } from '../../sys/cache-dir.ts';
import { asVmcoreError } from '../../sys/system-error.ts';
import { dumpNames } from '../kdumpctl/save.ts';
import { type DiskEntry, listFolder } from './disk.ts';
import { crashFolder } from './guest-files.ts';

/** A failed run's log must outlive the work folder; the next failure replaces it. */
export function keepLog(serialLog: string, kept: boolean): string {
  if (kept) return serialLog;
  const path = join(cacheDir('rehearse'), 'failed-serial.log');
  copyFileSync(serialLog, path);
  chmodSync(path, 0o600);
  return path;
}

/** The newest folder below /var/crash that has a finished vmcore. Names end with the date, so they sort by it. */
export async function findDump(disk: string): Promise<{ folder: string; entries: DiskEntry[] }> {
  const folders = (await listFolder(disk, crashFolder)).filter(({ size }) => size === undefined);
  const newest = folders
    .map(({ name }) => name)
    .sort()
    .at(-1);
  const folder = `${crashFolder}/${newest ?? ''}`;
  const entries = newest === undefined ? [] : await listFolder(disk, folder);
  if (!entries.some(({ name }) => name === dumpNames.dump)) {
    const names = entries.map(({ name }) => name).join(', ');
    throw new VmcoreError('E_REHEARSAL', `no vmcore on the guest's disk in ${folder} (${names || 'empty'})`, {
      hint: 'run again with --keep DIR and read its serial.log',
    });
  }
  return { folder, entries };
}

/** Without --keep only the dump is needed, to open it. */
export function filesToTake(entries: readonly DiskEntry[], keepAll: boolean): readonly DiskEntry[] {
  const names: readonly string[] = keepAll
    ? [dumpNames.dump, dumpNames.log, dumpNames.raw]
    : [dumpNames.dump];
  return entries.filter(({ name }) => names.includes(name));
}

/** E_EXISTS rather than writing over an older dump. */
export function prepareKeep(folder: string): string {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot make the folder', { file: folder });
  }
  for (const name of [...Object.values(dumpNames), 'serial.log', 'capture.log']) {
    if (existsSync(join(folder, name))) {
      throw new VmcoreError('E_EXISTS', 'is there already', {
        file: join(folder, name),
        hint: 'name another folder for --keep',
      });
    }
  }
  return folder;
}
