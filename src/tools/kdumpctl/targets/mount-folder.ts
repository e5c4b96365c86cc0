/** The folder that a target is mounted on: one for each mount, empty when nothing is. */
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const makeMountFolder = (): string => mkdtempSync(join(tmpdir(), 'vmcore-target-'));

/** Never throws: a mount that was given up may still come about, and then the folder is in use and stays. */
export function removeMountFolder(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // An empty folder is no reason for a save to fail.
  }
}
