/**
 * Debian packages of any suite and architecture, unpacked into the cache and never installed: kernels to rehearse with,
 * and programs to compare with.
 *
 * apt runs as any user here, on a configuration, package lists and an (empty) list of installed packages of its own;
 * from the machine come only the mirror, its key and how to reach it (proxies). apt checks signatures and hashes.
 * What is unpacked appears in the cache under its final name only when it is whole, and is then never fetched again:
 * remove the folder to get a newer one.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { VmcoreError } from '../../base/errors.ts';
import type { Progress } from '../../base/progress.ts';
import { formatSize } from '../../base/units.ts';
import { cacheDir } from '../../sys/cache-dir.ts';
import { madeOnce, withWorkFolder } from '../../sys/made-once.ts';
import {
  findProgram,
  lastLine,
  type ProgramResult,
  requireProgram,
  runChecked,
  runProgram,
} from '../../sys/programs.ts';
import {
  type AptSource,
  chooseDebianMirror,
  type DebianMirror,
  parseDeb822Sources,
  parseOneLineSources,
} from './apt-sources.ts';

export interface KernelRequest {
  /** bookworm when not given. */
  readonly suite?: string;
  /** What follows linux-image- in the name of Debian's meta package (amd64, cloud-amd64, arm64-16k); amd64 when not given. */
  readonly flavour?: string;
  readonly progress: Progress;
}

export interface DebianKernel {
  readonly vmlinuz: string;
  /** The folder lib/modules/RELEASE. It has no modules.dep: depmod writes that at installation. */
  readonly modules: string;
  readonly release: string;
}

/**
 * The newest kernel of a suite. The first call takes some 70 MB from the mirror, later ones nothing.
 * E_NEEDS without apt, a Debian mirror or a network; E_USAGE for a suite or flavour that Debian does not have.
 */
export async function debianKernel(request: KernelRequest): Promise<DebianKernel> {
  const suite = checkedName(request.suite ?? 'bookworm');
  const flavour = checkedName(request.flavour ?? 'amd64');
  const architecture = flavour.includes('arm64') ? 'arm64' : 'amd64';
  const folder = await madeOnce(join(cacheDir('kernels'), `${suite}-${flavour}`), async (work) => {
    await withApt({ suite, architecture, progress: request.progress }, async (apt) => {
      const image = kernelImageOf(await apt.depends(`linux-image-${flavour}`));
      if (image === undefined) {
        throw new VmcoreError('E_USAGE', `Debian ${suite} has no kernel of the flavour ${flavour}`, {
          hint: 'use a flavour such as amd64, cloud-amd64 or arm64',
        });
      }
      const packages = [image, ...kernelPartsOf(image, await apt.depends(image))];
      await unpack(await apt.download(packages), work);
    });
    findKernel(work);
    return work;
  });
  return findKernel(folder);
}

export interface TreeRequest {
  readonly suite: string;
  readonly packages: readonly string[];
  /** In Debian's words (amd64, arm64); this machine's when not given. */
  readonly architecture?: string;
  readonly progress: Progress;
}

/**
 * The folder with these packages and everything they depend on.
 * E_NEEDS without apt, a Debian mirror or a network; E_USAGE for a package that the suite does not have.
 */
export async function debianTree(request: TreeRequest): Promise<string> {
  const { suite, architecture, packages, progress } = checkedTree(request);
  const key = `${suite}-${architecture}-${packages.join('+')}`;
  return madeOnce(join(cacheDir('trees'), key), async (work) => {
    await withApt({ suite, architecture, progress }, async (apt) =>
      unpack(await apt.downloadWithDependencies(packages), work),
    );
    return work;
  });
}

/** Lends the files of exactly these packages, for who needs little of a large one; they are gone afterwards. Errors as debianTree. */
export async function withPackageFiles(
  request: TreeRequest,
  use: (files: readonly string[]) => Promise<void>,
): Promise<void> {
  const { packages, ...target } = checkedTree(request);
  await withApt(target, async (apt) => use(await apt.download(packages)));
}

const checkedTree = ({ suite, packages, architecture, progress }: TreeRequest): Required<TreeRequest> => ({
  suite: checkedName(suite),
  packages: packages.map(checkedName).sort(),
  architecture: checkedName(architecture ?? (process.arch === 'x64' ? 'amd64' : process.arch)),
  progress,
});

/** Names become parts of paths and of command lines. */
function checkedName(name: string): string {
  if (/^[a-z0-9][a-z0-9+.-]*$/.test(name)) return name;
  throw new VmcoreError('E_USAGE', `${JSON.stringify(name)} is not a name of a Debian suite or package`, {
    hint: 'use names such as bookworm, amd64 or makedumpfile',
  });
}

/** The package with the kernel, from what `apt-cache depends linux-image-FLAVOUR` says. */
export const kernelImageOf = (depends: string): string | undefined =>
  /^\s*\|?Depends:\s+(linux-image-\d\S*)/m.exec(depends)?.[1];

/**
 * Since Debian 14 the image package is only a name for these: the kernel, its modules, and the lists of what is built in and in which
 * order to load. Before, it holds everything itself.
 */
export const kernelPartsOf = (image: string, depends: string): string[] =>
  ['linux-binary', 'linux-modules', 'linux-base']
    .map((part) => image.replace('linux-image', part))
    .filter((part) => depends.split(/\s+/).includes(part));

/** Bytes to fetch, from `--print-uris`: lines of 'URI' FILE SIZE HASH. */
export function downloadSize(printedUris: string): number {
  let bytes = 0;
  for (const match of printedUris.matchAll(/^'[^']*' \S+ (\d+)/gm)) bytes += Number(match[1]);
  return bytes;
}

/**
 * The kernel below `folder`. Debian 14 and later keep it with its modules as usr/lib/modules/RELEASE/vmlinuz, earlier
 * ones as boot/vmlinuz-RELEASE; the modules are in lib/modules/RELEASE before Debian 13.
 */
function findKernel(folder: string): DebianKernel {
  for (const parent of ['lib/modules', 'usr/lib/modules'].map((path) => join(folder, path))) {
    for (const release of existsSync(parent) ? readdirSync(parent) : []) {
      const modules = join(parent, release);
      const vmlinuz = [join(folder, 'boot', `vmlinuz-${release}`), join(modules, 'vmlinuz')].find((path) =>
        existsSync(path),
      );
      if (vmlinuz !== undefined) return { vmlinuz, modules, release };
    }
  }
  throw new VmcoreError('E_CORRUPT', 'no kernel with its modules in here', {
    file: folder,
    hint: 'remove this folder and try again',
  });
}

async function unpack(packageFiles: readonly string[], folder: string): Promise<void> {
  const dpkg = requireProgram({ name: 'dpkg-deb', debianPackage: 'dpkg' });
  for (const file of packageFiles) await runChecked(dpkg, ['-x', file, folder]);
}

interface Target {
  readonly suite: string;
  readonly architecture: string;
  readonly progress: Progress;
}

/** Lends an apt of its own, with fresh package lists; everything of it is removed afterwards. */
async function withApt(target: Target, use: (apt: PrivateApt) => Promise<void>): Promise<void> {
  if (findProgram('apt-get') === undefined) {
    throw new VmcoreError('E_NEEDS', 'this machine has no apt-get to fetch a Debian package with', {
      hint: 'name a kernel of your own with --kernel and --modules',
    });
  }
  const mirror = machineMirror();
  await withWorkFolder(cacheDir('apt'), async (state) => {
    const apt = new PrivateApt(state, target);
    await apt.configure(mirror);
    await use(apt);
  });
}

/** The mirror of Debian that this machine's apt uses. E_NEEDS without one. */
export function machineMirror(): DebianMirror {
  const sources: AptSource[] = [];
  const parts = '/etc/apt/sources.list.d';
  const files = existsSync(parts) ? readdirSync(parts).map((name) => join(parts, name)) : [];
  for (const file of ['/etc/apt/sources.list', ...files.sort()]) {
    if (!existsSync(file)) continue;
    if (file.endsWith('.list')) sources.push(...parseOneLineSources(readFileSync(file, 'utf8')));
    if (file.endsWith('.sources')) sources.push(...parseDeb822Sources(readFileSync(file, 'utf8')));
  }
  const mirror = chooseDebianMirror(sources);
  if (mirror === undefined) {
    throw new VmcoreError('E_NEEDS', 'apt knows no mirror of Debian (suite bookworm, component main)', {
      file: '/etc/apt',
      hint: 'add one, or name a kernel of your own with --kernel and --modules',
    });
  }
  return mirror;
}

const minute = 60_000;

class PrivateApt {
  private readonly state: string;
  private readonly target: Target;

  constructor(state: string, target: Target) {
    this.state = state;
    this.target = target;
  }

  async configure(mirror: DebianMirror): Promise<void> {
    const { state } = this;
    const { suite, architecture, progress } = this.target;
    for (const folder of ['lists/partial', 'cache/archives/partial', 'log']) {
      mkdirSync(join(state, folder), { recursive: true });
    }
    writeFileSync(join(state, 'status'), '');
    const options = [`arch=${architecture}`, ...signedByOption(mirror, state)].join(' ');
    writeFileSync(join(state, 'sources.list'), `deb [${options}] ${mirror.uri} ${suite} main\n`);
    const reach = await runChecked('apt-config', ['dump'], { timeout: minute });
    const configuration = [
      ...howToReach(reach.stdout.toString('utf8')),
      'Dir::Etc::Main "/dev/null";',
      'Dir::Etc::Parts "/dev/null";',
      `Dir::Etc::SourceList "${join(state, 'sources.list')}";`,
      'Dir::Etc::SourceParts "/dev/null";',
      'Dir::Etc::Preferences "/dev/null";',
      'Dir::Etc::PreferencesParts "/dev/null";',
      `Dir::State "${state}";`,
      `Dir::State::Lists "${join(state, 'lists')}";`,
      `Dir::State::Status "${join(state, 'status')}";`,
      `Dir::Cache "${join(state, 'cache')}";`,
      `Dir::Log "${join(state, 'log')}";`,
      `APT::Architecture "${architecture}";`,
      `APT::Architectures { "${architecture}"; };`,
      // apt's own user cannot write into a cache below somebody's home folder.
      'APT::Sandbox::User "root";',
      'APT::Install-Recommends "false";',
      // Else an update that reached nobody ends with status 0.
      'APT::Update::Error-Mode "any";',
      'Acquire::Languages "none";',
      'Acquire::GzipIndexes "true";',
      'Acquire::http::Timeout "30";',
    ];
    writeFileSync(join(state, 'apt.conf'), `${configuration.join('\n')}\n`);
    progress.step(`reading Debian ${suite}'s list of packages`);
    this.expectReached(await this.run('apt-get', ['-q', 'update'], 5 * minute));
  }

  /** What `apt-cache depends` prints. */
  async depends(name: string): Promise<string> {
    const result = await this.run('apt-cache', ['depends', name], minute);
    if (result.status !== 0) throw this.noSuchPackage(result);
    return result.stdout.toString('utf8');
  }

  /** Fetches exactly these packages; returns their files. */
  download(names: readonly string[]): Promise<string[]> {
    return this.fetch(['download', ...names]);
  }

  downloadWithDependencies(names: readonly string[]): Promise<string[]> {
    return this.fetch(['install', '--download-only', '--yes', ...names]);
  }

  private async fetch(command: readonly string[]): Promise<string[]> {
    const archives = join(this.state, 'cache', 'archives');
    const uris = await this.run('apt-get', ['-qq', '--print-uris', ...command], minute);
    if (uris.status !== 0) throw this.noSuchPackage(uris);
    const total = downloadSize(uris.stdout.toString('utf8'));
    const { progress } = this.target;
    progress.step(`fetching ${formatSize(total)} of Debian packages`, total);
    const timer = setInterval(() => progress.advance(Math.min(total, fileBytes(archives))), 500);
    try {
      this.expectReached(await this.run('apt-get', ['-q', ...command], 60 * minute, archives));
    } finally {
      clearInterval(timer);
    }
    progress.step('unpacking Debian packages');
    return readdirSync(archives)
      .filter((name) => name.endsWith('.deb'))
      .map((name) => join(archives, name));
  }

  private run(
    program: string,
    args: readonly string[],
    timeout: number,
    cwd?: string,
  ): Promise<ProgramResult> {
    return runProgram(program, args, {
      timeout,
      env: { APT_CONFIG: join(this.state, 'apt.conf'), LC_ALL: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive' },
      ...(cwd === undefined ? {} : { cwd }),
    });
  }

  private expectReached(result: ProgramResult): void {
    if (result.status === 0) return;
    throw new VmcoreError('E_NEEDS', `apt-get: ${firstComplaint(result.stderr)}`, {
      hint: 'check the network and the mirror in /etc/apt, or name a kernel of your own with --kernel and --modules',
    });
  }

  private noSuchPackage(result: ProgramResult): VmcoreError {
    return new VmcoreError('E_USAGE', `Debian ${this.target.suite}: ${firstComplaint(result.stderr)}`, {
      hint: 'check the name of the suite, the flavour or the package',
    });
  }
}

/**
 * apt's settings for proxies and connections, from `apt-config dump`, and whether this machine's mirror is one that is
 * not kept fresh. Its hooks and pins stay behind.
 */
export const howToReach = (dump: string): string[] =>
  dump
    .split('\n')
    .filter((line) =>
      /^Acquire::(https?|socks5h|Retries|ForceIPv[46]|Check-Valid-Until|Check-Date)\b/i.test(line),
    );

/** The first line that apt marks as an error, without its mark. */
export const firstComplaint = (stderr: string): string =>
  /^E: (.*)$/m.exec(stderr)?.[1] ?? (lastLine(stderr) || 'it said nothing');

/** The key in a form that sources.list takes: a path. */
function signedByOption({ signedBy }: DebianMirror, state: string): string[] {
  if (signedBy === undefined) return [];
  if (signedBy.startsWith('/')) return [`signed-by=${signedBy}`];
  const file = join(state, 'mirror-key.asc');
  writeFileSync(file, `${signedBy}\n`);
  return [`signed-by=${file}`];
}

/** Bytes in a folder's files and in those of its folder `partial`, where apt puts what it is fetching. */
function fileBytes(folder: string): number {
  let bytes = 0;
  for (const path of [folder, join(folder, 'partial')]) {
    for (const name of existsSync(path) ? readdirSync(path) : []) {
      const file = statSync(join(path, basename(name)), { throwIfNoEntry: false });
      if (file?.isFile()) bytes += file.size;
    }
  }
  return bytes;
}
