import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes } from '../../../test/support/c-types.ts';
import { failsWith } from '../../../test/support/expect-error.ts';
import { directMap } from '../../../test/support/synthetic-kernel.ts';
import { memoryText, readMemory } from './rd.ts';
import { translateAddress } from './vtop.ts';

const types = new CTypes('struct list_head { struct list_head *next; }; struct task_struct { int pid; };');

function machine() {
  const made = new CKernel(types);
  const page = made.space(8192, 4096);
  made.kernel.memory.put(Number(page - directMap), new TextEncoder().encode('Linux version 6.1\x1b[31m'));
  made.kernel.memory.lose(Number(page - directMap) / 4096 + 1, 'excluded');
  return { crashed: made.crashed(), page };
}

describe('memory', () => {
  it('is shown in numbers of any width, beside the characters', () => {
    const { crashed, page } = machine();
    const at = `0x${page.toString(16)}`;
    const text = (width: 8 | 16 | 32 | 64, count: number): string =>
      memoryText(readMemory(crashed, { address: page, count, width, space: 'virtual' }), 'numbers');
    assert.equal(text(64, 2), `${at}:  65762078756e694c 2e36206e6f697372  Linux version 6.\n`);
    assert.equal(text(32, 1), `${at}:  756e694c                             Linu\n`);
    assert.match(text(16, 2), /: {2}694c 756e {30,}Linu\n$/);
    assert.match(text(8, 24), /31 1b 5b 33 31 6d 00 00 {26}1\.\[31m\.\.\n$/);
  });

  it('is the same by its physical address', () => {
    const { crashed, page } = machine();
    const { values } = readMemory(crashed, {
      address: page - directMap,
      count: 1,
      width: 64,
      space: 'physical',
    });
    assert.deepEqual(values, [0x6576_2078_756e_694cn]);
  });

  it('that is gone is dashes, and the rest is there', () => {
    const { crashed, page } = machine();
    const contents = readMemory(crashed, { address: page + 4088n, count: 3, width: 64, space: 'virtual' });
    assert.deepEqual(contents.values, [0n, undefined, undefined]);
    assert.match(contents.missing.join(), /was filtered out/);
    assert.match(memoryText(contents, 'numbers'), /: {2}0{16} -{16} {2}\.{8}/);
    const nowhere = readMemory(crashed, { address: 2n ** 64n - 8n, count: 1, width: 64, space: 'physical' });
    assert.deepEqual(nowhere.values, [undefined]);
  });

  it('with symbols in place of numbers', () => {
    const { crashed, page } = machine();
    const contents = readMemory(crashed, { address: page, count: 2, width: 64, space: 'virtual' });
    const symbolOf = (value: bigint): string | undefined =>
      value === 0x6576_2078_756e_694cn ? 'a_symbol+0x10' : undefined;
    assert.match(memoryText(contents, { symbolOf }), /: {2}a_symbol\+0x10 +2e36206e6f697372\n$/);
  });

  it('of absurd length is refused', () => {
    const { crashed, page } = machine();
    for (const count of [0, 2 ** 28])
      assert.throws(
        () => readMemory(crashed, { address: page, count, width: 64, space: 'virtual' }),
        failsWith('E_USAGE', /cannot read/),
      );
  });
});

describe('where an address lies', () => {
  it('is told with every table on the way', () => {
    const { crashed, page } = machine();
    const found = translateAddress(crashed, page + 5n);
    assert.equal(found.physical, `0x${(page + 5n - directMap).toString(16)}`);
    assert.equal(found.page, 'present');
    assert.equal(found.tables[0]?.table, 'pgd');
    assert.ok(found.tables.at(-1)?.flags.includes('present'));
    assert.equal(translateAddress(crashed, page + 4096n).page, 'excluded');
  });

  it('is null for what is not mapped', () => {
    const { crashed } = machine();
    const found = translateAddress(crashed, 0x1000n);
    assert.deepEqual([found.physical, found.pfn, found.page], [null, null, null]);
    assert.deepEqual(found.tables.at(-1)?.flags, []);
  });
});
