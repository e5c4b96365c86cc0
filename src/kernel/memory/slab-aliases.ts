/**
 * Slab caches that the kernel merged because their objects are alike: only the first one's name is in its list, the others are links in /sys/kernel/slab.
 *
 * Source of truth: sysfs_slab_add() and sysfs_slab_alias() of mm/slub.c, struct kernfs_node of include/linux/kernfs.h (Linux 4.18, 6.1, 7.2): slab_kset's
 * directory has a link for each name, to the directory whose kobject is kmem_cache.kobj. SLUB with CONFIG_SYSFS only; not all names are told before sysfs
 * is up, nor with slab_nomerge.
 */
import type { CrashedKernel } from '../crashed-kernel.ts';
import { walkRbtree } from '../lists/rbtree.ts';
import type { Missing } from '../missing.ts';

/** enum kernfs_node_type. */
const linkFlag = 4;

/** By address of the kmem_cache, all names that lead to it. Empty where the kernel keeps no such directory; damage is noted in `missing`. */
export function readSlabAliases(crashed: CrashedKernel, missing: Missing): Map<bigint, string[]> {
  const { symbols, kernel, layouts } = crashed;
  const aliases = new Map<bigint, string[]>();
  const what = 'the names of merged slab caches';
  const pointer = symbols.address('slab_kset');
  if (pointer === undefined || layouts.offset('kmem_cache.kobj') === undefined) return aliases;
  const start = missing.attempt(what, () => ({
    folder: crashed.struct('kset', kernel.readPointer(pointer)).struct('kobj', 'kobject').follow('sd'),
    inNode: BigInt(layouts.requireOffset('kernfs_node.rb')),
    inCache: BigInt(layouts.requireOffset('kmem_cache.kobj')),
  }));
  if (start?.folder === undefined) return aliases;
  const { folder, inNode, inCache } = start;
  for (const node of walkRbtree(kernel, folder.addressOf('dir.children'), what, missing)) {
    missing.attempt(what, () => {
      const entry = crashed.struct('kernfs_node', node - inNode);
      if ((entry.number('flags') & linkFlag) === 0) return;
      const target = entry.follow('symlink.target_kn', 'kernfs_node');
      if (target === undefined) return;
      const cache = target.pointer('priv') - inCache;
      aliases.set(cache, [...(aliases.get(cache) ?? []), entry.text('name')]);
    });
  }
  return aliases;
}
