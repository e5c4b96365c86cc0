/** What only zstd has: sequences in codes of finite state entropy, literals in Huffman codes. zstd itself reads every page back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { fibonacci, noise, pageCompressor, pageOf, pieces } from '../../test/support/one-page.ts';

/** The page as a zstd frame; undefined when it does not shrink. */
const compress = pageCompressor('zstd');

/** zstd reads it back. Returns the frame. */
function check(page: Uint8Array): Uint8Array {
  const frame = compress(page);
  assert.ok(frame !== undefined, 'it shrinks');
  assert.ok(Buffer.compare(zstdDecompressSync(frame, { maxOutputLength: page.length }), page) === 0);
  return frame;
}

/** What a frame says of its block (RFC 8878, 3.1.1). The frame's header has 7 bytes, the block's 3. */
function look(frame: Uint8Array) {
  const [literals, sizes] = [frame[10]! & 3, (frame[10]! >> 2) & 3];
  const word = Buffer.from(frame).readUIntLE(10, 6);
  // Literals as they are (0) or in Huffman codes (2), whose sizes have 10, 14 or 18 bits.
  const bits = 6 + 4 * sizes;
  const [header, size] =
    literals === 0
      ? [sizes === 1 ? 2 : 3, Math.floor(word / 16) % 2 ** (sizes === 1 ? 12 : 20)]
      : [2 + Math.max(1, sizes), Math.floor(word / 2 ** (4 + Math.max(10, bits))) % 2 ** Math.max(10, bits)];
  const weights = frame[10 + header]!;
  const at = 10 + header + size;
  const [sequences, modesAt] =
    frame[at]! < 128 ? [frame[at]!, at + 1] : [((frame[at]! - 128) << 8) | frame[at + 1]!, at + 2];
  return {
    codes: literals === 0 ? 'none' : weights < 128 ? 'compressed weights' : 'weights',
    streams: literals === 0 ? 0 : sizes === 0 ? 1 : 4,
    sequences,
    // Of literals, offsets, lengths: known (0), one symbol (1), told (2).
    modes: [6, 4, 2].map((shift) => (frame[modesAt]! >> shift) & 3),
  };
}

describe('a page as a zstd frame', () => {
  for (const length of [256, 4096, 16384, 65536]) {
    it(`of ${length} bytes, of one value: a literal and a repetition`, () => {
      for (const value of [0, 1, 255]) assert.ok(check(new Uint8Array(length).fill(value)).length < 32);
    });
  }

  it('of less than 256 bytes stays as it is', () => assert.equal(compress(new Uint8Array(192)), undefined));

  it('tells the codes of sequences when it has many, and a symbol when it is the only one', () => {
    const records = noise(4096, 1).map((byte, i) => (i % 16 < 3 ? byte : i % 16));
    assert.deepEqual(look(check(records.slice().fill(0, 800))).modes, [0, 0, 0]);
    assert.deepEqual(look(check(records)).modes, [2, 2, 2]);
    // Records that have nothing in common but their ends: these are all as long.
    const numbered = records.map((byte, i) => (i % 16 < 3 ? (i >> 4) * (1 + 2 * (i % 16)) : byte));
    assert.deepEqual(look(check(numbered)).modes, [2, 2, 1]);
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

/** `noise` of as many values as `bits` can say, of which each is as frequent. */
const values = (length: number, bits: number): Uint8Array =>
  noise(length, 1).map((byte) => byte >> (8 - bits));

describe('literals of a zstd frame', () => {
  const literals = (page: Uint8Array) => {
    const { codes, streams } = look(check(page));
    return [codes, streams];
  };

  it('are as they are when they are few, or too many values are as frequent', () => {
    assert.deepEqual(literals(values(4096, 5).fill(0, 400)), ['none', 0]);
    assert.deepEqual(literals(values(4096, 7).fill(0, 3000)), ['none', 0]);
  });

  it('are in one stream of codes below 1024, in four from there on', () => {
    assert.deepEqual(literals(values(512, 5)), ['compressed weights', 1]);
    // The first few zeros are literals.
    for (let rest = 0; rest < 4; rest++) {
      assert.equal(literals(values(4096, 5).fill(0, 1000 + rest))[1], 1);
      for (const size of [1024, 2048, 3000]) {
        assert.equal(literals(values(4096, 5).fill(0, size + rest))[1], 4);
      }
    }
    for (const size of [16000, 16382, 16383, 16384, 16385, 40000, 65000]) {
      assert.equal(literals(values(65536, 5).fill(0, size))[1], 4, `${size}`);
    }
  });

  it('need no sequences beside them', () => {
    for (const length of [512, 4096, 65536]) assert.equal(look(check(values(length, 6))).sequences, 0);
  });

  it('have codes whose weights are told in one way or the other', () => {
    // All weights are the same, which the one way cannot say, and above 128 of them are what the other cannot.
    assert.deepEqual(literals(values(4096, 6)), ['weights', 4]);
    const high = (bits: number) => values(4096, bits).map((byte) => byte | 0xc0);
    assert.deepEqual(literals(high(5)), ['compressed weights', 4]);
    for (const length of [4096, 16384, 65536]) check(fibonacci(length));
  });

  it('whatever they are', () => {
    // Values as frequent as the rest of one another's powers, from anywhere among 256.
    const property = fc.property(
      fc.constantFrom(512, 1024, 4096, 16384, 65536),
      fc.integer({ min: 1, max: 1e9 }),
      fc.integer({ min: 1, max: 24 }),
      fc.nat(255),
      (length, seed, slope, first) => {
        const page = noise(length, seed).map((byte) => first + Math.floor(256 * (byte / 256) ** (slope / 4)));
        const frame = compress(page);
        if (frame !== undefined) assert.ok(Buffer.compare(zstdDecompressSync(frame), page) === 0);
      },
    );
    fc.assert(property, { numRuns: 400 });
  });
});

describe('zstd frames', () => {
  it('are together no more than a thirtieth larger than what zstd makes at level 1', () => {
    const level = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
    const kinds: readonly ((byte: number, i: number) => number)[] = [
      // Pointers, records, counters, text.
      (byte, i) => (i % 8 > 4 ? 0xff : i % 8 === 4 ? 0x88 : i % 8 === 0 ? byte & 0xf8 : byte),
      (byte, i) => (i % 64 < 5 ? byte : i % 24 === 0 ? byte & 3 : i % 16),
      (byte, i) => (i % 8 === 0 ? byte : i % 8 === 1 ? byte & 7 : 0),
      (byte, i) => 'the kernel of a page, locked'.charCodeAt((byte * byte + (i >> 9)) % 28),
    ];
    let [ours, theirs] = [0, 0];
    for (const kind of kinds) {
      for (let seed = 1; seed < 10; seed++) {
        const page = noise(4096, seed).map(kind);
        ours += check(page).length;
        theirs += zstdCompressSync(page, level).length;
      }
    }
    assert.ok(ours < theirs * (1 + 1 / 30), `${ours} bytes, theirs ${theirs}`);
  });
});
