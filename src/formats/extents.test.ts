import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { firstEndingAfter, visibleExtents } from './extents.ts';

const size = 60;
const written = fc.array(
  fc
    .record({ start: fc.nat(size - 1), length: fc.integer({ min: 1, max: 20 }) })
    .map(({ start, length }) => ({
      start,
      end: Math.min(size, start + length),
    })),
  { maxLength: 30 },
);

describe('extents that were written over each other', () => {
  it('show of every byte who wrote it last', () => {
    fc.assert(
      fc.property(written, (list) => {
        const extents = list.map((extent, tag) => ({ ...extent, tag }));
        const owner = new Array<number | undefined>(size).fill(undefined);
        for (const { start, end, tag } of extents) owner.fill(tag, start, end);
        const seen = new Array<number | undefined>(size).fill(undefined);
        let last = 0;
        for (const { start, end, tag } of visibleExtents(extents)) {
          assert.ok(start >= last && end > start, 'ascending, not empty');
          last = end;
          seen.fill(tag, start, end);
        }
        assert.deepEqual(seen, owner);
      }),
      { numRuns: 1000 },
    );
  });

  it('are found by position', () => {
    const extents = [
      { start: 0, end: 5, tag: 0 },
      { start: 5, end: 6, tag: 1 },
      { start: 10, end: 12, tag: 2 },
    ];
    assert.deepEqual(
      [0, 4, 5, 6, 9, 10, 11, 12].map((at) => firstEndingAfter(extents, at)),
      [0, 0, 1, 2, 2, 2, 2, 3],
    );
  });
});
