/** Every page codec: zlib and zstd by the C libraries inside the node binary, lzo and snappy in WebAssembly. Not for browsers. */
import {
  addressOf,
  deflater,
  inflater,
  type RawCodec,
  zstdCompressor,
  zstdDecompressor,
} from '../sys/node-codecs.ts';
import type { CodecName, PageCodec, PageCodecs } from './page-codec.ts';
import { wasmCodecs } from './wasm.ts';

/** What makedumpfile uses for both (compress_func calls in makedumpfile.c, 1.7.9). */
const level = 1;

export type NativeCodecName = Extract<CodecName, 'zlib' | 'zstd'>;

/** The compressor of one thread. */
export const nativeCompressor = (name: NativeCodecName): RawCodec =>
  name === 'zlib' ? deflater(level) : zstdCompressor(level);

function pageCodec(name: NativeCodecName): PageCodec {
  const compressor = nativeCompressor(name);
  const decompressor = name === 'zlib' ? inflater() : zstdDecompressor();
  const run = (codec: RawCodec, from: Uint8Array, into: Uint8Array): number =>
    codec.run(addressOf(from), from.length, addressOf(into), into.length);
  return {
    name,
    compress: (page, into) => run(compressor, page, into),
    decompress: (data, page) => run(decompressor, data, page),
  };
}

/** Codecs whose states are made on first use. */
export function nativeCodecs(): Required<PageCodecs> {
  let zlib: PageCodec | undefined;
  let zstd: PageCodec | undefined;
  return {
    ...wasmCodecs(),
    get zlib() {
      zlib ??= pageCodec('zlib');
      return zlib;
    },
    get zstd() {
      zstd ??= pageCodec('zstd');
      return zstd;
    },
  };
}
