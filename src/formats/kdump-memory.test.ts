import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { failsWith } from '../../test/support/expect-error.ts';
import { type KdumpPageSpec, kdumpFile, kdumpLayout } from '../../test/support/kdump-file.ts';
import { nodeZlibCodec } from '../../test/support/node-zlib-codec.ts';
import { numberedPage } from '../../test/support/pages.ts';
import { MemorySource } from '../base/byte-source.ts';
import { PfnBitmap } from '../base/pfn-bitmap.ts';
import { asPaddr, asPfn } from '../base/units.ts';
import type { PageCodec } from '../codecs/page-codec.ts';
import type { PhysicalMemory } from './dump.ts';
import { KdumpBitmap } from './kdump-bitmap.ts';
import { KdumpMemory } from './kdump-memory.ts';
import { openDump } from './open.ts';

const maxMapnr = 64;
const memoryOf = (pages: readonly KdumpPageSpec[], ram: readonly number[] = []): PhysicalMemory =>
  openDump(new MemorySource(kdumpFile({ maxMapnr, pages, ram }), 'test.kdump'), {
    codecs: { zlib: nodeZlibCodec },
    cutShort: 'accept',
  }).memory;

function read(memory: PhysicalMemory, paddr: number, length: number): Uint8Array {
  const into = new Uint8Array(length);
  return into.subarray(0, memory.read(asPaddr(paddr), into));
}
const deflated = (page: Uint8Array): Uint8Array => new Uint8Array(zlib.deflateSync(page));

describe('pages of a kdump file', () => {
  it('are stored as they are, or compressed, page by page', () => {
    const memory = memoryOf([
      { pfn: 3, data: numberedPage(3) },
      { pfn: 4, data: deflated(numberedPage(4)), flags: 1 },
      { pfn: 9, data: numberedPage(9) },
    ]);
    for (const pfn of [3, 4, 9]) assert.deepEqual(read(memory, pfn * 4096, 4096), numberedPage(pfn));
  });

  it('are read from and to the middle, and on until one is missing', () => {
    const memory = memoryOf([
      { pfn: 3, data: numberedPage(3) },
      { pfn: 4, data: deflated(numberedPage(4)), flags: 1 },
    ]);
    assert.deepEqual(read(memory, 3 * 4096 + 100, 50), numberedPage(3).subarray(100, 150));
    const over = read(memory, 3 * 4096 + 4000, 4096 + 200);
    assert.deepEqual(over.subarray(0, 96), numberedPage(3).subarray(4000));
    assert.deepEqual(over.subarray(96), numberedPage(4), 'stops after page 4');
    assert.equal(read(memory, 5 * 4096, 10).length, 0);
  });

  it('tell left out from never there', () => {
    const memory = memoryOf([{ pfn: 3, data: numberedPage(3) }], [1, 2]);
    const states = [0, 1, 2, 3, 4, 63, 64, 1e9].map((pfn) => memory.state(asPfn(pfn)));
    assert.deepEqual(memory.countPages(), { ram: 3, present: 1 });
    assert.deepEqual(states, [
      'absent',
      'excluded',
      'excluded',
      'present',
      'absent',
      'absent',
      'absent',
      'absent',
    ]);
  });

  it('of zeros share one stored page', () => {
    const at = kdumpLayout({ maxMapnr, pages: Array(3).fill({ pfn: 0 }) }).dataAt;
    const memory = memoryOf([
      { pfn: 1, data: new Uint8Array(4096) },
      { pfn: 2, data: numberedPage(2) },
      { pfn: 3, offset: at, size: 4096 },
    ]);
    assert.deepEqual(read(memory, 3 * 4096, 4096), new Uint8Array(4096));
    assert.deepEqual(read(memory, 2 * 4096, 4096), numberedPage(2));
  });

  it('are lost when the writer had no space for them: offset 0', () => {
    const memory = memoryOf([
      { pfn: 1, data: numberedPage(1) },
      { pfn: 2, offset: 0, size: 0 },
    ]);
    assert.equal(memory.state(asPfn(2)), 'lost');
    assert.equal(read(memory, 4096, 2 * 4096).length, 4096);
  });

  it('are corrupt when what is stored cannot be a page', () => {
    const cases: Record<string, KdumpPageSpec> = {
      'more bytes than a page': { pfn: 1, data: numberedPage(1), size: 4097 },
      'no bytes': { pfn: 1, data: numberedPage(1), size: 0 },
      'stored, but shorter than a page': { pfn: 1, data: numberedPage(1), size: 4095 },
      'not a zlib stream': { pfn: 1, data: new Uint8Array(100).fill(0xff), flags: 1 },
      'half a page': { pfn: 1, data: deflated(numberedPage(1).subarray(0, 2048)), flags: 1 },
      'half a zlib stream': { pfn: 1, data: deflated(numberedPage(1)).subarray(0, 60), flags: 1 },
    };
    for (const [what, page] of Object.entries(cases)) {
      const memory = memoryOf([page]);
      assert.equal(memory.state(asPfn(1)), 'corrupt', what);
      assert.equal(read(memory, 4096, 4096).length, 0, what);
    }
  });

  it('in a codec that this build lacks are an error that names the codec', () => {
    for (const [flags, name] of [
      [2, /lzo/],
      [4, /snappy/],
      [0x20, /zstd/],
    ] as const) {
      const memory = memoryOf([{ pfn: 1, data: new Uint8Array(100), flags }]);
      assert.throws(() => read(memory, 4096, 1), failsWith('E_UNSUPPORTED', name));
    }
  });

  it('in the bitmap beyond the last page frame do not count', () => {
    const file = kdumpFile({ maxMapnr: 11, pages: [{ pfn: 10, data: numberedPage(10) }] });
    const { bitmap1At, bitmap2At } = kdumpLayout({ maxMapnr: 11, pages: [] });
    // Bits 11 to 15 of both bitmaps.
    file[bitmap1At + 1] = file[bitmap1At + 1]! | 0xf8;
    file[bitmap2At + 1] = file[bitmap2At + 1]! | 0xf8;
    const { memory } = openDump(new MemorySource(file), { codecs: {}, cutShort: 'refuse' });
    assert.equal(memory.endPfn, 11);
    const present = new PfnBitmap(asPfn(0), asPfn(16));
    memory.markPresent(present);
    assert.deepEqual([...present.runs()], [{ start: 10, end: 11 }]);
    assert.deepEqual(read(memory, 10 * 4096, 4096), numberedPage(10));
  });

  it('have the n-th descriptor, where n counts the pages before them', () => {
    const sets = fc.array(fc.tuple(fc.nat(4000), fc.integer({ min: 1, max: 700 })), { maxLength: 8 });
    fc.assert(
      fc.property(sets, (ranges) => {
        const dumped = new PfnBitmap(asPfn(0), asPfn(4500));
        for (const [from, length] of ranges) dumped.setRange(from, from + length);
        const source = new MemorySource(dumped.bytes);
        const bitmap = new KdumpBitmap({ source, offset: 0, end: dumped.end, name: 'bitmap' });
        const memory = new KdumpMemory({
          source: new MemorySource(new Uint8Array()),
          pageSize: 4096,
          littleEndian: true,
          descriptorsAt: 0,
          ram: bitmap,
          dumped: bitmap,
          codecs: {},
        });
        let before = 0;
        for (let pfn = 0; pfn < 4500; pfn++) {
          if (!dumped.has(pfn)) continue;
          assert.equal(memory.descriptorIndex(pfn), before);
          before++;
        }
        assert.equal(memory.pageCount, before);
      }),
      { numRuns: 30 },
    );
  });

  it('come right in any order of questions, though descriptors are read by blocks', () => {
    const count = 3000;
    const pages = Array.from({ length: count }, (_, pfn) => ({
      pfn,
      data: Uint8Array.of(pfn & 0xff, pfn >> 8),
      flags: 1,
    }));
    // Instead of a codec: what is stored, and zeros behind it.
    const padding: PageCodec = {
      ...nodeZlibCodec,
      decompress(data, page) {
        page.fill(0).set(data);
        return page.length;
      },
    };
    const { memory } = openDump(new MemorySource(kdumpFile({ maxMapnr: count, pages })), {
      codecs: { zlib: padding },
      cutShort: 'refuse',
    });
    for (const pfn of [0, 2999, 1, 1023, 1024, 1025, 2047, 2048, 5, 2500]) {
      assert.deepEqual([...read(memory, pfn * 4096, 2)], [pfn & 0xff, pfn >> 8]);
    }
  });
});
