/** Parts made byte by byte, put together; that the result equals makedumpfile's is shown in test/makedumpfile-cli.test.ts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { MemorySink } from '../../../test/support/memory-sink.ts';
import { numberedPage } from '../../../test/support/pages.ts';
import { type SplitSpec, splitDump } from '../../../test/support/split-dump.ts';
import { MemorySource } from '../../base/byte-source.ts';
import { silentProgress } from '../../base/progress.ts';
import { asPaddr, asPfn } from '../../base/units.ts';
import type { OpenOptions } from '../../formats/dump.ts';
import { openDump } from '../../formats/open.ts';
import { reassemble } from './reassemble.ts';

const maxMapnr = 600;
const pfns = Array.from({ length: 500 }, (_, i) => i + 20);
const content = (pfn: number): Uint8Array => (pfn % 10 === 0 ? new Uint8Array(4096) : numberedPage(pfn));
const spec: SplitSpec = { maxMapnr, pfns, ram: [3], ends: [100, 101, 400, maxMapnr], content };

function run(parts: readonly Uint8Array[], cutShort: OpenOptions['cutShort'] = 'refuse') {
  const sink = new MemorySink();
  const sources = parts.map((bytes, i) => new MemorySource(bytes, `part ${i}`));
  const result = reassemble(sources, sink, { codecs: {}, cutShort }, silentProgress);
  const bytes = sink.bytes();
  return {
    result,
    sink,
    bytes,
    dump: openDump(new MemorySource(bytes, 'whole'), { codecs: {}, cutShort: 'refuse' }),
  };
}

describe('reassembling a split dump', () => {
  for (const [dumpLevel, what] of [
    [0, 'as they are'],
    [1, 'zero pages shared'],
  ] as const) {
    it(`gives one file with the same pages, ${what}`, () => {
      const { result, dump, bytes } = run(splitDump({ ...spec, dumpLevel }));
      assert.deepEqual(result, { pageSize: 4096, written: 500, lost: 0 });
      const page = new Uint8Array(4096);
      for (const pfn of pfns) {
        assert.equal(dump.memory.read(asPaddr(pfn * 4096), page), 4096, `page ${pfn}`);
        assert.deepEqual(page, content(pfn), `page ${pfn}`);
      }
      assert.equal(dump.memory.state(asPfn(3)), 'excluded');
      assert.ok(!dump.describe().incomplete);
      assert.equal(dump.describe().detail, 'kdump-compressed, version 6');
      // Headers, bitmaps, descriptors, pages.
      const stored = dumpLevel === 0 ? 500 : 450 + 1;
      assert.equal(bytes.length, 4 * 4096 + 500 * 24 + stored * 4096);
    });
  }

  it('gives the same file whatever the order of the parts', () => {
    const [a, b, c, d] = splitDump({ ...spec, dumpLevel: 1 }) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    assert.deepEqual(run([d, b, a, c]).bytes, run([a, b, c, d]).bytes);
  });

  it('wants all parts; without one, its pages are lost and the dump says that it is incomplete', () => {
    const [a, , c, d] = splitDump(spec) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    assert.throws(() => run([a, c, d]), failsWith('E_TRUNCATED', /page frames 0x64-0x64/));
    const { result, dump } = run([a, c, d], 'accept');
    assert.deepEqual(result, { pageSize: 4096, written: 499, lost: 1 });
    assert.ok(dump.describe().incomplete);
    assert.equal(dump.memory.state(asPfn(100)), 'lost');
    assert.equal(dump.memory.state(asPfn(101)), 'present');
    assert.equal(dump.memory.state(asPfn(519)), 'present');
  });

  it('takes lost pages and "incomplete" over from the parts', () => {
    const parts = splitDump(spec);
    const last = parts[3]!;
    const view = new DataView(last.buffer);
    view.setUint32(424, 8, true);
    view.setBigUint64(4 * 4096, 0n, true);
    const { result, dump } = run(parts);
    assert.equal(result.lost, 1);
    assert.ok(dump.describe().incomplete);
    assert.equal(dump.memory.state(asPfn(400)), 'lost');
    assert.equal(dump.memory.state(asPfn(401)), 'present');
  });

  it('puts the erase information of all parts together', () => {
    const texts = ['erase a 1\n', '', 'erase b 22\n', ''];
    const parts = splitDump(spec).map((bytes, i) => {
      const text = new TextEncoder().encode(texts[i]);
      const whole = new Uint8Array(bytes.length + text.length);
      whole.set(bytes);
      whole.set(text, bytes.length);
      const view = new DataView(whole.buffer);
      view.setBigUint64(4096 + 64, text.length === 0 ? 0n : BigInt(bytes.length), true);
      view.setBigUint64(4096 + 72, BigInt(text.length), true);
      return whole;
    });
    const { bytes } = run(parts);
    const view = new DataView(bytes.buffer);
    const at = Number(view.getBigUint64(4096 + 64, true));
    const size = Number(view.getBigUint64(4096 + 72, true));
    assert.equal(new TextDecoder().decode(bytes.subarray(at, at + size)), 'erase a 1\nerase b 22\n');
  });

  it('is marked incomplete until its very last write', () => {
    const { sink } = run(splitDump(spec));
    for (let count = 1; count < sink.writes.length; count++) {
      assert.equal(
        new DataView(sink.bytes(count).buffer).getUint32(424, true) & 8,
        8,
        `after write ${count}`,
      );
    }
    assert.equal(new DataView(sink.bytes().buffer).getUint32(424, true) & 8, 0);
  });
});
