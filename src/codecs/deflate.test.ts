/** What only deflate has: codes made for the page, in two alphabets and a third. zlib itself reads every page back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deflateSync, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { fibonacci, pageCompressor, pageOf, pieces, shuffle } from '../../test/support/one-page.ts';

/** The page as a zlib stream; undefined when it does not shrink. */
const deflate = pageCompressor('zlib');

/** Zlib reads it back, to the last byte and with the right checksum. Returns the stream. */
function check(page: Uint8Array): Uint8Array {
  const stream = deflate(page);
  assert.ok(stream !== undefined, 'it shrinks');
  assert.ok(Buffer.compare(inflateSync(stream, { maxOutputLength: page.length }), page) === 0);
  return stream;
}

/** Of the first block: 1 fixed codes, 2 codes of its own. */
const blockKind = (stream: Uint8Array): number => (stream[2]! >> 1) & 3;

describe('a page as a zlib stream', () => {
  for (const length of [4096, 16384, 65536]) {
    it(`of ${length} bytes, of one value: one literal and repetitions of the longest`, () => {
      for (const value of [0, 1, 143, 144, 255]) {
        const stream = check(new Uint8Array(length).fill(value));
        assert.ok(stream.length < 32 + length / 512, `${stream.length} bytes`);
      }
    });

    it(`of ${length} bytes, whose codes would be longer than deflate's limit`, () => {
      check(fibonacci(length));
    });
  }

  it('that is nearly empty takes the fixed codes, which need no saying', () => {
    const page = new Uint8Array(256);
    page.set([1, 2, 3, 200, 255], 100);
    assert.equal(blockKind(check(page)), 1);
  });

  it('of text has codes of its own', () => {
    const words = ['task', 'page', 'slab', 'inode', '_lock', '->', '\n', ' = ', 'struct '];
    const text = [...shuffle(Uint8Array.from({ length: 2000 }, (_, i) => i))].map((n) => words[n % 9]!);
    const page = new TextEncoder().encode(text.join('').slice(0, 4096));
    const stream = check(page);
    assert.equal(blockKind(stream), 2);
    assert.ok(stream.length <= deflateSync(page, { level: 1 }).length * 1.1, "about zlib's own size");
  });

  it('has repetitions of every length, and from every distance that can be', () => {
    for (let length = 4; length < 700; length++) {
      const page = shuffle(Uint8Array.from({ length: 4096 }, (_, i) => i >> 4));
      page.copyWithin(2000, 100, 100 + length);
      // Noise does not shrink on its own: a third of the page is empty.
      page.fill(0, 2800);
      check(page);
    }
    for (const distance of [1, 2, 3, 4, 5, 7, 255, 256, 257, 4095, 8192, 16385, 32767, 32768, 32769, 60000]) {
      const page = shuffle(Uint8Array.from({ length: 65536 }, (_, i) => i >> 8));
      page.copyWithin(61000, 61000 - distance, 61000 - distance + 100);
      page.fill(0, 62000);
      check(page);
    }
  });

  it('that would not shrink is none, and one that just shrinks is', () => {
    const noise = shuffle(Uint8Array.from({ length: 4096 }, (_, i) => i));
    assert.equal(deflate(noise), undefined);
    check(noise.fill(0, 3800));
  });

  it('whatever is in it', () => {
    fc.assert(
      fc.property(pieces(120), fc.constantFrom(64, 4096, 65536), (list, length) => {
        const page = pageOf(list, length);
        const stream = deflate(page);
        if (stream !== undefined) assert.ok(Buffer.compare(inflateSync(stream), page) === 0);
      }),
      { numRuns: 400 },
    );
  });
});
