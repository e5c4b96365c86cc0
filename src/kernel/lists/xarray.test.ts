import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes } from '../../../test/support/c-types.ts';
import { Missing } from '../missing.ts';
import { walkXarray } from './xarray.ts';

const types = `struct xarray { int xa_lock; void *xa_head; };
  struct xa_node { u8 shift; u8 offset; struct xa_node *parent; void *slots[64]; };`;

/** Pointers at 0, 63, 64 and 4096 + 5; at 1 a value, at 2 a mark. */
function make(): { made: CKernel; array: bigint; nodes: bigint[] } {
  const made = new CKernel(new CTypes(types));
  const [root, middle, low, second, far] = [12, 6, 0, 0, 6].map((shift) =>
    made.place('xa_node', { shift }, 4096),
  ) as [bigint, bigint, bigint, bigint, bigint];
  const last = made.place('xa_node', { shift: 0, parent: far, 'slots[5]': 0xf0n });
  const put = (node: bigint, values: Record<string, bigint>): void => made.set('xa_node', node, values);
  put(root, { 'slots[0]': middle + 2n, 'slots[1]': far + 2n });
  put(middle, { parent: root, 'slots[0]': low + 2n, 'slots[1]': second + 2n });
  put(low, { parent: middle, 'slots[0]': 0xa0n, 'slots[1]': 0x15n, 'slots[2]': 0x402n, 'slots[63]': 0xb0n });
  put(second, { parent: middle, 'slots[0]': 0xc0n });
  put(far, { parent: root, 'slots[0]': last + 2n });
  const array = made.place('xarray', { xa_head: root + 2n });
  return { made, array, nodes: [root, middle, low, second, far, last] };
}

function walk({ made, array }: { made: CKernel; array: bigint }): {
  found: string;
  lines: readonly string[];
} {
  const missing = new Missing();
  const crashed = made.crashed();
  const entries = walkXarray(crashed, crashed.struct('xarray', array), 'an array', missing);
  const found = Array.from(entries, ({ index, entry }) => `${index}:${entry.toString(16)}`).join(' ');
  return { found, lines: missing.lines };
}

describe('an xarray', () => {
  it('gives its pointers', () => {
    assert.deepEqual(walk(make()), { found: '0:a0 63:b0 64:c0 4101:f0', lines: [] });
  });

  it('without nodes has none, or one at 0', () => {
    const { made, array } = make();
    made.set('xarray', array, { xa_head: 0n });
    assert.equal(walk({ made, array }).found, '');
    made.set('xarray', array, { xa_head: 0xd0n });
    assert.equal(walk({ made, array }).found, '0:d0');
  });

  it('whose node leads back up ends', () => {
    const { made, array, nodes } = make();
    made.set('xa_node', nodes[3]!, { 'slots[1]': nodes[1]! + 2n });
    const { found, lines } = walk({ made, array });
    assert.equal(found, '0:a0 63:b0 64:c0 4101:f0');
    assert.match(lines[0]!, /^an array: the tree leads from .* which has another parent$/);
  });

  it('whose node is its own parent ends', () => {
    const { made, array, nodes } = make();
    made.set('xa_node', nodes[3]!, { 'slots[1]': nodes[3]! + 2n, parent: nodes[3]! });
    const { found, lines } = walk({ made, array });
    assert.equal(found, '0:a0 63:b0 4101:f0');
    assert.equal(lines.length, 1);
  });

  it('with a node that is not in the dump gives the rest', () => {
    const { made, array, nodes } = make();
    made.kernel.memory.lose(Number(nodes[2]! & 0xff_ffffn) / 4096, 'excluded');
    const { found, lines } = walk({ made, array });
    assert.equal(found, '64:c0 4101:f0');
    assert.match(lines[0]!, /filtered out/);
  });
});
