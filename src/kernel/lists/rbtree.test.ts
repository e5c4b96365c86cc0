import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { directMap, SyntheticKernel } from '../../../test/support/synthetic-kernel.ts';
import { Missing } from '../missing.ts';
import { walkRbtree } from './rbtree.ts';

/** Nodes 1 to 7, each in a page of its own: 4 above 2 and 6, those above 1, 3, 5 and 7. */
class Tree {
  readonly synthetic = new SyntheticKernel();
  readonly nodes: readonly bigint[];

  constructor() {
    const { synthetic } = this;
    this.nodes = Array.from({ length: 8 }, () => directMap + BigInt(synthetic.allocate(4096, 4096)));
    this.put(0, 0, this.nodes[4]!);
    for (const [node, parent, left, right] of [
      [4, 0, 2, 6],
      [2, 4, 1, 3],
      [6, 4, 5, 7],
      [1, 2, 0, 0],
      [3, 2, 0, 0],
      [5, 6, 0, 0],
      [7, 6, 0, 0],
    ] as const) {
      // Odd ones are black.
      this.put(node, 0, (parent === 0 ? 0n : this.nodes[parent]!) | BigInt(node & 1));
      this.put(node, 8, right === 0 ? 0n : this.nodes[right]!);
      this.put(node, 16, left === 0 ? 0n : this.nodes[left]!);
    }
  }

  put(node: number, offset: 0 | 8 | 16, value: bigint): void {
    this.synthetic.memory.putU64(Number(this.nodes[node]! - directMap) + offset, value);
  }

  walk(): { found: number[]; lines: readonly string[] } {
    const missing = new Missing();
    const walk = walkRbtree(this.synthetic.kernel(), this.nodes[0]!, 'a tree', missing);
    return { found: Array.from(walk, (node) => this.nodes.indexOf(node)), lines: missing.lines };
  }
}

describe('a red-black tree', () => {
  it('comes in order', () => {
    assert.deepEqual(new Tree().walk(), { found: [1, 2, 3, 4, 5, 6, 7], lines: [] });
  });

  it('that is empty has none', () => {
    const tree = new Tree();
    tree.put(0, 0, 0n);
    assert.deepEqual(tree.walk(), { found: [], lines: [] });
  });

  it('with a link back up ends', () => {
    const tree = new Tree();
    tree.put(7, 8, tree.nodes[4]!);
    const { found, lines } = tree.walk();
    assert.deepEqual(found, [1, 2, 3, 4, 5, 6, 7]);
    assert.match(lines[0]!, /^a tree: the tree comes to 0x\w+ twice$/);
  });

  it('with a smashed link comes without what is below it', () => {
    const tree = new Tree();
    tree.put(4, 16, tree.nodes[3]!);
    const { found, lines } = tree.walk();
    assert.deepEqual(found, [4, 5, 6, 7]);
    assert.match(lines[0]!, /which has another parent$/);
  });

  it('with a node that is not in the dump comes without what is below it', () => {
    const tree = new Tree();
    tree.synthetic.memory.lose(Number(tree.nodes[2]! - directMap) / 4096, 'excluded');
    const { found, lines } = tree.walk();
    assert.deepEqual(found, [4, 5, 6, 7]);
    assert.match(lines[0]!, /^a tree: physical page .* filtered out/);
  });
});
