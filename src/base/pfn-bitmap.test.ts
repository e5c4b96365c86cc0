import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { failsWith } from '../../test/support/expect-error.ts';
import { PfnBitmap } from './pfn-bitmap.ts';
import { asPfn } from './units.ts';

const range = fc.tuple(fc.integer({ min: -5, max: 140 }), fc.integer({ min: -5, max: 140 }));
const operations = fc.array(fc.tuple(fc.constantFrom('set', 'clear'), range), { maxLength: 12 });
/** `byteOffset`: where in other memory its bits lie. */
const windows = fc
  .tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 5 }))
  .map(([start, length, byteOffset]) => ({ start: asPfn(start), end: asPfn(start + length), byteOffset }));

/** The same operations on a bitmap and on a Set of numbers. */
function both(
  window: { start: number; end: number; byteOffset: number },
  list: readonly (readonly [string, [number, number]])[],
) {
  const length = Math.ceil((window.end - window.start) / 8);
  const bytes = new Uint8Array(window.byteOffset + length).subarray(window.byteOffset);
  const bitmap = new PfnBitmap(asPfn(window.start), asPfn(window.end), bytes);
  const model = new Set<number>();
  for (const [what, [from, to]] of list) {
    if (what === 'set') bitmap.setRange(from, to);
    let cleared = 0;
    for (let pfn = Math.max(from, window.start); pfn < Math.min(to, window.end); pfn++) {
      if (what === 'set') model.add(pfn);
      else if (model.delete(pfn)) cleared++;
    }
    if (what === 'clear')
      assert.equal(bitmap.clearRange(from, to), cleared, 'clearRange tells how many it cleared');
  }
  return { bitmap, model };
}

describe('a page frame bitmap is a set of page frames', () => {
  it('has, counts and lists exactly what was put in, clipped to its window', () => {
    fc.assert(
      fc.property(windows, operations, range, (window, list, [from, to]) => {
        const { bitmap, model } = both(window, list);
        for (let pfn = -2; pfn < 150; pfn++) assert.equal(bitmap.has(pfn), model.has(pfn));
        assert.equal(bitmap.count(), model.size);
        assert.equal(bitmap.countRange(from, to), [...model].filter((pfn) => pfn >= from && pfn < to).length);
        const listed = [...bitmap.runs()].flatMap(({ start, end }) =>
          Array.from({ length: end - start }, (_, i) => start + i),
        );
        assert.deepEqual(
          listed,
          [...model].sort((a, b) => a - b),
        );
      }),
    );
  });

  it('finds the next member and the next gap, to the end or up to a limit', () => {
    const anywhere = fc.integer({ min: -5, max: 140 });
    fc.assert(
      fc.property(windows, operations, anywhere, anywhere, (window, list, from, limit) => {
        const { bitmap, model } = both(window, list);
        const scan = (wanted: boolean, to: number): number => {
          const end = Math.min(to, window.end);
          for (let pfn = Math.max(from, window.start); pfn < end; pfn++)
            if (model.has(pfn) === wanted) return pfn;
          return end;
        };
        assert.equal(bitmap.next(from), scan(true, window.end));
        assert.equal(bitmap.nextGap(from), scan(false, window.end));
        assert.equal(bitmap.next(from, limit), scan(true, limit));
        assert.equal(bitmap.nextGap(from, limit), scan(false, limit));
      }),
    );
  });

  it('gives runs that are as long as they can be', () => {
    const bitmap = new PfnBitmap(asPfn(3), asPfn(40));
    bitmap.setRange(5, 9);
    bitmap.setRange(9, 20);
    bitmap.setRange(39, 99);
    assert.deepEqual(
      [...bitmap.runs()],
      [
        { start: 5, end: 20 },
        { start: 39, end: 40 },
      ],
    );
  });

  it('has the bit order of the kdump format: page frame n is bit n % 8 of byte n / 8', () => {
    const bitmap = new PfnBitmap(asPfn(0), asPfn(24));
    bitmap.setRange(0, 1);
    bitmap.setRange(11, 12);
    bitmap.setRange(22, 24);
    assert.deepEqual([...bitmap.bytes], [0x01, 0x08, 0xc0]);
  });

  it('refuses more page frames than it can tell apart, rather than mixing them up', () => {
    assert.throws(() => new PfnBitmap(asPfn(0), asPfn(2 ** 33)), failsWith('E_UNSUPPORTED'));
  });
});
