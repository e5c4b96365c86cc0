import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DescriptorsOf, PageDescriptors } from './page-descriptors.ts';

const dataAt = 2 ** 40 + 12345;
const zeroPageAt = 2 ** 33 + 4096;

/** The same, in plain words. */
function expected(
  sizes: readonly number[],
  { pageSize, codecFlag, littleEndian }: DescriptorsOf,
): Uint8Array {
  const view = new DataView(new ArrayBuffer(24 * sizes.length));
  let at = dataAt;
  sizes.forEach((size, i) => {
    const isZero = size === 0;
    view.setBigUint64(24 * i, BigInt(isZero ? zeroPageAt : at), littleEndian);
    view.setUint32(24 * i + 8, isZero ? pageSize : size, littleEndian);
    view.setUint32(24 * i + 12, isZero || size === pageSize ? 0 : codecFlag, littleEndian);
    at += size;
  });
  return new Uint8Array(view.buffer);
}

describe('descriptors of pages', () => {
  for (const littleEndian of [true, false]) {
    const file = { pageSize: 4096, codecFlag: 0x20, littleEndian };
    const descriptors = new PageDescriptors(file);

    it(`in ${littleEndian ? 'little' : 'big'}-endian order: compressed, stored and of zeros`, () => {
      for (const sizes of [[], [0], [4096], [17, 0, 4095, 4096, 0, 1], Array<number>(5000).fill(4096)]) {
        const { bytes, zeros } = descriptors.describe(Uint32Array.from(sizes), dataAt, zeroPageAt);
        assert.deepEqual(bytes, expected(sizes, file));
        assert.equal(zeros, sizes.filter((size) => size === 0).length);
      }
    });
  }
});
