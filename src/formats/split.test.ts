/** Split dumps, from the fields that makedumpfile's IMPLEMENTATION gives: each file has the bitmaps of all, and its own descriptors. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../test/support/expect-error.ts';
import { numberedPage } from '../../test/support/pages.ts';
import { splitDump } from '../../test/support/split-dump.ts';
import { MemorySource } from '../base/byte-source.ts';
import { PfnBitmap } from '../base/pfn-bitmap.ts';
import { asPaddr, asPfn } from '../base/units.ts';
import type { OpenOptions } from './dump.ts';
import { openDump, openDumpFiles } from './open.ts';

const maxMapnr = 40;
const pfns = [1, 2, 9, 10, 11, 30, 31];
/** Page frames 3 to 5 are RAM that was left out. */
const parts = splitDump({ maxMapnr, pfns, ram: [3, 4, 5], ends: [10, 30, maxMapnr] });
const open = (files: readonly Uint8Array[], cutShort: OpenOptions['cutShort'] = 'refuse') =>
  openDumpFiles(
    files.map((bytes, i) => new MemorySource(bytes, `part ${i}`)),
    { codecs: {}, cutShort },
  );

describe('the files of a split dump', () => {
  it('are one dump, in any order', () => {
    const [a, b, c] = parts as [Uint8Array, Uint8Array, Uint8Array];
    for (const order of [
      [a, b, c],
      [c, a, b],
      [b, c, a],
    ]) {
      const dump = open(order);
      const page = new Uint8Array(4096);
      for (const pfn of pfns) {
        assert.equal(dump.memory.read(asPaddr(pfn * 4096), page), 4096, `page ${pfn}`);
        assert.deepEqual(page, numberedPage(pfn));
      }
      assert.equal(dump.memory.state(asPfn(4)), 'excluded');
      assert.equal(dump.memory.state(asPfn(20)), 'absent');
      assert.equal(dump.memory.state(asPfn(1000)), 'absent');
      const bitmap = new PfnBitmap(asPfn(0), dump.memory.endPfn);
      dump.memory.markPresent(bitmap);
      assert.equal(bitmap.count(), pfns.length);
      const { incomplete, detail } = dump.describe();
      assert.ok(!incomplete);
      assert.match(detail, /in 3 parts$/);
    }
  });

  it('are read across their ends, from any byte', () => {
    const { memory } = open(parts);
    const bytes = new Uint8Array(3 * 4096);
    assert.equal(memory.read(asPaddr(9 * 4096), bytes), bytes.length);
    assert.deepEqual(bytes.subarray(4096, 8192), numberedPage(10));
    const odd = new Uint8Array(4096);
    assert.equal(memory.read(asPaddr(9 * 4096 + 1000), odd), 4096);
    assert.deepEqual(odd.subarray(3096), numberedPage(10).subarray(0, 1000));
  });

  it('say which page frames are missing, and are lost when that is accepted', () => {
    const [a, , c] = parts as [Uint8Array, Uint8Array, Uint8Array];
    assert.throws(() => open([a, c]), failsWith('E_TRUNCATED', /missing: page frames 0xa-0x1d$/));
    assert.throws(() => open([c]), failsWith('E_TRUNCATED', /missing: page frames 0x0-0x1d$/));
    const { memory, describe: about } = open([c, a], 'accept');
    assert.equal(memory.state(asPfn(10)), 'lost');
    assert.equal(memory.state(asPfn(9)), 'present');
    assert.equal(memory.state(asPfn(30)), 'present');
    assert.equal(memory.state(asPfn(4)), 'excluded');
    assert.ok(about().incomplete);
    assert.match(about().detail, /without page frames 0xa-0x1d/);
    assert.equal(open([a], 'accept').memory.state(asPfn(30)), 'lost');
  });

  it('may leave out a part that has no page', () => {
    const [a, , c] = splitDump({ maxMapnr, pfns: [1, 35], ram: [], ends: [10, 30, maxMapnr] });
    assert.ok(!open([a!, c!]).describe().incomplete);
  });

  it('belong together, or are refused', () => {
    const [a, b, c] = parts as [Uint8Array, Uint8Array, Uint8Array];
    assert.throws(() => open([a, b, a, c]), failsWith('E_USAGE', /page frames that part 0 holds too/));
    const others = splitDump({
      maxMapnr,
      pfns: [1, 2, 9, 10, 12, 30, 31],
      ram: [],
      ends: [10, 30, maxMapnr],
    });
    assert.throws(() => open([a, others[1]!, c]), failsWith('E_USAGE', /the pages differ/));
    const larger = splitDump({ maxMapnr: 80, pfns, ram: [], ends: [10, 30, 80] });
    assert.throws(() => open([a, b, larger[2]!]), failsWith('E_USAGE', /their sizes differ/));
    const renamed = b.slice();
    renamed.set(new TextEncoder().encode('6.1.0-othr'), 12 + 2 * 65);
    assert.throws(() => open([a, renamed, c]), failsWith('E_USAGE', /the kernels differ/));
    const whole = splitDump({ maxMapnr, pfns, ram: [3, 4, 5], ends: [maxMapnr] })[0]!.slice();
    new DataView(whole.buffer).setInt32(4096 + 12, 0, true);
    assert.throws(() => open([a, whole]), failsWith('E_USAGE', /not a part of a split dump/));
    assert.equal(openDump(new MemorySource(whole), { codecs: {}, cutShort: 'refuse' }).format, 'kdump');
    assert.throws(() => open([a, new Uint8Array(8192)]), failsWith('E_USAGE', /not a part of a split dump/));
  });

  it('tell the range in 32-bit fields before version 6', () => {
    const old = splitDump({ maxMapnr, pfns, ram: [], ends: [10, 30, maxMapnr], version: 2 });
    const { memory } = open(old);
    for (const pfn of pfns) assert.equal(memory.state(asPfn(pfn)), 'present', `page ${pfn}`);
  });
});
