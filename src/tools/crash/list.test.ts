import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes } from '../../../test/support/c-types.ts';
import { failsWith } from '../../../test/support/expect-error.ts';
import { elementJson, type ListQuestion, readList } from './list.ts';

const types = new CTypes(`
  struct list_head { struct list_head *next; struct list_head *prev; };
  struct task_struct { int pid; };
  struct node { int number; struct list_head list; struct node *next; };
`);

function machine() {
  const made = new CKernel(types);
  const nodes = [1, 2, 3].map((number) => made.place('node', { number }));
  const head = made.place('list_head');
  made.link(
    head,
    nodes.map((node) => made.member('node', node, 'list')),
  );
  nodes.forEach((node, i) => {
    made.set('node', node, { next: nodes[i + 1] ?? 0n });
  });
  const list = (question: Partial<ListQuestion> & { readonly start: bigint }) =>
    readList(made.crashed(), { link: undefined, from: 'element', show: undefined, ...question });
  return { made, nodes, head, list };
}
const addresses = ({ elements }: ReturnType<typeof readList>): bigint[] =>
  elements.map(({ address }) => address);

describe('a list', () => {
  it('from its head has all its elements', () => {
    const { nodes, head, list } = machine();
    const found = list({ start: head, from: 'head', link: 'node.list', show: 'node.number' });
    assert.deepEqual(found.elements.map(elementJson), [
      { address: `0x${nodes[0]!.toString(16)}`, value: { number: 1 } },
      { address: `0x${nodes[1]!.toString(16)}`, value: { number: 2 } },
      { address: `0x${nodes[2]!.toString(16)}`, value: { number: 3 } },
    ]);
    assert.deepEqual(found.missing, []);
    assert.deepEqual(addresses(list({ start: head, from: 'head', link: '8' })), nodes);
    assert.deepEqual(
      addresses(list({ start: head, from: 'head' })),
      nodes.map((node) => node + 8n),
    );
  });

  it('from an element on ends with a null pointer, or where it began', () => {
    const { nodes, head, list } = machine();
    assert.deepEqual(addresses(list({ start: nodes[1]!, link: 'node.next' })), nodes.slice(1));
    assert.deepEqual(addresses(list({ start: nodes[1]!, link: '24' })), nodes.slice(1));
    assert.deepEqual(addresses(list({ start: nodes[2]!, link: 'node.list' })), [
      nodes[2],
      head - 8n,
      nodes[0],
      nodes[1],
    ]);
  });

  it('with a loop, or that leads nowhere, gives what holds together and says where it broke', () => {
    const { made, nodes, head, list } = machine();
    made.set('node', nodes[2]!, { next: nodes[1]! });
    const looped = list({ start: nodes[0]!, link: 'node.next' });
    assert.deepEqual(addresses(looped), nodes);
    assert.match(looped.missing.join(), /goes round without coming back/);
    made.set('node', nodes[1]!, { next: 0x1234n, 'list.next': 0x1234n });
    const lost = list({ start: nodes[0]!, link: 'node.next', show: 'node.number' });
    assert.equal(lost.elements.length, 3);
    assert.match(lost.missing.join(), /0x1234: kernel address 0x1234 is not mapped/);
    const damaged = list({ start: head, from: 'head', link: 'node.list' });
    assert.deepEqual(new Set(addresses(damaged)), new Set(nodes));
    assert.match(damaged.missing.join(), /^the list: /);
  });

  it('of what is no member is an error that says so', () => {
    const { head, list } = machine();
    for (const link of ['node.nothing', 'node', 'nothing.list'])
      assert.throws(
        () => list({ start: head, link }),
        failsWith(link === 'nothing.list' ? 'E_NO_INFO' : 'E_USAGE', /nothing|node/),
      );
  });
});
