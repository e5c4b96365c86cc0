/**
 * Which kernel modules the capture image needs, in an order in which insmod can load them one after the other.
 *
 * Everything comes from the module tree's own data: what a module depends on, what it softly depends on
 * (`softdep pre:`), and which modules answer to an alias such as `crypto-crc32c`. Nothing here knows a kernel version.
 * Source of truth: modprobe(8), modules.dep(5) and modprobe.d(5) of kmod 30.
 */
import { VmcoreError } from '../../../base/errors.ts';

export interface KernelModule {
  /** With underscores, as the kernel calls it. */
  readonly name: string;
  /** Below the module tree, such as kernel/fs/ext4/ext4.ko.xz. */
  readonly path: string;
  /** Names of modules that must be loaded before. */
  readonly depends: readonly string[];
}

/** What a module tree says; see module-tree.ts for where it comes from. */
export interface ModuleIndex {
  /** The kernel release, for messages. */
  readonly release: string;
  readonly modules: ReadonlyMap<string, KernelModule>;
  /** Names of what is built into the kernel. */
  readonly builtin: ReadonlySet<string>;
  /** Module name to what should be loaded before it, when there is such a thing: names or aliases. */
  readonly softPre: ReadonlyMap<string, readonly string[]>;
  /** Aliases without wildcards, to the names of the modules that carry them. */
  readonly aliases: ReadonlyMap<string, readonly string[]>;
  /** Aliases with wildcards, which devices are matched against, by their bus (`pci`, `virtio`, …: what is before the first colon). */
  readonly patterns: ReadonlyMap<string, readonly AliasPattern[]>;
}

export interface AliasPattern {
  readonly pattern: string;
  /** Name of the module. */
  readonly module: string;
}

export interface ModuleToLoad {
  readonly module: KernelModule;
  /** Only softly needed: it may refuse to load, as crc32c_intel does on a CPU without the instruction. */
  readonly optional: boolean;
}

/** `crc32c-intel` and `crc32c_intel` are the same module. */
export const moduleName = (text: string): string => text.replaceAll('-', '_');

/**
 * The wanted modules and everything they need, each after what it needs, none twice. Wanted modules that are built in
 * need no file. E_NEEDS when the tree lacks a wanted module or one that it depends on; `useful` ones may be missing.
 */
export function loadOrder(
  index: ModuleIndex,
  wanted: readonly string[],
  useful: readonly string[] = [],
): ModuleToLoad[] {
  const chosen = new Map<string, { module: KernelModule; optional: boolean }>();
  /** Names being visited; soft dependencies may form a circle, which is then simply left out. */
  const open = new Set<string>();

  const visit = (text: string, neededBy: string | undefined, optional: boolean): void => {
    const name = moduleName(text);
    if (index.builtin.has(name) || open.has(name)) return;
    const already = chosen.get(name);
    // What was only nice to have may turn out to be needed; its dependencies then are too.
    if (already && (optional || !already.optional)) return;
    const module = index.modules.get(name);
    if (!module) {
      if (optional) return;
      throw new VmcoreError('E_NEEDS', missing(name, neededBy, index.release), {
        hint: 'install the whole module package of this kernel',
      });
    }
    open.add(name);
    for (const soft of index.softPre.get(name) ?? []) {
      for (const found of resolve(index, soft)) visit(found, name, true);
    }
    for (const dependency of module.depends) visit(dependency, name, optional);
    open.delete(name);
    if (already) already.optional = false;
    else chosen.set(name, { module, optional });
  };

  for (const name of wanted) visit(name, undefined, false);
  for (const name of useful) visit(name, undefined, true);
  return [...chosen.values()];
}

/** The bus in a modalias or a pattern of one. */
export const busOf = (alias: string): string => alias.slice(0, Math.max(0, alias.indexOf(':')));

/** Names of the modules that say they drive the device with this modalias, as in sysfs. Built-in ones are not listed in a module tree. */
export function modulesForDevice(index: ModuleIndex, modalias: string): readonly string[] {
  const found = (index.patterns.get(busOf(modalias)) ?? [])
    .filter(({ pattern }) => wildcardPattern(pattern).test(modalias))
    .map(({ module }) => module);
  return [...new Set([...(index.aliases.get(modalias) ?? []), ...found])];
}

/** fnmatch(3) without its special cases: `*`, `?` and `[...]`. */
const wildcardPattern = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );

/** A name first, then an alias, as modprobe does; an alias may name several modules. */
export function resolve(index: ModuleIndex, text: string): readonly string[] {
  const name = moduleName(text);
  if (index.modules.has(name) || index.builtin.has(name)) return [name];
  return index.aliases.get(text) ?? index.aliases.get(name) ?? [];
}

const missing = (name: string, neededBy: string | undefined, release: string): string =>
  `kernel ${release} has no module ${name}${neededBy === undefined ? '' : `, which ${neededBy} needs`}`;
