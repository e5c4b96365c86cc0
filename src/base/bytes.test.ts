import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { alignDown, alignUp, cString, isPowerOfTwo, isZero, latin1, putU64, u64, viewOf } from './bytes.ts';

describe('64-bit fields as numbers', () => {
  it('are written as DataView writes 64-bit integers, in both byte orders', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.boolean(), fc.integer({ min: 0, max: 8 }), (value, little, at) => {
        const ours = new DataView(new ArrayBuffer(24));
        const theirs = new DataView(new ArrayBuffer(24));
        putU64(ours, at, value, little);
        theirs.setBigUint64(at, BigInt(value), little);
        assert.deepEqual(ours, theirs);
        assert.equal(u64(theirs, at, little), value);
      }),
    );
  });

  it('read as too large, not as something else, when a Number cannot hold them', () => {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, 0xffff_ffff_ffff_ffffn, true);
    assert.ok(u64(view, 0, true) > Number.MAX_SAFE_INTEGER);
  });
});

describe('alignment', () => {
  it('rounds up and down to a multiple', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 52 }), fc.integer({ min: 0, max: 30 }), (value, shift) => {
        const size = 2 ** shift;
        for (const [aligned, low, high] of [
          [alignUp(value, size), value, value + size - 1],
          [alignDown(value, size), value - size + 1, value],
        ] as const) {
          assert.equal(aligned % size, 0);
          assert.ok(aligned >= low && aligned <= high);
        }
      }),
    );
  });

  it('knows powers of two from their neighbours', () => {
    for (let shift = 0; shift < 53; shift++) assert.ok(isPowerOfTwo(2 ** shift));
    for (let shift = 2; shift < 53; shift++) {
      assert.ok(!isPowerOfTwo(2 ** shift + 1), `2^${shift} + 1`);
      assert.ok(!isPowerOfTwo(2 ** shift - 1), `2^${shift} - 1`);
    }
    for (const value of [0, -4, 0.5, Number.NaN, Infinity]) assert.ok(!isPowerOfTwo(value), String(value));
  });
});

describe('bytes as text and as nothing', () => {
  it('end at the first NUL, or at the end', () => {
    const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
    assert.equal(cString(bytes('Linux\0junk')), 'Linux');
    assert.equal(cString(bytes('full')), 'full');
    assert.equal(cString(bytes('\0')), '');
  });

  it('are zero only when every word is', () => {
    const words = new Int32Array(1024);
    assert.ok(isZero(words));
    for (const at of [0, 511, 1023]) {
      words[at] = -2147483648;
      assert.ok(!isZero(words));
      words[at] = 0;
    }
  });

  it('keep the window of the array they are viewed from', () => {
    const bytes = Uint8Array.of(1, 2, 3, 4).subarray(1, 3);
    assert.equal(viewOf(bytes).byteLength, 2);
    assert.equal(viewOf(bytes).getUint8(0), 2);
  });
});

describe('bytes as text', () => {
  it('are one character each, all 256 of them, however many there are', () => {
    const bytes = Uint8Array.from({ length: 20_000 }, (_, i) => i);
    const text = latin1(bytes);
    assert.equal(text.length, bytes.length);
    assert.deepEqual(new Uint8Array(Buffer.from(text, 'latin1')), bytes);
    assert.equal(latin1(new Uint8Array()), '');
  });
});
