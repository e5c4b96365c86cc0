import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes } from '../../../test/support/c-types.ts';
import { listModules } from './mod.ts';

const types = new CTypes(`
  struct list_head { struct list_head *next; struct list_head *prev; };
  struct module_memory { void *base; unsigned int size; };
  enum mod_mem_type { MOD_TEXT, MOD_DATA };
  struct taint_flag { char c_true; char c_false; };
  struct module {
    int state; struct list_head list; char name[56]; struct module_memory mem[2];
    struct list_head source_list; struct list_head target_list; int refcnt; unsigned long taints;
  };
  struct module_use { struct list_head source_list; struct list_head target_list; struct module *source; struct module *target; };
`);

/** ext4 uses jbd2; both lie where nothing else is. */
function machine() {
  const made = new CKernel(types);
  const names = ['ext4', 'jbd2', 'odd'];
  const modules = names.map((name, i) =>
    made.place('module', {
      name,
      state: i === 2 ? 1 : 0,
      'mem[0].base': 0xffff_ffff_c000_0000n + BigInt(i * 0x1_0000),
      'mem[0].size': 0x3000,
      'mem[1].base': 0xffff_ffff_c000_8000n,
      'mem[1].size': 0x1000 * (i + 1),
      refcnt: i === 1 ? 2 : 1,
      // P and E; and a bit that is none of ours.
      taints: i === 2 ? (1n << 0n) | (1n << 13n) | (1n << 27n) : 0n,
    }),
  );
  const head = made.place('list_head');
  made.link(
    head,
    modules.map((module) => made.member('module', module, 'list')),
  );
  const [ext4, jbd2, odd] = modules as [bigint, bigint, bigint];
  const use = made.place('module_use', { source: ext4, target: jbd2 });
  for (const module of [ext4, odd]) made.link(made.member('module', module, 'source_list'), []);
  made.link(made.member('module', jbd2, 'source_list'), [made.member('module_use', use, 'source_list')]);
  const table = made.space(32 * types.sizeOf('taint_flag'));
  for (const [bit, letter] of [...'PFSRMBUDAWCIOELKXTN'].entries())
    made.set('taint_flag', table + BigInt(2 * bit), { c_true: letter });
  return { made, modules, head, table };
}

describe('modules', () => {
  it('are listed with their memory, who uses them and what they taint', () => {
    const { made, modules, head, table } = machine();
    const { modules: found, missing } = listModules(made.crashed({ modules: head, taint_flags: table }));
    assert.deepEqual(missing, []);
    assert.deepEqual(
      found.map(({ name, base, size, state, used, usedBy, taints }) => [
        name,
        base,
        size,
        state,
        used,
        usedBy,
        taints,
      ]),
      [
        ['ext4', '0xffffffffc0000000', 0x4000, 'live', 0, [], ''],
        ['jbd2', '0xffffffffc0010000', 0x5000, 'live', 1, ['ext4'], ''],
        ['odd', '0xffffffffc0020000', 0x6000, 'coming', 0, [], 'PE?'],
      ],
    );
    assert.equal(BigInt(found[0]!.address), modules[0]);
  });

  it('are found on both sides of a link that was smashed, which is said', () => {
    const { made, modules, head, table } = machine();
    made.set('module', modules[0]!, { 'list.next': 0x1234n });
    const { modules: found, missing } = listModules(made.crashed({ modules: head, taint_flags: table }));
    assert.deepEqual(found.map(({ name }) => name).toSorted(), ['ext4', 'jbd2', 'odd']);
    assert.match(missing.join('\n'), /^the list of modules: /);
  });

  it('are listed though their users go round in a circle', () => {
    const { made, modules, head, table } = machine();
    const node = made.kernel.memory;
    const list = made.member('module', modules[1]!, 'source_list');
    const first = BigInt(`0x${Buffer.from(read(made, list)).reverse().toString('hex')}`);
    node.putU64(Number(first - 0xffff_8880_0000_0000n), first);
    const { modules: found, missing } = listModules(made.crashed({ modules: head, taint_flags: table }));
    assert.equal(found.length, 3);
    assert.match(missing.join('\n'), /the users of module jbd2: the list .* goes round/);
  });

  it('are none, with the reason, when nothing tells where their list is', () => {
    const { made } = machine();
    const { modules: found, missing } = listModules(made.crashed());
    assert.deepEqual(found, []);
    assert.match(missing.join('\n'), /^the modules: nothing tells where the list of modules is/);
  });
});

function read(made: CKernel, address: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  made.kernel.memory.peek(Number(address - 0xffff_8880_0000_0000n), bytes);
  return bytes;
}
