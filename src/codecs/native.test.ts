import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { nativeCodecs } from './native.ts';
import type { PageCodec } from './page-codec.ts';

const pageSize = 4096;
const codecs = nativeCodecs();
/** node:zlib is the peer: other code paths into the same libraries, used by everybody. */
const peers: Record<
  string,
  { codec: PageCodec; unpack: (data: Uint8Array) => Buffer; pack: (page: Uint8Array) => Buffer }
> = {
  zlib: {
    codec: codecs.zlib!,
    unpack: (data) => zlib.inflateSync(data),
    pack: (page) => zlib.deflateSync(page),
  },
  zstd: {
    codec: codecs.zstd!,
    unpack: (data) => zlib.zstdDecompressSync(data),
    pack: (page) => zlib.zstdCompressSync(page),
  },
};

/** Pages like those in memory: short runs of few values. */
const pages = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 1, max: 300 })), {
    minLength: 1,
    maxLength: 60,
  })
  .map((runs) => {
    const page = new Uint8Array(pageSize);
    let at = 0;
    for (const [value, length] of runs) {
      page.fill(value, at, at + length);
      at += length;
    }
    return page;
  });

for (const [name, { codec, unpack, pack }] of Object.entries(peers)) {
  describe(`the ${name} page codec`, () => {
    it('writes what the peer reads, and reads what the peer writes', () => {
      fc.assert(
        fc.property(pages, (page) => {
          const into = new Uint8Array(pageSize - 1);
          const length = codec.compress(page, into);
          assert.ok(length > 0);
          assert.deepEqual(new Uint8Array(unpack(into.subarray(0, length))), page);
          const back = new Uint8Array(pageSize);
          assert.equal(codec.decompress(pack(page), back), pageSize);
          assert.deepEqual(back, page);
        }),
        { numRuns: 50 },
      );
    });

    it('writes into the middle of a larger buffer and touches nothing else', () => {
      const buffer = new Uint8Array(3 * pageSize).fill(0xaa);
      const page = buffer.subarray(pageSize, 2 * pageSize);
      assert.equal(codec.decompress(pack(new Uint8Array(pageSize).fill(7)), page), pageSize);
      assert.ok(buffer.subarray(0, pageSize).every((byte) => byte === 0xaa));
      assert.ok(page.every((byte) => byte === 7));
      assert.ok(buffer.subarray(2 * pageSize).every((byte) => byte === 0xaa));
    });

    it('answers 0 for a page that does not shrink', () => {
      const noise = new Uint8Array(pageSize);
      for (let i = 0, seed = 1; i < pageSize; i++) {
        seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
        noise[i] = seed >>> 16;
      }
      assert.equal(codec.compress(noise, new Uint8Array(pageSize - 1)), 0);
    });

    it('answers 0 for damaged data, and works on afterwards', () => {
      const page = new Uint8Array(pageSize).map((_, i) => i % 97);
      const data = new Uint8Array(pack(page));
      const back = new Uint8Array(pageSize);
      assert.equal(codec.decompress(data.subarray(0, data.length >> 1), back), 0);
      assert.equal(codec.decompress(new Uint8Array(100).fill(0xff), back), 0);
      assert.equal(codec.decompress(data, back), pageSize);
      assert.deepEqual(back, page);
    });
  });
}
