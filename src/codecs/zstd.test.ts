/** What only zstd has: codes that are the same for every page. zstd itself reads every page back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { pageCompressor, pageOf, pieces } from '../../test/support/one-page.ts';
import { type Codes, describeAlphabet, kernelCodes, knownCodes, spread } from './zstd-tables.ts';

/** The page as a zstd frame; undefined when it does not shrink. */
const compress = pageCompressor('zstd');

/** zstd reads it back. Returns the frame. */
function check(page: Uint8Array): Uint8Array {
  const frame = compress(page);
  assert.ok(frame !== undefined, 'it shrinks');
  assert.ok(Buffer.compare(zstdDecompressSync(frame, { maxOutputLength: page.length }), page) === 0);
  return frame;
}

/** The bytes of a page that do not repeat, always the same. */
function noise(length: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

describe('a page as a zstd frame', () => {
  for (const length of [256, 4096, 16384, 65536]) {
    it(`of ${length} bytes, of one value: a literal and a repetition`, () => {
      for (const value of [0, 1, 255]) assert.ok(check(new Uint8Array(length).fill(value)).length < 32);
    });
  }

  it('of less than 256 bytes stays as it is', () => assert.equal(compress(new Uint8Array(192)), undefined));

  it('tells its codes when it has many sequences', () => {
    const records = noise(4096, 1).map((byte, i) => (i % 16 < 3 ? byte : i % 16));
    const few = records.slice().fill(0, 1000);
    // Behind the frame's header (7), the block's (3), the literals' (2) and the literals: the number of sequences, then how codes are told.
    const modes = (frame: Uint8Array): number => {
      const at = 12 + ((frame[10]! | (frame[11]! << 8)) >> 4);
      return frame[frame[at]! < 128 ? at + 1 : at + 2]!;
    };
    assert.equal(modes(check(few)), 0);
    assert.equal(modes(check(records)), 0b10101000);
  });

  it('has repetitions of every length, after runs of every length, from every distance', () => {
    for (let length = 4; length < 700; length++) {
      const page = noise(4096, length);
      page.copyWithin(2000, 100, 100 + length);
      page.fill(0, 2800);
      check(page);
      check(page.fill(0, 0, length));
    }
    for (let power = 0; power < 16; power++) {
      for (const distance of [2 ** power, 2 ** power + 1, 2 ** (power + 1) - 4]) {
        const page = new Uint8Array(65536);
        const from = Math.max(0, 64800 - distance);
        page.set(noise(600, power + 1), from);
        page.copyWithin(64800, from, from + 600);
        check(page);
      }
    }
  });

  it('of records, whose offsets come again: the last three are said by their place', () => {
    for (const sizes of [[64], [64, 24], [64, 24, 40], [64, 24, 40, 16]]) {
      for (let seed = 1; seed < 20; seed++) {
        const page = noise(4096, seed);
        for (let at = 64, i = 0; at < 4000; i++) {
          const size = sizes[(i * seed) % sizes.length]!;
          page.copyWithin(at, at - size, at - (i % 5 === 0 ? 0 : 2 + (seed % 3)));
          at += size - (i % 3 === 0 ? 0 : 3);
        }
        check(page.fill(0, 3600));
      }
    }
  });

  it('that would not shrink is none, and one that just shrinks is', () => {
    assert.equal(compress(noise(4096, 5)), undefined);
    check(noise(4096, 5).fill(0, 4000));
  });

  it('whatever is in it', () => {
    fc.assert(
      fc.property(
        pieces(400),
        fc.constantFrom(256, 4096, 65536),
        fc.constantFrom(8, 40, 600),
        (list, length, longest) => {
          const shorter = list.map((piece) => ({ ...piece, size: 1 + (piece.size % longest) }));
          const page = pageOf(shorter, length);
          const frame = compress(page);
          if (frame !== undefined) assert.ok(Buffer.compare(zstdDecompressSync(frame), page) === 0);
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe('the codes', () => {
  const alphabets = (codes: Codes) => [codes.literalRuns, codes.matchLengths, codes.offsets];

  it('use every state once', () => {
    for (const { accuracy, shares } of [knownCodes, kernelCodes].flatMap(alphabets)) {
      assert.equal(
        shares.reduce((sum, share) => sum + Math.abs(share), 0),
        2 ** accuracy,
      );
    }
  });

  it('have a symbol for whatever a page of 64 KiB can have', () => {
    // 32768 literals and more, repetitions of 32771 bytes and more, offsets of 65533 bytes and more.
    assert.deepEqual(
      alphabets(kernelCodes).map(({ shares }) => shares.length),
      [35, 52, 17],
    );
    for (const { shares } of alphabets(kernelCodes)) assert.ok(!shares.includes(0));
  });

  it('are told in the 32 bytes that the compressor copies', () => {
    for (const alphabet of alphabets(kernelCodes)) assert.ok(describeAlphabet(alphabet).length <= 32);
  });

  it('known to every reader are spread as RFC 8878, appendix A, has them', () => {
    assert.deepEqual([...spread(knownCodes.offsets)].slice(0, 8), [0, 6, 9, 15, 21, 3, 7, 12]);
    assert.deepEqual([...spread(knownCodes.literalRuns)].slice(-4), [35, 34, 33, 32]);
  });

  it('are told bit by bit', () => {
    // By hand: accuracy 5 (0000); 32 states, 30 of them of the first symbol, none of the two that follow, one each of the last two.
    // 31 of 0 to 33: in 6 bits; 2 left: 1 is 0 in one bit, one more zero: 01; 2 is of 0 to 3: 10; 1 left, of 0 to 2: 2 is 11.
    const told = describeAlphabet({ accuracy: 5, shares: [30, 0, 0, 1, 1] });
    const bits = [...told].map((byte) => byte.toString(2).padStart(8, '0')).reverse();
    assert.equal(bits.join('').replace(/^0+/, ''), ['11', '10', '01', '01', '011111', '0000'].join(''));
  });
});
