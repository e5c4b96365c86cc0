/**
 * Free objects of a slab, which SLUB chains through the objects themselves.
 *
 * Source of truth: freelist_ptr_decode() and get_freepointer() of mm/slub.c (Linux 4.18, 6.1, 7.2). With CONFIG_SLAB_FREELIST_HARDENED a link is hidden by
 * kmem_cache.random and by where it is stored, byte-swapped since 5.7 (1ad53d9fa3f6); that was backported and nothing tells of it, so both are tried.
 */
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, hex } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import type { SlabCache } from './slab.ts';

const pageShift = 12n;

const swapBytes = (value: bigint): bigint => {
  let swapped = 0n;
  for (let rest = value, i = 0; i < 8; i++, rest >>= 8n) swapped = (swapped << 8n) | (rest & 0xffn);
  return swapped;
};

/** The objects behind `first`, which may be null. E_CORRUPT when the chain leaves its slab or is longer than that. */
export function* walkFreelist(crashed: CrashedKernel, cache: SlabCache, first: bigint): Generator<bigint> {
  const { kernel } = crashed;
  const { objects, order } = cache.slab ?? { objects: 0, order: 0 };
  const broken = (what: string): VmcoreError =>
    new VmcoreError('E_CORRUPT', `the free list from ${hex(first)} of ${cache.name} ${what}`, {
      file: kernel.dump.source.name,
      hint: 'the kernel smashed it, perhaps by writing to freed memory',
    });
  // Slabs lie at multiples of their size.
  const pageBits = BigInt(Math.log2(kernel.dump.memory.pageSize));
  const slabBits = (pageBits > pageShift ? pageBits : pageShift) + BigInt(order);
  const slab = first >> slabBits;
  const isInside = (pointer: bigint): boolean => pointer === 0n || pointer >> slabBits === slab;
  const link = BigInt(cache.struct.number('offset'));
  const random = cache.struct.has('random') ? cache.struct.bigint('random') : undefined;
  for (let object = first, count = 0; object !== 0n; count++) {
    if (count >= objects) throw broken(`has more than the ${objects} objects of a slab`);
    yield object;
    const at = asVaddr(object + link);
    const stored = kernel.readPointer(at);
    const next = random === undefined ? [stored] : [stored ^ random ^ swapBytes(at), stored ^ random ^ at];
    const found = next.find(isInside);
    if (found === undefined) throw broken(`leads from ${hex(object)} out of its slab`);
    object = found;
  }
}
