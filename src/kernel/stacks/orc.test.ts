import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { StackKernel } from '../../../test/support/stack-kernel.ts';
import { asVaddr } from '../../base/units.ts';
import { OrcTables } from './orc-table.ts';

/** Functions at 0x100 bytes' distance: a, b (no entry of its own), c. */
function tables() {
  const kernel = new StackKernel();
  const a = kernel.function('a', { type: 'call', sp: 'sp', spOffset: 8, bp: 'undefined' });
  const b = kernel.function('b');
  const c = kernel.function('c', {
    type: 'partial',
    sp: 'r10',
    bp: 'bp-indirect',
    bpOffset: -8,
    signal: true,
  });
  return { kernel, a, b, c };
}

describe('OrcTables', () => {
  it('finds the entry that an address belongs to', () => {
    const { kernel, a, b, c } = tables();
    const orc = new OrcTables(kernel.open());
    const find = (address: bigint) => orc.find(asVaddr(address), undefined);
    assert.equal(find(a - 1n), undefined);
    assert.equal(find(a)?.spOffset, 8);
    assert.equal(find(b + 0xffn)?.spOffset, 8);
    assert.deepEqual(find(c), {
      type: 'partial',
      sp: 'r10',
      spOffset: 0,
      bp: 'bp-indirect',
      bpOffset: -8,
      signal: true,
    });
    assert.equal(find(c + 0x1_0000n)?.type, 'partial');
  });

  it('takes what it does not know for undefined', () => {
    const { kernel, c } = tables();
    const crashed = kernel.open();
    // All bits set: register 15, type 7.
    const { paddr } = crashed.kernel.translate(asVaddr(crashed.symbols.require('__start_orc_unwind') + 6n));
    kernel.kernel.memory.put(paddr, new Uint8Array(6).fill(0xff));
    assert.equal(new OrcTables(kernel.reopen()).find(asVaddr(c), undefined)?.type, 'undefined');
  });

  it('refuses tables whose symbols make no sense', () => {
    const { kernel } = tables();
    const crashed = kernel.open();
    const start = crashed.symbols.require('__start_orc_unwind_ip');
    kernel.kernel.addInfo({ 'SYMBOL(__stop_orc_unwind_ip)': start - 4n });
    assert.throws(() => new OrcTables(kernel.reopen()), failsWith('E_CORRUPT', /ORC table/));
  });

  it('refuses registers that are numbered in no known way', () => {
    const { kernel } = tables();
    const crashed = kernel.open();
    const { paddr } = crashed.kernel.translate(crashed.symbols.require('orc_fp_entry'));
    kernel.kernel.memory.put(paddr + 4, Uint8Array.of(0x74));
    assert.throws(() => new OrcTables(kernel.reopen()), failsWith('E_CORRUPT', /no known way/));
  });

  it('needs the types of an entry', () => {
    const kernel = new StackKernel({ orc: 'none' });
    kernel.function('a', { type: 'end' });
    assert.throws(() => new OrcTables(kernel.open()), failsWith('E_NO_INFO', /orc_entry/));
  });
});
