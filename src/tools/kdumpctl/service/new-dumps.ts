/** Dumps on this machine, and telling people of a new one. */
import { chmodSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { VmcoreError } from '../../../base/errors.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';
import { dumpNames, wholeDumpNames } from '../save/names.ts';
import type { Log } from './log.ts';
import type { Places } from './places.ts';
import { readState, writeState } from './state.ts';

/** What tells that a folder holds a dump, also one that was not finished. */
const telling = [...wholeDumpNames, dumpNames.incomplete];

/** The folder of the newest dump below `folder`; undefined when there is none. */
export function newestDump(folder: string): string | undefined {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return undefined;
  }
  const found = names
    .map((name) => join(folder, name))
    .flatMap((path) => {
      const when = dumpTime(path);
      return when === undefined ? [] : [{ path, when }];
    })
    .sort((a, b) => b.when - a.when);
  return found[0]?.path;
}

function dumpTime(folder: string): number | undefined {
  for (const name of telling) {
    const stat = statSync(join(folder, name), { throwIfNoEntry: false });
    if (stat?.isFile()) return stat.mtimeMs;
  }
  return undefined;
}

/**
 * Tells of a dump that nobody was told of: in the log, and to everyone who logs in (pam_motd(8)), until the machine is restarted. `notify`:
 * VMCORE_CREATION_NOTIFICATION.
 */
export function tellOfNewDump(
  places: Places,
  dump: string | undefined,
  notify: 'tell' | 'silent',
  log: Log,
): void {
  const state = readState(places);
  if (notify === 'silent' || dump === undefined || dump === state.toldOf) return;
  const text = `${hostname()} crashed, and its dump was saved: ${dump}`;
  log.warn(text);
  try {
    writeMotd(places.motd, `${text}\nWhat happened: vmcore info ${dump}/vmcore\n`);
    writeState(places, { ...state, toldOf: dump });
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    log.warn(error.toLine());
  }
}

function writeMotd(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    // Everybody who logs in reads it, whatever our umask is.
    chmodSync(path, 0o644);
  } catch (cause) {
    rmSync(path, { force: true });
    throw asVmcoreError(cause, 'cannot write', { file: path });
  }
}
