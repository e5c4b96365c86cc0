/** Linked lists of the kernel (include/linux/list.h): walked with a bound, and loops that miss the head are noticed. */
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, hex } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';

/** More elements than any list has: every page of 16 TiB would be fewer. */
const maxElements = 2 ** 22;

/**
 * The nodes behind `first`, by the pointer at `nextOffset` of each, up to `end`. E_CORRUPT when the chain goes round without passing `end`, or, in a list
 * with an end other than null, meets null.
 */
export function* walkChain(
  kernel: Kernel,
  first: bigint,
  nextOffset: number,
  end: bigint,
): Generator<bigint> {
  const broken = (what: string): VmcoreError =>
    new VmcoreError('E_CORRUPT', `the list from ${hex(first)} ${what}`, {
      file: kernel.dump.source.name,
      hint: 'the kernel smashed it, or it is no list of this kind',
    });
  const seen = new Set<bigint>();
  for (let node = first; node !== end; ) {
    if (node === 0n) throw broken('ends in a null pointer');
    if (seen.has(node)) throw broken('goes round without coming back to its head');
    if (seen.size >= maxElements) throw broken('does not end');
    seen.add(node);
    yield node;
    node = kernel.readPointer(asVaddr(node + BigInt(nextOffset)));
  }
}

/** The nodes of a list_head: `next` is its first member, and the last node's leads back to the head. */
export const walkList = (kernel: Kernel, head: bigint): Generator<bigint> =>
  walkChain(kernel, kernel.readPointer(asVaddr(head)), 0, head);

/** The nodes of an hlist_head; the last one's `next` is null. hlist_nulls end in an odd number and are not for this. */
export const walkHlist = (kernel: Kernel, head: bigint): Generator<bigint> =>
  walkChain(kernel, kernel.readPointer(asVaddr(head)), 0, 0n);
