import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { directMap, SyntheticKernel } from '../../../test/support/synthetic-kernel.ts';
import { Missing } from '../missing.ts';
import { walkDamagedList } from './damaged-list.ts';

/** A head and nodes, each in a page of its own. */
class List {
  readonly synthetic = new SyntheticKernel();
  readonly nodes: readonly bigint[];

  constructor(count: number) {
    const { synthetic } = this;
    this.nodes = Array.from({ length: count + 1 }, () => directMap + BigInt(synthetic.allocate(4096, 4096)));
    this.nodes.forEach((_, i) => {
      this.set(i, { next: (i + 1) % this.nodes.length, prev: (i + count) % this.nodes.length });
    });
  }

  /** Of the head, 0, or a node, from 1 on. */
  set(i: number, links: { readonly next?: number | bigint; readonly prev?: number | bigint }): void {
    const address = (link: number | bigint): bigint => (typeof link === 'bigint' ? link : this.nodes[link]!);
    const at = Number(this.nodes[i]! - directMap);
    if (links.next !== undefined) this.synthetic.memory.putU64(at, address(links.next));
    if (links.prev !== undefined) this.synthetic.memory.putU64(at + 8, address(links.prev));
  }

  lose(i: number): void {
    this.synthetic.memory.lose(Number(this.nodes[i]! - directMap) / 4096, 'excluded');
  }

  /** The numbers of the nodes that come, and what is told. */
  walk(): { found: number[]; lines: readonly string[] } {
    const missing = new Missing();
    const walk = walkDamagedList(this.synthetic.kernel(), this.nodes[0]!, 'a list', missing);
    return { found: Array.from(walk, (node) => this.nodes.indexOf(node)), lines: missing.lines };
  }
}

const nowhere = 0xffff_8880_7fff_0000n;

describe('a list', () => {
  it('that is whole comes in its order, and nothing is told', () => {
    assert.deepEqual(new List(4).walk(), { found: [1, 2, 3, 4], lines: [] });
    assert.deepEqual(new List(0).walk(), { found: [], lines: [] });
  });

  it('with a link into nowhere comes from both ends', () => {
    const list = new List(5);
    list.set(2, { next: nowhere });
    const { found, lines } = list.walk();
    assert.deepEqual(found, [1, 2, 5, 4, 3]);
    assert.match(lines[0]!, /^a list: kernel address 0x\w+ is not mapped$/);
  });

  it('with a link to null comes from both ends', () => {
    const list = new List(3);
    list.set(1, { next: 0n });
    assert.deepEqual(list.walk().found, [1, 3, 2]);
  });

  it('that goes round without its head ends', () => {
    const list = new List(4);
    list.set(3, { next: 2 });
    list.set(2, { prev: 3 });
    const { found, lines } = list.walk();
    assert.ok(!found.includes(0));
    assert.equal(new Set(found).size, found.length);
    assert.ok(lines.length > 0);
  });

  it('with a node that is not in the dump comes without it', () => {
    const list = new List(5);
    list.lose(3);
    const { found, lines } = list.walk();
    assert.deepEqual(found, [1, 2, 5, 4]);
    assert.match(lines[0]!, /filtered out/);
  });

  it('that another CPU was adding to has all of them', () => {
    // list_add_rcu(): the new node leads on, and the one before it leads to it; the one behind it does not know it yet.
    const list = new List(4);
    list.set(3, { prev: 1 });
    list.set(2, { next: 3, prev: 1 });
    const { found, lines } = list.walk();
    assert.deepEqual(found.toSorted(), [1, 2, 3, 4]);
    assert.equal(lines.length > 0, true);
  });

  it('that another CPU was taking from has all that are in it', () => {
    // list_del_rcu(): the one behind leads back past it, the one before it still leads to it.
    const list = new List(4);
    list.set(3, { prev: 1 });
    assert.deepEqual(list.walk().found.toSorted(), [1, 2, 3, 4]);
  });
});
