import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { asPfn } from '../../base/units.ts';
import { BlockCounts, blockPagesFor, windowsOf } from './windows.ts';

/** Memory with RAM in these page frames. */
const memoryOf = (...ranges: readonly (readonly [start: number, end: number])[]) => ({
  endPfn: asPfn(Math.max(0, ...ranges.map(([, end]) => end))),
  ramRanges: () => ranges.map(([start, end]) => ({ start: asPfn(start), end: asPfn(end) })),
});

describe('windows', () => {
  it('cover all page frames, and their bitmaps fit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 28 }),
        fc.integer({ min: 65536, max: 2 ** 24 }),
        (end, bytes) => {
          const windows = windowsOf(memoryOf([0, end]), bytes);
          let at = 0;
          for (const window of windows) {
            assert.equal(window.start, at);
            assert.equal(window.start % 32768, 0);
            assert.ok((2 * (window.end - window.start)) / 8 <= bytes);
            at = window.end;
          }
          assert.equal(at, end);
        },
      ),
    );
  });

  it('step over holes, however large they are', () => {
    const high = 2 ** 34;
    const memory = memoryOf([1, 5], [100, 40_000], [70_000, 70_001], [high + 5, high + 10]);
    assert.deepEqual(windowsOf(memory, 2 * 4096), [
      { start: 0, end: 32768 },
      { start: 32768, end: 65536 },
      { start: 65536, end: 98304 },
      { start: high, end: high + 10 },
    ]);
    assert.deepEqual(windowsOf(memory, 2 ** 20), [
      { start: 0, end: 2 ** 22 },
      { start: high, end: high + 10 },
    ]);
  });
});

describe('the parts of a split dump', () => {
  it('cover all page frames, cut at blocks, as even as blocks allow', () => {
    const blockPages = 64;
    fc.assert(
      fc.property(
        fc.array(fc.nat(blockPages), { minLength: 1, maxLength: 200 }),
        fc.integer({ min: 1, max: 8 }),
        (blocks, count) => {
          const end = asPfn(blocks.length * blockPages);
          const counts = new BlockCounts();
          for (const [i, pages] of blocks.entries()) counts.add(i * blockPages, pages);
          const parts = counts.split(end, count);
          assert.equal(parts.length, count);
          const total = blocks.reduce((sum, pages) => sum + pages, 0);
          assert.equal(counts.total, total);
          let at = 0;
          for (const part of parts) {
            assert.equal(part.start, at);
            assert.ok(part.end === end || part.end % blockPages === 0);
            const own = blocks.slice(part.start / blockPages, part.end / blockPages);
            assert.equal(
              part.pages,
              own.reduce((sum, pages) => sum + pages, 0),
            );
            assert.ok(Math.abs(part.pages - total / count) <= 2 * blockPages);
            at = part.end;
          }
          assert.equal(at, end);
        },
      ),
    );
  });

  it('are cut at the block size that was asked for, as a power of two of pages', () => {
    assert.equal(blockPagesFor(undefined, 4096, 2 ** 20), 1024);
    assert.equal(blockPagesFor(2 ** 20, 4096, 2 ** 20), 256);
    assert.equal(blockPagesFor(3 * 2 ** 20, 4096, 2 ** 20), 512);
    assert.equal(blockPagesFor(1024, 4096, 2 ** 20), 8);
    assert.equal(blockPagesFor(2 ** 40, 4096, 2 ** 20), 32768);
    assert.equal(blockPagesFor(2 ** 20, 65536, 2 ** 20), 16);
    // 1 TiB and 64 TiB: no more than some hundred thousand blocks.
    assert.equal(blockPagesFor(4096, 4096, 2 ** 28), 1024);
    assert.equal(blockPagesFor(undefined, 4096, 2 ** 34), 32768);
  });
});
