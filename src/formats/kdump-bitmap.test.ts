import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { failsWith } from '../../test/support/expect-error.ts';
import { type ByteSource, MemorySource } from '../base/byte-source.ts';
import { PfnBitmap } from '../base/pfn-bitmap.ts';
import { asPfn } from '../base/units.ts';
import { KdumpBitmap } from './kdump-bitmap.ts';

/** Page frames in a chunk of 4 KiB. */
const chunk = 32768;
const padding = 100;

/** The bitmap as it lies in a file, behind `padding` bytes. */
function inFile(bitmap: PfnBitmap): KdumpBitmap {
  const bytes = new Uint8Array(padding + bitmap.bytes.length);
  bytes.set(bitmap.bytes, padding);
  return new KdumpBitmap({
    source: new MemorySource(bytes, 'test.kdump'),
    offset: padding,
    end: bitmap.end,
    name: 'bitmap 2',
  });
}

function bitmapOf(end: number, ranges: Iterable<readonly [from: number, to: number]>): PfnBitmap {
  const bitmap = new PfnBitmap(asPfn(0), asPfn(end));
  for (const [from, to] of ranges) bitmap.setRange(from, to);
  return bitmap;
}

const runsOf = (bitmap: PfnBitmap): (readonly [number, number])[] =>
  Array.from(bitmap.runs(), ({ start, end }) => [start, end] as const);

describe('a bitmap in a kdump file', () => {
  const end = 5 * chunk + 77;
  const ranges = fc.array(
    fc
      .tuple(fc.nat(end), fc.integer({ min: 1, max: 2 * chunk }))
      .map(([from, length]) => [from, from + length] as const),
    { maxLength: 6 },
  );

  it('answers as one that is in memory', () => {
    fc.assert(
      fc.property(ranges, fc.array(fc.nat(end + 100), { maxLength: 50 }), (set, pfns) => {
        const memory = bitmapOf(end, set);
        const file = inFile(memory);
        assert.equal(file.count, memory.count());
        for (const pfn of [...pfns, 0, chunk - 1, chunk, end - 1, end]) {
          assert.equal(file.has(pfn), memory.has(pfn), `has ${pfn}`);
          assert.equal(file.rank(pfn), memory.countRange(0, pfn), `rank of ${pfn}`);
          assert.equal(file.countRange(pfn, pfn + chunk), memory.countRange(pfn, pfn + chunk));
        }
        for (const { start, end: to } of file.ranges()) assert.ok(memory.countRange(start, to) > 0);
        const covered = bitmapOf(
          end,
          Array.from(file.ranges(), (range) => [range.start, range.end] as const),
        );
        for (const [from, to] of runsOf(memory)) assert.equal(covered.nextGap(from, to), to);
      }),
      { numRuns: 60 },
    );
  });

  it('marks what it has in any window, and clears nothing there', () => {
    fc.assert(
      fc.property(ranges, fc.nat(end), fc.nat(3 * chunk), (set, from, length) => {
        const memory = bitmapOf(end, set);
        const window = new PfnBitmap(asPfn(from), asPfn(from + length));
        window.setRange(from, from + 3);
        inFile(memory).markIn(window);
        const expected = new PfnBitmap(asPfn(from), asPfn(from + length));
        expected.setRange(from, from + 3);
        for (const run of memory.runs(from, from + length)) expected.setRange(run.start, run.end);
        assert.deepEqual(runsOf(window), runsOf(expected));
      }),
      { numRuns: 60 },
    );
  });

  it('is told from others', () => {
    const one = bitmapOf(end, [
      [5, 9],
      [chunk, 2 * chunk],
      [3 * chunk + 5, end],
    ]);
    const same = bitmapOf(end, runsOf(one));
    assert.ok(inFile(one).equals(inFile(same)));
    // As many bits in each chunk, but others.
    const moved = bitmapOf(end, [[6, 10], ...runsOf(one).slice(1)]);
    assert.ok(!inFile(one).equals(inFile(moved)));
    assert.ok(!inFile(one).equals(inFile(bitmapOf(end, [...runsOf(one), [20, 21]]))));
    assert.ok(!inFile(one).equals(inFile(bitmapOf(end - 1, runsOf(one)))));
  });

  it('that the file ends in is an error, before memory is taken for it', () => {
    const source = new MemorySource(new Uint8Array(5000), 'cut.kdump');
    const place = { source, offset: 4096, end: asPfn(2 ** 39), name: 'bitmap 1' };
    assert.throws(() => new KdumpBitmap(place), failsWith('E_TRUNCATED', /bitmap 1 needs 68719480832 bytes/));
  });

  it('of 64 TiB and more is gone through once, and only what is asked for is read again', () => {
    // Page frames 8 to 15, and the 16 from 2^34 on, that is in byte 1, and in the two from byte 2^31 on.
    const high = 2 ** 34;
    let read = 0;
    const source: ByteSource = {
      name: 'huge',
      size: 2 ** 31 + 4096,
      read(offset, into) {
        read += into.length;
        into.fill(0);
        for (const at of [1, 2 ** 31, 2 ** 31 + 1])
          if (offset <= at && at < offset + into.length) into[at - offset] = 0xff;
        return into.length;
      },
      close() {},
    };
    const bitmap = new KdumpBitmap({ source, offset: 0, end: asPfn(high + 16), name: 'bitmap 1' });
    assert.equal(bitmap.count, 24);
    assert.equal(read, 2 ** 31 + 2);
    assert.equal(bitmap.rank(high + 8), 16);
    assert.ok(!bitmap.has(high - 1) && bitmap.has(high) && bitmap.has(15) && !bitmap.has(16));
    const [low, top, ...others] = [...bitmap.ranges()];
    assert.deepEqual(others, []);
    assert.ok(low !== undefined && low.start === 0 && low.end <= 2 ** 16, 'the low chunk');
    assert.ok(top !== undefined && top.start <= high && top.end === high + 16, 'the high one');
    const window = new PfnBitmap(asPfn(high - 32768), asPfn(high + 16));
    bitmap.markIn(window);
    assert.deepEqual(runsOf(window), [[high, high + 16]]);
    assert.ok(read < 2 ** 31 + 2 ** 18, `${read} bytes read`);

    // Where the source knows its holes, not even once.
    read = 0;
    const nextData = (offset: number): number =>
      offset <= 1 ? 1 : offset <= 2 ** 31 ? 2 ** 31 : offset <= 2 ** 31 + 1 ? offset : source.size;
    const holey = new KdumpBitmap({ source: { ...source, nextData }, offset: 0, end: bitmap.end, name: 'b' });
    assert.ok(holey.equals(bitmap));
    assert.deepEqual([...holey.ranges()], [low, top]);
    assert.ok(read < 2 ** 22, `${read} bytes read`);
  });
});
