/**
 * The object of a slab that an address lies in, and whether it is free. SLUB only: where it keeps free objects is told in slab-usage.ts.
 *
 * Objects lie one after the other from the first byte of a slab on, behind kmem_cache.red_left_pad bytes where red zones are checked (mm/slub.c).
 */
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import type { Struct } from '../struct.ts';
import { type SlabCache, slabAllocator, slabStruct } from './slab.ts';
import { walkFreelist } from './slab-freelist.ts';
import { cpuSheaves, cpuSlab, fullSheaves, nodesOf } from './slab-usage.ts';

export interface SlabObject {
  readonly address: Vaddr;
  /** Of the address that was asked for, from the beginning of the object. */
  readonly offset: number;
  readonly free: boolean;
}

/** Where a slab is: its struct slab (or page), and the address of its first byte. */
export interface PlacedSlab {
  readonly slab: Struct;
  readonly start: Vaddr;
}

/**
 * Undefined between objects, and for other allocators than SLUB. E_CORRUPT and E_UNREADABLE when a list of free objects is broken or not in the dump: then
 * it may be free or not.
 */
export function slabObjectAt(
  crashed: CrashedKernel,
  cache: SlabCache,
  { slab, start }: PlacedSlab,
  address: bigint,
): SlabObject | undefined {
  if (slabAllocator(crashed) !== 'SLUB') return undefined;
  const pad = cache.struct.has('red_left_pad') ? cache.struct.number('red_left_pad') : 0;
  const from = Number(address - start) - pad;
  const index = Math.floor(from / cache.size);
  if (from < 0 || index >= slab.number('objects')) return undefined;
  const object = asVaddr(start + BigInt(pad + index * cache.size));
  return { address: object, offset: from - index * cache.size, free: isFree(crashed, cache, slab, object) };
}

/** `slab` as a struct slab or, before 5.17, a struct page. */
export const slabAt = (crashed: CrashedKernel, page: bigint): Struct =>
  crashed.struct(slabStruct(crashed), page);

function isFree(crashed: CrashedKernel, cache: SlabCache, slab: Struct, object: bigint): boolean {
  for (const free of freeObjects(crashed, cache, slab)) if (free === object) return true;
  return false;
}

/** Free objects of this slab, and of others of its cache. */
function* freeObjects(crashed: CrashedKernel, cache: SlabCache, slab: Struct): Generator<bigint> {
  yield* walkFreelist(crashed, cache, slab.pointer('freelist'));
  for (const cpu of crashed.cpus) {
    const current = cpuSlab(crashed, cache, cpu);
    if (current?.slab?.address === slab.address)
      yield* walkFreelist(crashed, cache, current.own.pointer('freelist'));
    for (const sheaf of cpuSheaves(crashed, cache, cpu)) yield* objectsOf(crashed, sheaf);
  }
  for (const { barn } of nodesOf(crashed, cache))
    if (barn !== undefined) for (const sheaf of fullSheaves(crashed, barn)) yield* objectsOf(crashed, sheaf);
}

/** More than a sheaf holds. */
const maxObjects = 4096;

function* objectsOf(crashed: CrashedKernel, sheaf: Struct): Generator<bigint> {
  const first = sheaf.addressOf('objects');
  const count = Math.min(sheaf.number('size'), maxObjects);
  for (let i = 0; i < count; i++) yield crashed.kernel.readPointer(asVaddr(first + BigInt(8 * i)));
}
