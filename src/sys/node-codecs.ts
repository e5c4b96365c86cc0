/**
 * zlib and zstd as C calls into the node binary itself, which links both and exports their symbols: nothing to ship.
 *
 * Every signature below was checked against zlib.h (1.3) and zstd.h (1.5). Rules that keep this safe:
 *   - buffers are off-heap (larger than 64 bytes) and referenced by the object that calls, so they neither move nor die;
 *   - lengths handed to C are the lengths of the very arrays handed to C;
 *   - a size_t result is declared i32: results here are below 2^31, and zstd's error codes come out negative.
 */
import { dlopen, getRawPointer } from 'node:ffi';
import { VmcoreError } from '../base/errors.ts';

const { functions: c } = dlopen(null, {
  // ZSTD_CCtx *ZSTD_createCCtx(void); size_t ZSTD_freeCCtx(ZSTD_CCtx *);
  ZSTD_createCCtx: { arguments: [], return: 'pointer' },
  ZSTD_freeCCtx: { arguments: ['pointer'], return: 'i32' },
  // size_t ZSTD_compressCCtx(ZSTD_CCtx *, void *dst, size_t capacity, const void *src, size_t size, int level);
  ZSTD_compressCCtx: { arguments: ['pointer', 'pointer', 'u64', 'pointer', 'u64', 'i32'], return: 'i32' },
  // ZSTD_DCtx *ZSTD_createDCtx(void); size_t ZSTD_freeDCtx(ZSTD_DCtx *);
  ZSTD_createDCtx: { arguments: [], return: 'pointer' },
  ZSTD_freeDCtx: { arguments: ['pointer'], return: 'i32' },
  // size_t ZSTD_decompressDCtx(ZSTD_DCtx *, void *dst, size_t capacity, const void *src, size_t size);
  ZSTD_decompressDCtx: { arguments: ['pointer', 'pointer', 'u64', 'pointer', 'u64'], return: 'i32' },
  // const char *zlibVersion(void);
  zlibVersion: { arguments: [], return: 'pointer' },
  // int deflateInit_(z_stream *, int level, const char *version, int stream_size); int deflateReset(z_stream *);
  deflateInit_: { arguments: ['pointer', 'i32', 'pointer', 'i32'], return: 'i32' },
  deflateReset: { arguments: ['pointer'], return: 'i32' },
  // int deflate(z_stream *, int flush);
  deflate: { arguments: ['pointer', 'i32'], return: 'i32' },
  // int inflateInit_(z_stream *, const char *version, int stream_size); int inflateReset(z_stream *);
  inflateInit_: { arguments: ['pointer', 'pointer', 'i32'], return: 'i32' },
  inflateReset: { arguments: ['pointer'], return: 'i32' },
  // int inflate(z_stream *, int flush);
  inflate: { arguments: ['pointer', 'i32'], return: 'i32' },
});

const noMemory = (what: string): VmcoreError =>
  new VmcoreError('E_IO', `no memory for ${what}`, { hint: 'free some memory or use fewer workers' });

/** The address of the first byte of `memory`, which may be shared between threads. The caller keeps `memory` alive. */
export const addressOf = (memory: Uint8Array): bigint => getRawPointer(memory);

/**
 * A compressor or decompressor between two stretches of memory, given by address and length in bytes. Answers the number of bytes
 * written, or 0 when the input is not valid or the result does not fit.
 */
export interface RawCodec {
  run(source: bigint, length: number, into: bigint, room: number): number;
}

/** zstd at `level`, its context reused. Lives as long as the process. */
export function zstdCompressor(level: number): RawCodec {
  const context = c.ZSTD_createCCtx();
  if (context === 0n) throw noMemory('a zstd context');
  return {
    run: (source, length, into, room) =>
      Math.max(0, c.ZSTD_compressCCtx(context, into, BigInt(room), source, BigInt(length), level)),
  };
}

export function zstdDecompressor(): RawCodec {
  const context = c.ZSTD_createDCtx();
  if (context === 0n) throw noMemory('a zstd context');
  return {
    run: (source, length, into, room) =>
      Math.max(0, c.ZSTD_decompressDCtx(context, into, BigInt(room), source, BigInt(length))),
  };
}

/** Byte offsets in z_stream on 64-bit Unix (zlib.h), and its size. */
const zStream = { nextIn: 0, availIn: 8, nextOut: 24, availOut: 32, size: 112 } as const;
const Z_OK = 0;
const Z_STREAM_END = 1;
const Z_FINISH = 4;

/** zlib's deflate at `level`, its state reset for each page instead of made anew. Lives as long as the process. */
export function deflater(level: number): RawCodec {
  const stream = new Uint8Array(zStream.size);
  if (c.deflateInit_(stream, level, c.zlibVersion(), zStream.size) !== Z_OK) throw noMemory('a zlib stream');
  return zlibCodec(stream, c.deflateReset, c.deflate);
}

export function inflater(): RawCodec {
  const stream = new Uint8Array(zStream.size);
  if (c.inflateInit_(stream, c.zlibVersion(), zStream.size) !== Z_OK) throw noMemory('a zlib stream');
  return zlibCodec(stream, c.inflateReset, c.inflate);
}

function zlibCodec(
  stream: Uint8Array,
  reset: (stream: Uint8Array) => number,
  work: (stream: Uint8Array, flush: number) => number,
): RawCodec {
  const view = new DataView(stream.buffer);
  return {
    run(source, length, into, room) {
      if (reset(stream) !== Z_OK) return 0;
      view.setBigUint64(zStream.nextIn, source, true);
      view.setUint32(zStream.availIn, length, true);
      view.setBigUint64(zStream.nextOut, into, true);
      view.setUint32(zStream.availOut, room, true);
      return work(stream, Z_FINISH) === Z_STREAM_END ? room - view.getUint32(zStream.availOut, true) : 0;
    },
  };
}
