/** Debian's kexec for guests: the program and its libraries, as files for a guest's disk. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { VmcoreError } from '../../src/base/errors.ts';
import type { Progress } from '../../src/base/progress.ts';
import { debianTree } from '../../src/tools/rehearse/debian.ts';
import type { GuestArch } from '../../src/tools/rehearse/machines.ts';

const packagesOf = {
  x86_64: { suite: 'bookworm', architecture: 'amd64', multiarch: 'x86_64-linux-gnu' },
  arm64: { suite: 'trixie', architecture: 'arm64', multiarch: 'aarch64-linux-gnu' },
} as const;

/** Where to on the disk, from which file here: peer/kexec and peer/lib/… E_NEEDS without apt or a network. */
export async function kexecToolsFiles(
  arch: GuestArch,
  progress: Progress,
): Promise<ReadonlyMap<string, string>> {
  const { suite, architecture, multiarch } = packagesOf[arch];
  const tree = await debianTree({
    suite,
    packages: ['kexec-tools'],
    architecture,
    progress,
  });
  const kexec = ['usr/sbin/kexec', 'sbin/kexec']
    .map((path) => join(tree, path))
    .find((path) => existsSync(path));
  if (kexec === undefined) {
    throw new VmcoreError('E_NEEDS', 'has no kexec', {
      file: tree,
      hint: 'remove this folder and try again',
    });
  }
  const files = new Map([['peer/kexec', kexec]]);
  for (const parent of ['lib', 'usr/lib']) {
    const folder = join(tree, parent, multiarch);
    for (const name of existsSync(folder) ? readdirSync(folder) : []) {
      if (/\.so(\.|$)/.test(name)) files.set(`peer/lib/${name}`, join(folder, name));
    }
  }
  return files;
}
