/**
 * Building crash-module/ for a guest's kernel: Debian's headers and the compiler of the kernel's own suite, unpacked into the cache and never
 * installed. What is built stays in the cache (crash-modules/), under a key of the kernel's release and of the sources.
 *
 * The headers name each other by absolute paths (/usr/src/…), so make(1) runs with the unpacked packages as its root, in a mount namespace
 * of its own (unshare(1)): as root, or as a user where user namespaces are allowed.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { VmcoreError } from '../../src/base/errors.ts';
import type { Progress } from '../../src/base/progress.ts';
import { cacheDir } from '../../src/sys/cache-dir.ts';
import { madeOnce } from '../../src/sys/made-once.ts';
import { lastLine, requireProgram, runChecked, runProgram } from '../../src/sys/programs.ts';
import { debianTree, withPackageFiles } from '../../src/tools/rehearse/debian.ts';
import { type GuestKernelName, guestKernels } from './kernels.ts';

const sources = ['crash_module.c', 'Makefile'].map((name) => join(import.meta.dirname, 'crash-module', name));
const built = 'crash_module.ko';

/** What make(1) and the kernel's scripts call, beside the compiler, which the headers depend on. */
const userland = ['make', 'dash', 'coreutils', 'sed', 'grep', 'mawk', 'findutils', 'base-files'];

/**
 * The module for that kernel. E_NEEDS without apt, a mirror or a network; E_USAGE when the suite has a newer kernel by now: remove the
 * old one from the cache then; E_IO when it does not compile.
 */
export async function crashModule(
  name: GuestKernelName,
  release: string,
  progress: Progress,
): Promise<string> {
  const hash = createHash('sha256');
  for (const file of sources) hash.update(readFileSync(file));
  const key = `${release}-${hash.digest('hex').slice(0, 12)}`;
  const folder = await madeOnce(join(cacheDir('crash-modules'), key), async (making) => {
    await build(name, release, join(making, built), progress);
    return making;
  });
  return join(folder, built);
}

/** With that tree as root: objtool looks into /proc, compilers write to /dev/null. "$1" is the tree, the rest the program. */
const inTree =
  'mount --rbind /dev "$1/dev" && mount --rbind /proc "$1/proc" && mount -t tmpfs tmpfs "$1/tmp" && exec chroot "$@"';

async function build(
  name: GuestKernelName,
  release: string,
  output: string,
  progress: Progress,
): Promise<void> {
  const headers = `linux-headers-${release}`;
  const tree = await buildTree(name, release, progress);
  settle(tree);
  progress.step(`building a module for ${release}`);
  const work = mkdtempSync(join(tree, 'build-'));
  try {
    chmodSync(work, 0o755);
    for (const file of sources) copyFileSync(file, join(work, basename(file)));
    const unshare = requireProgram({ name: 'unshare', debianPackage: 'util-linux' });
    const root = process.getuid?.() === 0 ? [] : ['--map-root-user'];
    // Headers of Debian 11 take this machine's own compiler when nobody says so.
    const cross = guestKernels[name].arch === 'arm64' ? ['CROSS_COMPILE=aarch64-linux-gnu-'] : [];
    const make = ['make', '-C', `/usr/src/${headers}`, `M=/${basename(work)}`, ...cross, 'modules'];
    const { status, stdout, stderr } = await runProgram(
      unshare,
      ['--mount', ...root, 'sh', '-c', inTree, 'sh', tree, ...make],
      { timeout: 10 * 60_000, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } },
    );
    if (status !== 0) {
      throw new VmcoreError(
        'E_IO',
        `make ended with status ${status}: ${lastLine(stderr) || lastLine(stdout.toString('utf8'))}`,
        {
          file: tree,
          hint: 'remove this folder and try again',
        },
      );
    }
    copyFileSync(join(work, built), output);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The folder with headers and compiler, to be the root of a build. */
async function buildTree(name: GuestKernelName, release: string, progress: Progress): Promise<string> {
  const { suite, arch } = guestKernels[name];
  const headers = `linux-headers-${release}`;
  const own = { suite, architecture: 'amd64', progress };
  if (arch === 'x86_64') return debianTree({ ...own, packages: [headers, ...userland] });
  // Its headers depend on a compiler that runs on arm64. What is to run here is a cross compiler, and this architecture's scripts.
  const key = `${suite}-${arch}-${headers}-alone`;
  const unpacked = await madeOnce(join(cacheDir('trees'), key), async (making) => {
    await withPackageFiles({ suite, architecture: arch, packages: [headers], progress }, async ([file]) => {
      await runChecked(requireProgram({ name: 'dpkg-deb', debianPackage: 'dpkg' }), ['-x', file!, making]);
    });
    return making;
  });
  const configured = join('usr/src', headers);
  const compiler = /\bgcc-\d+/.exec(
    readFileSync(join(unpacked, configured, '.kernelvariables'), 'utf8'),
  )?.[0];
  const version = release.replace(/-[^-]*$/, '');
  const tree = await debianTree({
    ...own,
    packages: [
      `${compiler}-aarch64-linux-gnu`,
      `linux-headers-${version}-common`,
      // One for all builds of a release line, until Debian 13.
      `linux-kbuild-${version.replace(/\.0-\d+$/, '')}`,
      ...userland,
    ],
  });
  if (!existsSync(join(tree, configured)))
    cpSync(join(unpacked, configured), join(tree, configured), { recursive: true, verbatimSymlinks: true });
  return tree;
}

/** What Debian's packages make only when they are installed: links, and empty folders. */
function settle(tree: string): void {
  for (const folder of ['dev', 'proc', 'tmp', 'usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64']) {
    mkdirSync(join(tree, folder), { recursive: true });
  }
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    if (!existsSync(join(tree, name))) symlinkSync(`usr/${name}`, join(tree, name));
  }
  const awk = join(tree, 'usr/bin/awk');
  if (!existsSync(awk)) symlinkSync('mawk', awk);
}
