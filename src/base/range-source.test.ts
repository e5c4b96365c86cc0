import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ByteRanges, firstRequest, RangeSource } from './range-source.ts';

const block = 64 * 1024;
const mebibyte = 2 ** 20;

/** Byte n is n modulo 251; every request is taken down. */
function ranges(size: number): ByteRanges & { readonly asked: [start: number, end: number][] } {
  const asked: [number, number][] = [];
  return {
    name: 'numbers',
    size,
    asked,
    fetch(start, end) {
      asked.push([start, end]);
      return Uint8Array.from({ length: end - start }, (_, i) => (start + i) % 251);
    },
    close() {},
  };
}

const readAt = (source: RangeSource, offset: number, length: number): Uint8Array => {
  const into = new Uint8Array(length);
  return into.subarray(0, source.read(offset, into));
};

describe('RangeSource', () => {
  it('gives the bytes that are there, across blocks and up to the end', () => {
    const source = new RangeSource(ranges(300_000));
    for (const [offset, length] of [
      [0, 10],
      [block - 3, 6],
      [100_000, 199_990],
      [299_995, 100],
      [300_000, 1],
      [2 ** 53, 8],
    ] as const) {
      const expected = Math.max(0, Math.min(length, 300_000 - offset));
      const got = readAt(source, offset, length);
      assert.equal(got.length, expected);
      assert.ok(
        got.every((byte, i) => byte === (offset + i) % 251),
        `at ${offset}`,
      );
    }
  });

  it('asks for more and more of what is read onward, and little elsewhere', () => {
    const numbers = ranges(64 * mebibyte);
    const source = new RangeSource(numbers);
    for (let at = 0; at < 8 * mebibyte; at += 4096) readAt(source, at, 4096);
    assert.deepEqual(
      numbers.asked.slice(0, 4).map(([start, end]) => end - start),
      [firstRequest, 2 * firstRequest, 4 * firstRequest, 8 * firstRequest],
    );
    assert.ok(numbers.asked.every(([start, end]) => end - start <= 2 * mebibyte));
    readAt(source, 40 * mebibyte + 5, 8);
    assert.deepEqual(numbers.asked.at(-1), [40 * mebibyte, 40 * mebibyte + firstRequest]);
  });

  it('asks once for what is used, and does not keep all there is', () => {
    const numbers = ranges(100 * mebibyte);
    const source = new RangeSource(numbers);
    readAt(source, 0, 1);
    for (let at = mebibyte; at < 31 * mebibyte; at += mebibyte) {
      readAt(source, at, mebibyte);
      readAt(source, 0, 1);
    }
    assert.equal(numbers.asked.filter(([start]) => start === 0).length, 1);
    for (let at = 31 * mebibyte; at < 70 * mebibyte; at += mebibyte) readAt(source, at, mebibyte);
    readAt(source, 0, 1);
    assert.equal(numbers.asked.filter(([start]) => start === 0).length, 2);
  });

  it('does not ask again for a block that lies in its way', () => {
    const numbers = ranges(mebibyte);
    const source = new RangeSource(numbers);
    readAt(source, 2 * block, 1);
    readAt(source, 0, 6 * block);
    assert.deepEqual(numbers.asked, [
      [2 * block, 4 * block],
      [0, 2 * block],
      [4 * block, 6 * block],
    ]);
  });
});
