/** The `slab` view: every cache of the slab allocator, with what of it is in use. */
import { hex } from '../../base/units.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import { readSlabCaches, type SlabCache } from '../../kernel/memory/slab.ts';
import { readSlabAliases } from '../../kernel/memory/slab-aliases.ts';
import { countFree, countSlabs } from '../../kernel/memory/slab-usage.ts';
import { Missing } from '../../kernel/missing.ts';

export interface SlabCacheInfo {
  readonly name: string;
  /** What each object takes, with what is between it and the next; bytes. */
  readonly size: number;
  /** What its user asked for, bytes. */
  readonly objectSize: number;
  /** Of a slab of the usual size; null for SLOB. */
  readonly objectsPerSlab: number | null;
  /** A slab has 2^order pages. */
  readonly order: number | null;
  /** Null where the kernel does not count them, or the dump does not tell. */
  readonly slabs: number | null;
  /** In all slabs, used or not. */
  readonly objects: number | null;
  readonly active: number | null;
  readonly free: number | null;
  /** What its slabs take, bytes. */
  readonly memory: number | null;
  /** Names of caches that the kernel merged into it, because their objects are alike; sorted. */
  readonly merged: readonly string[];
  /** Of its struct kmem_cache. */
  readonly address: string;
}

export interface SlabCaches {
  readonly caches: readonly SlabCacheInfo[];
  readonly missing: readonly string[];
}

/** In the order of the kernel's list, the last made first; those of these names only, their own or of one that was merged, when any are given. */
export function listSlabCaches(crashed: CrashedKernel, names: readonly string[] = []): SlabCaches {
  const missing = new Missing();
  const aliases = readSlabAliases(crashed, missing);
  const caches: SlabCacheInfo[] = [];
  for (const cache of readSlabCaches(crashed, missing)) {
    const merged = (aliases.get(cache.address) ?? []).filter((name) => name !== cache.name).sort();
    if (names.length === 0 || names.some((name) => name === cache.name || merged.includes(name)))
      caches.push(describe(crashed, cache, merged, missing));
  }
  return { caches, missing: missing.lines };
}

function describe(
  crashed: CrashedKernel,
  cache: SlabCache,
  merged: readonly string[],
  missing: Missing,
): SlabCacheInfo {
  const counts = missing.attempt(`the slabs of ${cache.name}`, () => countSlabs(crashed, cache));
  const free =
    counts === undefined
      ? undefined
      : missing.attempt(`the free objects of ${cache.name}`, () => countFree(crashed, cache));
  const { slab } = cache;
  return {
    name: cache.name,
    size: cache.size,
    objectSize: cache.objectSize,
    objectsPerSlab: slab?.objects ?? null,
    order: slab?.order ?? null,
    slabs: counts?.slabs ?? null,
    objects: counts?.objects ?? null,
    active: counts === undefined || free === undefined ? null : counts.objects - free,
    free: free ?? null,
    memory:
      counts === undefined || slab === undefined
        ? null
        : counts.slabs * 2 ** slab.order * crashed.dump.memory.pageSize,
    merged,
    address: hex(cache.address),
  };
}
