/**
 * The squashfs of the capture image: node without its symbols, its libraries, and our bundle; and other programs with theirs.
 *
 * A squashfs because it stays compressed in memory and is unpacked page by page: node as plain files in the initramfs would
 * fill half of a crashkernel=256M. It is mounted at /vmcore:
 *
 *     bin/node      the stripped program, without languages (small-icu.ts); beside it ssh and what else is wanted
 *     lib/          the loader and their libraries, flat
 *     start-save.cjs, save.cjs, save.cache   what stage 0 starts, see cached-code.ts; node-options the flags for it
 *     vmcore.mjs    our other commands, and compress-worker.mjs the code of worker threads
 *
 * The first two change with the machine's packages and take seconds to compress, so they are kept in the cache by content;
 * our bundle is then appended to a copy, which takes a fraction of a second. 128 KiB blocks: larger ones pack 4% better, but
 * reading one page unpacks its whole block.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  constants,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VmcoreError } from '../../../base/errors.ts';
import { cacheDir } from '../../../sys/cache-dir.ts';
import { madeOnce } from '../../../sys/made-once.ts';
import { requireProgram, runChecked, runProgram } from '../../../sys/programs.ts';
import { bundledWorkerName, workerSource } from '../../makedumpfile/compress/worker-file.ts';
import { type BundleFormat, bundleProgram } from './bundle.ts';
import { bundleName, cacheName } from './cached-code.ts';
import { isDynamic, libraryBeside, type Runtime, runtimeOf, writeStripped } from './elf-runtime.ts';
import { nodeOptions } from './node-options.ts';
import type { CapturePrograms } from './programs.ts';
import { takeOutLanguages } from './small-icu.ts';

export const mksquashfs = { name: 'mksquashfs', debianPackage: 'squashfs-tools' };

/** Time 0 everywhere: the same input gives the same image. */
const compression = ['-comp', 'zstd', '-Xcompression-level', '15', '-b', '128K'];
const reproducible = [
  '-all-root',
  '-no-xattrs',
  '-mkfs-time',
  '0',
  '-all-time',
  '0',
  '-no-progress',
  '-quiet',
];
/** Part of the cache's key: raise it when what is put in, or how, changes. */
const layoutVersion = 3;

export interface ProgramImage {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** The loader's path that node asks for; it must lead to `lib/` of the squashfs. */
  readonly loader: string;
}

/**
 * Makes the squashfs at `output` with the program that starts at `entry`, to be run by the node of `programs`. `extra`: other programs, by name in
 * bin/, each an ELF file of the same machine.
 */
export async function buildProgramImage(
  programs: CapturePrograms,
  entry: string,
  output: string,
  extra: ReadonlyMap<string, string> = new Map(),
): Promise<ProgramImage> {
  const runtime = runtimeOf(programs.node, programs.root);
  const kept = await runtimeImage(contentsOf(runtime, extra, programs.root));
  const work = mkdtempSync(join(tmpdir(), 'vmcore-bundle-'));
  // It becomes the root of the squashfs, where not only root may look.
  chmodSync(work, 0o755);
  try {
    for (const { name, source, format } of ownCode(entry)) {
      await bundleProgram(source, join(work, name), format);
    }
    writeFileSync(join(work, 'node-options'), `${nodeOptions.join(' ')}\n`);
    await makeCodeCache(programs.node, work);
    copyFileSync(kept, output, constants.COPYFILE_FICLONE);
    await runChecked(requireProgram(mksquashfs), [work, output, '-no-recovery', ...reproducible]);
  } finally {
    rmSync(work, { recursive: true });
  }
  return { path: output, size: statSync(output).size, loader: runtime.loader };
}

/** The code of ours in an image whose program starts at `entry`. */
export const ownCode = (
  entry: string,
): readonly { readonly name: string; readonly source: string; readonly format: BundleFormat }[] => [
  { name: 'vmcore.mjs', source: entry, format: 'esm' },
  { name: bundledWorkerName, source: workerSource(), format: 'esm' },
  { name: bundleName, source: join(dirname(entry), 'capture-save.ts'), format: 'cjs' },
  {
    name: 'start-save.cjs',
    source: fileURLToPath(new URL('./start-save.ts', import.meta.url)),
    format: 'cjs',
  },
];

/** The code cache of the save in `folder`. Without one it starts too, and a node for another processor cannot make it. */
export async function makeCodeCache(node: string, folder: string): Promise<void> {
  const maker = fileURLToPath(new URL('./make-code-cache.ts', import.meta.url));
  const made = await runProgram(node, [...nodeOptions, maker, folder], { timeout: 60_000 }).catch(
    () => undefined,
  );
  if (made?.status !== 0) rmSync(join(folder, cacheName), { force: true });
}

/** What the cached squashfs holds: name to file. */
interface Contents {
  readonly node: string;
  readonly extra: ReadonlyMap<string, string>;
  readonly libraries: ReadonlyMap<string, string>;
}

/** Loaded by name when a program looks up a user or a host, and then not in DT_NEEDED (before glibc 2.34). */
const nameServices = ['libnss_files.so.2', 'libnss_dns.so.2'];

function contentsOf(node: Runtime, extra: ReadonlyMap<string, string>, root: string): Contents {
  const libraries = new Map(node.libraries);
  for (const path of extra.values()) {
    if (!isDynamic(path)) continue;
    const wanted = new Map(runtimeOf(path, root).libraries);
    for (const soname of nameServices) {
      const file = libraryBeside(path, soname, root);
      if (file !== undefined) wanted.set(soname, file);
    }
    for (const [soname, file] of wanted) {
      const other = libraries.get(soname);
      if (other !== undefined && other !== file) {
        throw new VmcoreError(
          'E_UNSUPPORTED',
          `needs ${file}, but ${other} is in the image under that name`,
          {
            file: path,
            hint: 'link it statically, or leave it out',
          },
        );
      }
      libraries.set(soname, file);
    }
  }
  return { node: node.program, extra, libraries };
}

/** The squashfs with programs and libraries only, from the cache when it is there. */
const runtimeImage = (contents: Contents): Promise<string> =>
  madeOnce(join(cacheDir('runtime'), `${contentKey(contents)}.squashfs`), async (work) => {
    const tree = join(work, 'tree');
    for (const name of ['bin', 'lib']) mkdirSync(join(tree, name), { recursive: true });
    writeStripped(contents.node, join(tree, 'bin/node'), takeOutLanguages);
    for (const [name, file] of contents.extra) writeStripped(file, join(tree, 'bin', name));
    for (const [soname, file] of contents.libraries) copyFileSync(file, join(tree, 'lib', soname));
    const image = join(work, 'image');
    await runChecked(requireProgram(mksquashfs), [tree, image, '-noappend', ...compression, ...reproducible]);
    return image;
  });

function contentKey({ node, extra, libraries }: Contents): string {
  const hash = createHash('sha256').update(`${layoutVersion} ${compression.join(' ')}\n`);
  for (const [name, file] of [['node', node] as const, ...extra, ...libraries]) {
    hash.update(`${name}\0`).update(createHash('sha256').update(readFileSync(file)).digest());
  }
  return hash.digest('hex').slice(0, 32);
}
