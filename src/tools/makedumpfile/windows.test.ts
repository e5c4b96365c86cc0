import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { asPfn } from '../../base/units.ts';
import { blockPagesFor, splitEvenly, windowsOf } from './windows.ts';

describe('windows', () => {
  it('cover all page frames, and their bitmaps fit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 28 }),
        fc.integer({ min: 65536, max: 2 ** 24 }),
        (end, bytes) => {
          const windows = windowsOf(asPfn(end), bytes);
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
          const parts = splitEvenly(blocks, blockPages, end, count);
          assert.equal(parts.length, count);
          const total = blocks.reduce((sum, pages) => sum + pages, 0);
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
    assert.equal(blockPagesFor(undefined, 4096), 1024);
    assert.equal(blockPagesFor(2 ** 20, 4096), 256);
    assert.equal(blockPagesFor(3 * 2 ** 20, 4096), 512);
    assert.equal(blockPagesFor(1024, 4096), 8);
    assert.equal(blockPagesFor(2 ** 40, 4096), 32768);
    assert.equal(blockPagesFor(2 ** 20, 65536), 16);
  });
});
