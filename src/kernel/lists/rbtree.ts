/**
 * Red-black trees of the kernel (include/linux/rbtree_types.h, since before 4.18): struct rb_node { __rb_parent_color, rb_right, rb_left }, the colour in
 * the lowest bits of the parent. struct rb_root is a pointer to the first node; struct rb_root_cached begins with one.
 */
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, hex } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import type { Missing } from '../missing.ts';

const rightOffset = 8n;
const leftOffset = 16n;
const colourBits = 3n;
/** A red-black tree of 2^63 nodes is no deeper. */
const maxDepth = 128;

/**
 * The nodes of the rb_root at `root`, in order. A child that does not say that its parent is where it was found is not taken; what cannot be reached is
 * noted in `missing` as "WHAT: why", and the rest of the tree comes all the same.
 */
export function* walkRbtree(kernel: Kernel, root: bigint, what: string, missing: Missing): Generator<bigint> {
  const pointer = (at: bigint): bigint => kernel.readPointer(asVaddr(at));
  const seen = new Set<bigint>();
  function* below(parent: bigint, link: bigint, depth: number): Generator<bigint> {
    const node = missing.attempt(what, () => {
      const child = pointer(link);
      if (child === 0n) return undefined;
      const damage =
        depth > maxDepth
          ? 'is deeper than any'
          : seen.has(child)
            ? `comes to ${hex(child)} twice`
            : (pointer(child) & ~colourBits) === parent
              ? undefined
              : `leads from ${hex(parent)} to ${hex(child)}, which has another parent`;
      if (damage !== undefined) throw new VmcoreError('E_CORRUPT', `the tree ${damage}`);
      return child;
    });
    if (node === undefined) return;
    seen.add(node);
    yield* below(node, node + leftOffset, depth + 1);
    yield node;
    yield* below(node, node + rightOffset, depth + 1);
  }
  yield* below(0n, root, 0);
}
