/**
 * The vmlinux with DWARF of a guest's kernel, for the peers that cannot do without: crash.
 *
 * It comes from Debian's linux-image-RELEASE-dbg, which is most of a gigabyte; of it only vmlinux is kept in the cache (debug/RELEASE/), and
 * fetched once.
 */
import { spawn } from 'node:child_process';
import { readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { VmcoreError } from '../src/base/errors.ts';
import type { Progress } from '../src/base/progress.ts';
import { cacheDir } from '../src/sys/cache-dir.ts';
import { madeOnce } from '../src/sys/made-once.ts';
import { requireProgram } from '../src/sys/programs.ts';
import { withPackageFiles } from '../src/tools/rehearse/debian.ts';

export interface DebugKernelRequest {
  readonly suite: string;
  /** As `uname -r` says. */
  readonly release: string;
  readonly progress: Progress;
}

/**
 * Its path. E_NEEDS without apt, a mirror or a network; E_USAGE when the suite has a newer kernel by now and no longer this one: remove
 * the old kernel and its dumps from the cache then.
 */
export async function debugVmlinux({ suite, release, progress }: DebugKernelRequest): Promise<string> {
  const folder = await madeOnce(join(cacheDir('debug'), release), async (making) => {
    const packages = [`linux-image-${release}-dbg`];
    await withPackageFiles({ suite, packages, architecture: 'amd64', progress }, ([file]) =>
      extractVmlinux(file!, making),
    );
    renameSync(onlyFileBelow(making), join(making, 'vmlinux'));
    rmSync(join(making, 'usr'), { recursive: true });
    return making;
  });
  return join(folder, 'vmlinux');
}

/** dpkg-deb writes the package as a tar archive, of which tar takes what is named vmlinux, and then stops reading. */
async function extractVmlinux(packageFile: string, folder: string): Promise<void> {
  const dpkg = requireProgram({ name: 'dpkg-deb', debianPackage: 'dpkg' });
  const tar = requireProgram({ name: 'tar', debianPackage: 'tar' });
  const archive = spawn(dpkg, ['--fsys-tarfile', packageFile], { stdio: ['ignore', 'pipe', 'ignore'] });
  const take = ['-x', '-C', folder, '--occurrence=1', '--wildcards', '*/vmlinux*'];
  const taking = spawn(tar, take, { stdio: [archive.stdout, 'ignore', 'pipe'] });
  archive.stdout.destroy();
  let complaint = '';
  taking.stderr!.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    taking.on('error', reject);
    archive.on('error', reject);
    taking.on('close', resolve);
  });
  archive.kill();
  if (status !== 0) {
    throw new VmcoreError('E_IO', `tar ended with status ${status}: ${complaint.trim()}`, {
      file: packageFile,
      hint: 'check free space',
    });
  }
}

function onlyFileBelow(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const [file] = files;
  if (file === undefined || files.length > 1) {
    throw new VmcoreError('E_CORRUPT', `${files.length} files named vmlinux came out of the package`, {
      file: basename(folder),
    });
  }
  return join(file.parentPath, file.name);
}
