/**
 * Compresses many pages in one go, inside one block of memory that threads may share: the inner loop of makedumpfile. Not for browsers.
 */
import { addressOf, type RawCodec } from '../sys/node-codecs.ts';
import { type NativeCodecName, nativeCompressor } from './native.ts';
import type { CodecName } from './page-codec.ts';

/**
 * Compresses `count` pages at byte offset `input` of the memory to `output`, packed one after the other, and writes for each page a
 * u32 at `sizes`: 0 for a page of zeros that is to be shared (nothing is written), the page size for one stored as it is, else its
 * compressed size. Returns the number of bytes written.
 */
export type CompressBatch = (input: number, count: number, output: number, sizes: number) => number;

export interface BatchCompressorOptions {
  /** Pages are stored as they are when undefined. */
  readonly codec: CodecName | undefined;
  readonly pageSize: number;
  readonly zeros: 'share' | 'compress';
  readonly memory: WebAssembly.Memory;
}

/** The batch compressor of one thread. */
export function batchCompressor(options: BatchCompressorOptions): CompressBatch {
  const { codec, pageSize, zeros, memory } = options;
  const bytes = new Uint8Array(memory.buffer);
  const words = new Int32Array(memory.buffer);
  const compressor = codec === undefined ? storeAll : nativeCompressor(codec as NativeCodecName);
  const base = addressOf(bytes);
  const share = zeros === 'share';
  return (input, count, output, sizes) => {
    let at = output;
    for (let i = 0; i < count; i++) {
      const page = input + i * pageSize;
      if (share && isZeroPage(words, page, pageSize)) {
        words[sizes / 4 + i] = 0;
        continue;
      }
      // One byte less than a page: a result that is not smaller than the page is not wanted.
      let size = compressor.run(base + BigInt(page), pageSize, base + BigInt(at), pageSize - 1);
      if (size === 0) {
        bytes.copyWithin(at, page, page + pageSize);
        size = pageSize;
      }
      words[sizes / 4 + i] = size;
      at += size;
    }
    return at - output;
  };
}

const storeAll: RawCodec = { run: () => 0 };

function isZeroPage(words: Int32Array, page: number, pageSize: number): boolean {
  const end = (page + pageSize) / 4;
  for (let i = page / 4; i < end; i++) if (words[i] !== 0) return false;
  return true;
}
