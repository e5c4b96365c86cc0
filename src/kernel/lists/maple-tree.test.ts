import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes } from '../../../test/support/c-types.ts';
import { Missing } from '../missing.ts';
import { walkMapleTree } from './maple-tree.ts';

const types = `enum maple_type { maple_dense, maple_leaf_64, maple_range_64, maple_arange_64 };
  struct maple_range_64 { void *parent; unsigned long pivot[15]; void *slot[16]; };
  struct maple_arange_64 { void *parent; unsigned long pivot[9]; void *slot[10]; unsigned long gap[10]; u8 end; };
  struct maple_tree { int lock; unsigned int ma_flags; void *ma_root; };`;

/** A link as the kernel makes it: the kind in bits 3 to 6, and 4; of the root node, 2 as well. */
const link = (node: bigint, kind: 1 | 2 | 3): bigint => node | BigInt(kind << 3) | 4n;
const rootLink = (node: bigint, kind: 1 | 2 | 3): bigint => node | BigInt(kind << 3) | 2n;

interface Leaf {
  readonly address: bigint;
  /** The last number of each slot, and what is in it; the last one's may be left to the node's maximum. */
  readonly slots: readonly (readonly [last: bigint | undefined, entry: bigint])[];
}

class Tree {
  readonly made = new CKernel(new CTypes(types));
  readonly root = this.made.space(256, 256);
  readonly leaves: readonly bigint[] = [1, 2, 3].map(() => this.made.space(256, 4096));
  readonly tree: bigint;

  constructor() {
    // An upper node of the kind that counts gaps, of three leaves: up to 0x3fff, up to 0x7fff, and the rest.
    this.node('maple_arange_64', this.root, 1n, [
      [0x3fffn, link(this.leaves[0]!, 1)],
      [0x7fffn, link(this.leaves[1]!, 1)],
      [2n ** 64n - 1n, link(this.leaves[2]!, 1)],
    ]);
    this.leaf(0, [
      [0xfffn, 0n],
      [0x1fffn, 0x1000_0010n],
      [0x3fffn, 0x1000_0020n],
    ]);
    this.leaf(1, [
      [0x4fffn, 0x1000_0030n],
      [0x7fffn, 0n],
    ]);
    // Behind the last slot in use the pivot is 0.
    this.leaf(2, [
      [0x8fffn, 0x1000_0040n],
      [undefined, 0n],
    ]);
    this.tree = this.made.place('maple_tree', { ma_root: rootLink(this.root, 3) });
  }

  leaf(i: number, slots: Leaf['slots']): void {
    this.node('maple_range_64', this.leaves[i]!, this.root | BigInt((i << 3) | 6), slots);
  }

  node(
    type: 'maple_range_64' | 'maple_arange_64',
    address: bigint,
    parent: bigint,
    slots: Leaf['slots'],
  ): void {
    this.made.set(type, address, { parent });
    slots.forEach(([last, entry], i) => {
      this.made.set(type, address, { [`pivot[${i}]`]: last ?? 0n, [`slot[${i}]`]: entry });
    });
  }

  walk(): { found: (readonly [string, string, string])[]; lines: readonly string[] } {
    const missing = new Missing();
    const crashed = this.made.crashed();
    const walk = walkMapleTree(crashed, crashed.struct('maple_tree', this.tree), 'a tree', missing);
    const found = Array.from(walk, ({ first, last, entry }) =>
      [first, last, entry].map((value) => value.toString(16)),
    ) as unknown as (readonly [string, string, string])[];
    return { found, lines: missing.lines };
  }
}

const first = [
  ['1000', '1fff', '10000010'],
  ['2000', '3fff', '10000020'],
];
const second = [['4000', '4fff', '10000030']];
const third = [['8000', '8fff', '10000040']];

describe('a maple tree', () => {
  it('gives its ranges', () => {
    assert.deepEqual(new Tree().walk(), { found: [...first, ...second, ...third], lines: [] });
  });

  it('of one leaf gives its ranges', () => {
    const tree = new Tree();
    tree.made.set('maple_range_64', tree.leaves[0]!, { parent: tree.tree | 1n, 'pivot[2]': 0n });
    tree.made.set('maple_tree', tree.tree, { ma_root: rootLink(tree.leaves[0]!, 1) });
    const { found, lines } = tree.walk();
    assert.deepEqual(found[0], first[0]);
    assert.deepEqual(found[1], ['2000', 'ffffffffffffffff', '10000020']);
    assert.deepEqual(lines, []);
  });

  it('without nodes has none, or one at 0', () => {
    const tree = new Tree();
    tree.made.set('maple_tree', tree.tree, { ma_root: 0n });
    assert.deepEqual(tree.walk(), { found: [], lines: [] });
    tree.made.set('maple_tree', tree.tree, { ma_root: 0x1000_0010n });
    assert.deepEqual(tree.walk(), { found: [['0', '0', '10000010']], lines: [] });
  });

  it('whose node leads to itself ends', () => {
    const tree = new Tree();
    tree.made.set('maple_arange_64', tree.root, { 'slot[1]': link(tree.root, 3), parent: tree.root });
    const { found, lines } = tree.walk();
    assert.deepEqual(found, [...first, ...third]);
    assert.match(lines[0]!, /^a tree: the tree comes to 0x\w+ twice$/);
  });

  it('with a node of another parent leaves it out', () => {
    const tree = new Tree();
    tree.made.set('maple_range_64', tree.leaves[1]!, { parent: 0xdead_0000n });
    const { found, lines } = tree.walk();
    assert.deepEqual(found, [...first, ...third]);
    assert.match(lines[0]!, /which has another parent$/);
  });

  it('with ranges out of order leaves the node out', () => {
    const tree = new Tree();
    tree.leaf(1, [
      [0x4fffn, 0x1000_0030n],
      [0x4000n, 0x1000_0031n],
    ]);
    const { found, lines } = tree.walk();
    assert.deepEqual(found, [...first, ...third]);
    assert.match(lines[0]!, /ranges are out of order$/);
  });

  it('with a link to what is no node leaves it out', () => {
    const tree = new Tree();
    tree.made.set('maple_arange_64', tree.root, { 'slot[0]': 0x7878_7878n });
    const { found, lines } = tree.walk();
    assert.deepEqual(found, [...second, ...third]);
    assert.match(lines[0]!, /which is no node$/);
  });

  it('with a node that is not in the dump gives the rest', () => {
    const tree = new Tree();
    tree.made.kernel.memory.lose(Number(tree.leaves[0]! & 0xff_ffffn) / 4096, 'excluded');
    const { found, lines } = tree.walk();
    assert.deepEqual(found, [...second, ...third]);
    assert.match(lines[0]!, /filtered out/);
  });
});
