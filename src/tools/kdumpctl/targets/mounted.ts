/** Mounting the file system of a target, and letting go of it. */
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VmcoreError } from '../../../base/errors.ts';
import { lastLine } from '../../../sys/programs.ts';
import { runLimited } from './limited.ts';

/** Replaying a journal takes seconds, on a slow disk array minutes; a device that does not answer takes for ever. Milliseconds. */
export const mountLimit = 180_000;

export interface MountRequest {
  readonly type: string;
  /** What is mounted, as mount(8) takes it. */
  readonly source: string;
  readonly options: readonly string[];
  /** Milliseconds. */
  readonly limit: number;
}

/** The folder it is mounted on. E_IO, with mount's own words, when it cannot be mounted. */
export async function mount({ type, source, options, limit }: MountRequest): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-target-'));
  const chosen = options.length === 0 ? [] : ['-o', options.join(',')];
  try {
    await run('mount', ['-t', type, ...chosen, source, folder], source, limit);
  } catch (error) {
    removeFolder(folder);
    throw error;
  }
  return folder;
}

/** Writes out what is buffered and unmounts. E_IO when that fails or takes too long. */
export async function unmount(folder: string, source: string): Promise<void> {
  await run('umount', [folder], source, mountLimit);
  removeFolder(folder);
}

async function run(program: string, args: readonly string[], source: string, limit: number): Promise<void> {
  const { status, stderr } = await runLimited(program, args, limit);
  if (status === 0) return;
  // busybox says once more what was mounted where.
  const why = lastLine(stderr).replace(/^u?mount: .* failed: /, '');
  throw new VmcoreError('E_IO', `${program} failed: ${why || `exit status ${status}`}`, {
    file: source,
    hint: 'check the target in kdump.conf, and that the capture image has the modules for it',
  });
}

/** A mount that timed out may still come about: then the folder is in use, and stays. */
function removeFolder(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}
