/**
 * Reads a module tree (/lib/modules/RELEASE) into a ModuleIndex, and module files unpacked.
 *
 * depmod leaves modules.dep, modules.softdep and modules.alias. A tree that was unpacked and not installed lacks them;
 * then the same facts are read from each module's .modinfo section, which is where depmod has them from
 * (include/linux/module.h, Linux 6.1). Scanning thousands of modules takes seconds when they are compressed, so the caller
 * may keep the result (see module-cache.ts).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { MemorySource } from '../../../base/byte-source.ts';
import { latin1 } from '../../../base/bytes.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { openFile } from '../../../sys/file-source.ts';
import { requireProgram, runChecked } from '../../../sys/programs.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';
import { readSection } from './elf-runtime.ts';
import { type AliasPattern, busOf, type KernelModule, type ModuleIndex, moduleName } from './modules.ts';

const moduleFile = /\.ko(\.xz|\.zst|\.gz)?$/;

/** Does `tree` look like a module tree? E_FILE with a hint when it does not. */
export function releaseOfTree(tree: string): string {
  let names: string[];
  try {
    names = readdirSync(tree);
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot read the module tree', { file: tree });
  }
  if (!names.includes('kernel') && !names.includes('modules.order')) {
    throw new VmcoreError('E_FILE', 'is not a module tree', {
      file: tree,
      hint: 'name a folder such as /lib/modules/6.1.0-50-amd64',
    });
  }
  return basename(tree);
}

/** What depmod wrote, or the same read from the modules themselves. */
export async function readModuleTree(tree: string): Promise<ModuleIndex> {
  const release = releaseOfTree(tree);
  const builtin = new Set(lines(tree, 'modules.builtin').map(nameOfPath));
  const dep = lines(tree, 'modules.dep');
  return dep.length > 0 ? fromDepmod(tree, release, builtin, dep) : fromModules(tree, release, builtin);
}

function fromDepmod(
  tree: string,
  release: string,
  builtin: ReadonlySet<string>,
  dep: readonly string[],
): ModuleIndex {
  const modules = new Map<string, KernelModule>();
  for (const line of dep) {
    // `PATH: PATH PATH ...`; modules.dep lists the whole closure, nearest first.
    const [path = '', rest = ''] = line.split(':');
    const depends = rest.trim().split(/\s+/).filter(Boolean).map(nameOfPath).reverse();
    modules.set(nameOfPath(path), { name: nameOfPath(path), path, depends });
  }
  const softPre = new Map<string, string[]>();
  for (const line of lines(tree, 'modules.softdep')) {
    const [, name, text] = /^softdep\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (name !== undefined && text !== undefined) append(softPre, moduleName(name), ...preNames(text));
  }
  const aliases = new Aliases();
  for (const line of lines(tree, 'modules.alias')) {
    const [, alias, name] = /^alias\s+(\S+)\s+(\S+)$/.exec(line) ?? [];
    if (alias !== undefined && name !== undefined) aliases.add(alias, moduleName(name));
  }
  return { release, modules, builtin, softPre, aliases: aliases.plain, patterns: aliases.patterns };
}

async function fromModules(
  tree: string,
  release: string,
  builtin: ReadonlySet<string>,
): Promise<ModuleIndex> {
  const listed = lines(tree, 'modules.order');
  const onDisk = readdirSync(join(tree), { recursive: true, encoding: 'utf8' }).filter((path) =>
    moduleFile.test(path),
  );
  // modules.order names .ko even where the files are compressed; it also decides which of several is first.
  const rank = new Map(listed.map((path, index) => [nameOfPath(path), index]));
  const rankOf = (path: string): number => rank.get(nameOfPath(path)) ?? listed.length;
  onDisk.sort((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1));

  const infos = await eachInParallel(onDisk, (path) => moduleInfo(tree, path));
  const modules = new Map<string, KernelModule>();
  const softPre = new Map<string, string[]>();
  const aliases = new Aliases();
  onDisk.forEach((path, at) => {
    const name = nameOfPath(path);
    const info = infos[at] ?? [];
    const values = (key: string): string[] =>
      info.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
    const depends = values('depends').flatMap((list) => list.split(',').filter(Boolean).map(moduleName));
    modules.set(name, { name, path, depends });
    for (const text of values('softdep')) append(softPre, name, ...preNames(text));
    for (const alias of values('alias')) aliases.add(alias, name);
  });
  return { release, modules, builtin, softPre, aliases: aliases.plain, patterns: aliases.patterns };
}

/** The module's bytes, unpacked: busybox insmod and .modinfo want them so. E_NEEDS without xz where xz is used. */
export async function unpackedModule(tree: string, path: string): Promise<Uint8Array> {
  const file = join(tree, path);
  const packing = moduleFile.exec(path)?.[1];
  if (packing === '.xz') {
    const xz = requireProgram({ name: 'xz', debianPackage: 'xz-utils' });
    return (await runChecked(xz, ['--decompress', '--stdout', '--', file])).stdout;
  }
  const bytes = readWhole(file);
  if (packing === '.zst') return zstdDecompressSync(bytes);
  if (packing === '.gz') {
    throw new VmcoreError('E_UNSUPPORTED', 'modules compressed with gzip', {
      file,
      hint: 'unpack them first',
    });
  }
  return bytes;
}

/** The `key=value` strings of a module's .modinfo section. */
async function moduleInfo(tree: string, path: string): Promise<string[]> {
  const source = path.endsWith('.ko')
    ? openFile(join(tree, path))
    : new MemorySource(await unpackedModule(tree, path), join(tree, path));
  try {
    const section = readSection(source, '.modinfo');
    return section === undefined ? [] : latin1(section).split('\0').filter(Boolean);
  } finally {
    source.close();
  }
}

/** Keeps every core busy: with compressed modules the work is done by one xz a module. */
async function eachInParallel<In, Out>(
  items: readonly In[],
  run: (item: In) => Promise<Out>,
): Promise<Out[]> {
  const results = new Array<Out>(items.length);
  const todo = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of todo) results[index] = await run(item);
  };
  await Promise.all(Array.from({ length: availableParallelism() + 1 }, worker));
  return results;
}

const nameOfPath = (path: string): string => moduleName(basename(path.trim()).replace(moduleFile, ''));

/** What modules say they answer to. Software's names (crypto-crc32c, fs-ext4) are plain; devices' have wildcards. */
class Aliases {
  readonly plain = new Map<string, string[]>();
  readonly patterns = new Map<string, AliasPattern[]>();

  add(alias: string, module: string): void {
    if (!/[*?[]/.test(alias)) {
      append(this.plain, alias, module);
      return;
    }
    const bus = busOf(alias);
    const ofBus = this.patterns.get(bus);
    if (ofBus === undefined) this.patterns.set(bus, [{ pattern: alias, module }]);
    else ofBus.push({ pattern: alias, module });
  }
}

/** `pre: a b post: c` -> a, b */
function preNames(text: string): string[] {
  const names: string[] = [];
  let before = false;
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (word.endsWith(':')) before = word === 'pre:';
    else if (before) names.push(word);
  }
  return names;
}

function append(map: Map<string, string[]>, key: string, ...values: readonly string[]): void {
  const list = map.get(key) ?? [];
  list.push(...values.filter((value) => !list.includes(value)));
  if (list.length > 0) map.set(key, list);
}

/** The lines of one of depmod's files, without comments; none when the file is not there. */
function lines(tree: string, name: string): string[] {
  let text: string;
  try {
    text = readFileSync(join(tree, name), 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

function readWhole(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot read', { file });
  }
}
