/** Bringing home what a rehearsal made: the dump out of the guest's disk, and logs, into the folder that keeps them. */
import { chmodSync, closeSync, copyFileSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { VmcoreError } from '../../base/errors.ts';
import { formatSize } from '../../base/units.ts';
import { cacheDir } from '../../sys/cache-dir.ts';
import { asVmcoreError } from '../../sys/system-error.ts';
import { dumpNames } from '../kdumpctl/save/names.ts';
import { type DiskEntry, listFolder, takeFile } from './disk.ts';
import { crashFolder } from './guest-files.ts';

/** A failed run's log must outlive the work folder; the next failure replaces it. */
export function keepLog(serialLog: string, kept: boolean): string {
  if (kept) return serialLog;
  const path = join(cacheDir('rehearse'), 'failed-serial.log');
  copyFileSync(serialLog, path);
  chmodSync(path, 0o600);
  return path;
}

interface CrashFolder {
  /** Its path on the guest's disk; ends with a slash when there is none. */
  readonly folder: string;
  readonly entries: readonly DiskEntry[];
}

/** Names end with the date, so they sort by it. */
async function newestFolder(disk: string): Promise<CrashFolder> {
  const folders = (await listFolder(disk, crashFolder)).filter(({ size }) => size === undefined);
  const newest = folders
    .map(({ name }) => name)
    .sort()
    .at(-1);
  const folder = `${crashFolder}/${newest ?? ''}`;
  return { folder, entries: newest === undefined ? [] : await listFolder(disk, folder) };
}

/** The newest folder below /var/crash, which has a finished vmcore. E_REHEARSAL when it has none. */
export async function findDump(disk: string): Promise<CrashFolder> {
  const { folder, entries } = await newestFolder(disk);
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

/**
 * What a save that failed had written: taken into the folder `keep`, with the log, or only told when there is no such folder. Returns the
 * words for people; undefined when there is nothing, or it cannot be read: that the save failed is what matters then.
 */
export async function takeIncomplete(disk: string, keep: string | undefined): Promise<string | undefined> {
  try {
    const { folder, entries } = await newestFolder(disk);
    const incomplete = entries.find(({ name }) => name === dumpNames.incomplete);
    if (incomplete === undefined) return undefined;
    const size = formatSize(incomplete.size ?? 0);
    if (keep === undefined) return `what was saved before, ${size}, is kept with --keep DIR`;
    for (const entry of entries) {
      if (entry !== incomplete && entry.name !== dumpNames.log) continue;
      await takeFile(disk, `${folder}/${entry.name}`, entry.size ?? 0, join(keep, entry.name));
    }
    return `what was saved before, ${size}, is ${join(keep, dumpNames.incomplete)}`;
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    return undefined;
  }
}

/** The machine's RAM, in the folder that keeps everything. */
export const memoryImageName = 'memory.img';

/** An empty file for it (0600), which QEMU makes as large as the memory. Its path. */
export function newMemoryImage(folder: string): string {
  const path = join(folder, memoryImageName);
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot create', { file: path });
  }
  return path;
}

/** E_EXISTS rather than writing over an older dump. */
export function prepareKeep(folder: string): string {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot make the folder', { file: folder });
  }
  for (const name of [...Object.values(dumpNames), 'serial.log', 'capture.log', memoryImageName]) {
    if (existsSync(join(folder, name))) {
      throw new VmcoreError('E_EXISTS', 'is there already', {
        file: join(folder, name),
        hint: 'name another folder for --keep',
      });
    }
  }
  return folder;
}
