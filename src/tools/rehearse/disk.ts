/**
 * The guest's disk: a real ext4 file system in a sparse file, made and read without root and without mounting.
 *
 * mkfs.ext4 -d copies a folder in; debugfs takes files out again, so what the guest wrote is seen only through what is on
 * disk after it went down. Dump data lives here: the file is 0600.
 */
import { closeSync, ftruncateSync, openSync, statSync } from 'node:fs';
import { VmcoreError } from '../../base/errors.ts';
import { lastLine, requireProgram, runChecked } from '../../sys/programs.ts';
import { asVmcoreError } from '../../sys/system-error.ts';

export const mkfsExt4 = { name: 'mkfs.ext4', debianPackage: 'e2fsprogs' };
export const debugfs = { name: 'debugfs', debianPackage: 'e2fsprogs' };

/** Makes the file system at `image`, `size` bytes, holding what `folder` holds. */
export async function makeDisk(image: string, size: number, folder: string): Promise<void> {
  emptyFile(image, size);
  await runChecked(requireProgram(mkfsExt4), [
    '-q',
    '-F',
    '-m',
    '0',
    '-E',
    'root_owner=0:0',
    '-d',
    folder,
    image,
  ]);
}

export interface DiskEntry {
  readonly name: string;
  /** Bytes; undefined for a folder. */
  readonly size: number | undefined;
}

/** What a folder on the disk holds, without . and .. ; empty when the folder is not there. */
export async function listFolder(image: string, folder: string): Promise<DiskEntry[]> {
  const { stdout } = await request(image, ['ls', '-p', folder]);
  return parseListing(stdout.toString('utf8'));
}

/** Lines of `debugfs ls -p`: /INODE/MODE/UID/GID/NAME/SIZE/, with an empty size for folders. */
export function parseListing(text: string): DiskEntry[] {
  const entries: DiskEntry[] = [];
  for (const line of text.split('\n')) {
    const [, inode, mode, , , name, size] = line.split('/');
    if (inode === undefined || mode === undefined || name === undefined || name === '.' || name === '..')
      continue;
    if (!/^[1-9]\d*$/.test(inode)) continue;
    entries.push({ name, size: mode.startsWith('04') ? undefined : Number(size) });
  }
  return entries;
}

/** Copies a file out of the disk to `output` (0600). E_REHEARSAL when it is not there whole. */
export async function takeFile(image: string, path: string, size: number, output: string): Promise<void> {
  // debugfs keeps the mode of a file that is already there.
  emptyFile(output, 0);
  const { stderr } = await request(image, ['dump', path, output]);
  const got = statSync(output).size;
  if (got !== size) {
    const complaint = lastLine(stderr);
    throw new VmcoreError(
      'E_REHEARSAL',
      `${path} on the guest's disk has ${size} bytes, ${got} came out: ${complaint}`,
      {
        file: image,
        hint: 'check free space; run fsck.ext4 -fn on the disk',
      },
    );
  }
}

function request(image: string, words: readonly string[]): Promise<{ stdout: Buffer; stderr: string }> {
  return runChecked(requireProgram(debugfs), ['-R', words.map(quoted).join(' '), image]);
}

/** debugfs splits its request into words; inside double quotes only the quote is special, and is doubled (libss). */
const quoted = (word: string): string => `"${word.replaceAll('"', '""')}"`;

function emptyFile(path: string, size: number): void {
  try {
    const fd = openSync(path, 'w', 0o600);
    try {
      ftruncateSync(fd, size);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot write', { file: path });
  }
}
