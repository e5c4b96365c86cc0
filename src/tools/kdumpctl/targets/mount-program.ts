/**
 * Mounting and letting go by mount(8) and umount(8), for a file system behind a network: its server may let it wait for minutes, and the other nodes of
 * a cluster want to be told meanwhile (save/fence.ts). One on a device is mounted by mounted.ts, in a tenth of the time.
 */
import { VmcoreError } from '../../../base/errors.ts';
import { lastLine } from '../../../sys/programs.ts';
import { runLimited } from './limited.ts';
import { makeMountFolder, removeMountFolder } from './mount-folder.ts';

/** What is buffered is on the server before. Milliseconds. */
const unmountLimit = 180_000;

export interface MountRequest {
  readonly type: string;
  /** What is mounted, as mount(8) takes it. */
  readonly source: string;
  readonly options: readonly string[];
  /** Milliseconds. */
  readonly limit: number;
}

/** The folder it is mounted on. E_IO, with mount's own words, when it cannot be mounted. */
export async function mountByProgram({ type, source, options, limit }: MountRequest): Promise<string> {
  const folder = makeMountFolder();
  const chosen = options.length === 0 ? [] : ['-o', options.join(',')];
  try {
    await run('mount', ['-t', type, ...chosen, source, folder], source, limit);
  } catch (error) {
    removeMountFolder(folder);
    throw error;
  }
  return folder;
}

/** Writes out what is buffered and unmounts. E_IO when that fails or takes too long. */
export async function unmountByProgram(folder: string, source: string): Promise<void> {
  await run('umount', [folder], source, unmountLimit);
  removeMountFolder(folder);
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
