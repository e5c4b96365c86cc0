/**
 * Compresses many pages in one go, inside one block of memory that threads may share: the inner loop of makedumpfile. Not for browsers.
 */
import { addressOf, type RawCodec } from '../sys/node-codecs.ts';
import { nativeCompressor } from './native.ts';
import type { CodecName } from './page-codec.ts';
import { type WasmPages, wasmPages } from './wasm.ts';

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
  /** Offset of `scratchBytes` (wasm.ts) bytes of this thread's own. */
  readonly scratch: number;
}

/** The batch compressor of one thread. */
export function batchCompressor(options: BatchCompressorOptions): CompressBatch {
  const { codec, pageSize, zeros, memory, scratch } = options;
  const wasm = wasmWhereItRuns(memory, scratch);
  if (codec === 'lzo' || codec === 'snappy' || (codec !== undefined && wasm !== undefined)) {
    const pages = wasm ?? wasmPages(memory, scratch);
    const skipZeros = zeros === 'share' ? 1 : 0;
    return (input, count, output, sizes) =>
      pages.compressPages(codec, input, count, pageSize, output, sizes, skipZeros);
  }
  const bytes = new Uint8Array(memory.buffer);
  const words = new Uint32Array(memory.buffer);
  const compressor = codec === undefined ? storeAll : nativeCompressor(codec);
  const base = addressOf(bytes);
  const findZeroPages = wasm?.findZeroPages ?? zeroPageFinder(bytes, words);
  return (input, count, output, sizes) => {
    if (zeros === 'share') findZeroPages(input, count, pageSize, scratch);
    let at = output;
    for (let i = 0; i < count; i++) {
      if (zeros === 'share' && bytes[scratch + i] === 1) {
        words[sizes / 4 + i] = 0;
        continue;
      }
      const page = input + i * pageSize;
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

/** The modules need a processor with vector instructions (SSE 4.1; NEON). A capture by zstd or zlib works without. */
function wasmWhereItRuns(memory: WebAssembly.Memory, scratch: number): WasmPages | undefined {
  try {
    return wasmPages(memory, scratch);
  } catch {
    return undefined;
  }
}

function zeroPageFinder(bytes: Uint8Array, words: Uint32Array): WasmPages['findZeroPages'] {
  return (input, count, pageSize, flags) => {
    let zeros = 0;
    for (let i = 0; i < count; i++) {
      let at = (input + i * pageSize) / 4;
      const end = at + pageSize / 4;
      while (at < end && words[at] === 0) at++;
      bytes[flags + i] = at === end ? 1 : 0;
      zeros += bytes[flags + i]!;
    }
    return zeros;
  };
}

const storeAll: RawCodec = { run: () => 0 };
