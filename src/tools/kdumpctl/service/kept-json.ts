/**
 * A small JSON file that is whole or not there, readable by its owner only (0600). What it holds was written by us; a file of another version, or
 * one that is damaged, counts as not there, because everything in it can be found out again.
 */
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { FileSink, syncDirectoryOf } from '../../../sys/file-sink.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';

export interface Kept {
  /** Of the shape of what is kept: another one is not read. */
  readonly version: number;
}

export function readKept<T extends Kept>(path: string, version: T['version']): T | undefined {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
  const isOurs =
    typeof value === 'object' && value !== null && 'version' in value && value.version === version;
  // Written by writeKept() with this version's shape: the folder is root's.
  return isOurs ? (value as unknown as T) : undefined;
}

/** E_FILE, E_NO_SPACE or E_IO when it cannot be written. */
export function writeKept<T extends Kept>(path: string, value: T): void {
  const temporary = `${path}.new`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const sink = new FileSink(temporary, 'overwrite');
    sink.write(0, Buffer.from(`${JSON.stringify(value, null, 2)}\n`));
    sink.finish('disk');
    renameSync(temporary, path);
    syncDirectoryOf(path);
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot write', { file: path });
  }
}
