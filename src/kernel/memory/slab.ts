/**
 * The caches of the slab allocator: what they are called and how their objects lie. How many there are is in slab-usage.ts.
 *
 * Source of truth: include/linux/slub_def.h (Linux 4.18-6.7), mm/slab.h (6.8 on), include/linux/slab_def.h (SLAB, until 6.7). What moved, and what tells:
 *   allocator    SLUB has kmem_cache.oo; SLAB has kmem_cache.num and is gone since 6.8 (16a1d968358a); SLOB has neither, gone since 6.4 (6630e950d532)
 *   a slab       struct slab since 5.17 (d122019bf061); before, it is a struct page
 *
 * Sizes are bytes.
 */
import { hex, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import { walkDamagedList } from '../lists/damaged-list.ts';
import type { Missing } from '../missing.ts';
import type { Struct } from '../struct.ts';

export type SlabAllocator = 'SLUB' | 'SLAB' | 'SLOB';

export interface SlabCache {
  /** Its struct kmem_cache. */
  readonly struct: Struct;
  readonly address: Vaddr;
  readonly name: string;
  /** What each object takes, with what is between it and the next. */
  readonly size: number;
  /** What its user asked for. */
  readonly objectSize: number;
  /** Undefined for SLOB, which has no slabs. */
  readonly slab: { readonly objects: number; readonly order: number } | undefined;
}

/** E_NO_INFO when types do not tell. */
export function slabAllocator(crashed: CrashedKernel): SlabAllocator {
  const { layouts } = crashed;
  layouts.requireSize('kmem_cache');
  if (layouts.offset('kmem_cache.oo') !== undefined) return 'SLUB';
  return layouts.offset('kmem_cache.num') === undefined ? 'SLOB' : 'SLAB';
}

/** What a slab is described by. */
export const slabStruct = (crashed: CrashedKernel): 'slab' | 'page' =>
  crashed.layouts.offset('slab.slab_cache') === undefined ? 'page' : 'slab';

/** In the order of the kernel's list, the last made first. Damage is noted in `missing`, and what is beyond it given too. */
export function* readSlabCaches(crashed: CrashedKernel, missing: Missing): Generator<SlabCache> {
  const start = missing.attempt('the slab caches', () => ({
    head: crashed.symbols.require('slab_caches'),
    inList: BigInt(crashed.layouts.requireOffset('kmem_cache.list')),
    allocator: slabAllocator(crashed),
  }));
  if (start === undefined) return;
  const { head, inList, allocator } = start;
  for (const node of walkDamagedList(crashed.kernel, head, 'the list of slab caches', missing)) {
    const cache = missing.attempt('a slab cache', () =>
      readSlabCache(crashed, node - inList, missing, allocator),
    );
    if (cache !== undefined) yield cache;
  }
}

/** What a cache is called whose name cannot be read. */
const unnamed = '?';

/** The cache whose kmem_cache is at an address. E_UNREADABLE when it is not in the dump; a name that is not there is noted. */
export function readSlabCache(
  crashed: CrashedKernel,
  address: bigint,
  missing: Missing,
  allocator: SlabAllocator = slabAllocator(crashed),
): SlabCache {
  const struct = crashed.struct('kmem_cache', address);
  return {
    struct,
    address: struct.address,
    name:
      missing.attempt(`the name of the slab cache at ${hex(struct.address)}`, () => struct.text('name')) ??
      unnamed,
    size: struct.number('size'),
    objectSize: struct.number('object_size'),
    slab: slabShape(struct, allocator),
  };
}

/** Objects are in the low half of oo, the order is in the high one (OO_SHIFT of mm/slub.c). */
const ooShift = 16;
const ooMask = 0xffff;

function slabShape(cache: Struct, allocator: SlabAllocator): SlabCache['slab'] {
  if (allocator === 'SLOB') return undefined;
  if (allocator === 'SLAB') return { objects: cache.number('num'), order: cache.number('gfporder') };
  const oo = cache.number('oo.x');
  return { objects: oo & ooMask, order: oo >>> ooShift };
}
