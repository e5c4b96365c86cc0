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

/** One zstd context pair, reused for every page. Lives as long as the process. */
export class ZstdContext {
  private readonly compressor = c.ZSTD_createCCtx();
  private readonly decompressor = c.ZSTD_createDCtx();

  constructor() {
    if (this.compressor === 0n || this.decompressor === 0n) throw noMemory('a zstd context');
  }

  /** Bytes written to `into`, or a negative error code. */
  compress(data: Uint8Array, into: Uint8Array, level: number): number {
    return c.ZSTD_compressCCtx(this.compressor, into, BigInt(into.length), data, BigInt(data.length), level);
  }

  /** Bytes written to `into`, or a negative error code. */
  decompress(data: Uint8Array, into: Uint8Array): number {
    return c.ZSTD_decompressDCtx(this.decompressor, into, BigInt(into.length), data, BigInt(data.length));
  }
}

/** Byte offsets in z_stream on 64-bit Unix (zlib.h), and its size. */
const zStream = { nextIn: 0, availIn: 8, nextOut: 24, availOut: 32, size: 112 } as const;
const Z_OK = 0;
const Z_STREAM_END = 1;
const Z_FINISH = 4;

/** A z_stream kept for many pages, with its own input and output staging so that its pointers never change. */
class ZlibStream {
  readonly stream = new Uint8Array(zStream.size);
  readonly input: Uint8Array;
  readonly output: Uint8Array;
  private readonly view: DataView;
  private readonly inputPointer: bigint;
  private readonly outputPointer: bigint;

  constructor(capacity: number) {
    this.input = new Uint8Array(capacity);
    this.output = new Uint8Array(capacity);
    this.view = new DataView(this.stream.buffer);
    this.inputPointer = getRawPointer(this.input);
    this.outputPointer = getRawPointer(this.output);
  }

  /** Points the stream at `data` (copied) and at room for `room` bytes. */
  prepare(data: Uint8Array, room: number): void {
    this.input.set(data);
    this.view.setBigUint64(zStream.nextIn, this.inputPointer, true);
    this.view.setUint32(zStream.availIn, data.length, true);
    this.view.setBigUint64(zStream.nextOut, this.outputPointer, true);
    this.view.setUint32(zStream.availOut, room, true);
  }

  get roomLeft(): number {
    return this.view.getUint32(zStream.availOut, true);
  }
}

/** zlib's deflate and inflate with their states reused, for buffers of at most `capacity` bytes. */
export class ZlibContext {
  private readonly deflater: ZlibStream;
  private readonly inflater: ZlibStream;
  private readonly capacity: number;

  constructor(capacity: number, level: number) {
    this.capacity = capacity;
    this.deflater = new ZlibStream(capacity);
    this.inflater = new ZlibStream(capacity);
    const version = c.zlibVersion();
    if (
      c.deflateInit_(this.deflater.stream, level, version, zStream.size) !== Z_OK ||
      c.inflateInit_(this.inflater.stream, version, zStream.size) !== Z_OK
    ) {
      throw noMemory('a zlib stream');
    }
  }

  /** Bytes written to `into`, or 0 when they do not fit. */
  compress(data: Uint8Array, into: Uint8Array): number {
    const { stream } = this.deflater;
    return this.run(this.deflater, data, into, () => c.deflateReset(stream), () => c.deflate(stream, Z_FINISH));
  }

  /** Bytes written to `into`, or 0 when the data is not a whole zlib stream of at most that size. */
  decompress(data: Uint8Array, into: Uint8Array): number {
    const { stream } = this.inflater;
    return this.run(this.inflater, data, into, () => c.inflateReset(stream), () => c.inflate(stream, Z_FINISH));
  }

  private run(
    zlib: ZlibStream,
    data: Uint8Array,
    into: Uint8Array,
    reset: () => number,
    work: () => number,
  ): number {
    if (data.length > this.capacity) return 0;
    const room = Math.min(into.length, this.capacity);
    zlib.prepare(data, room);
    if (reset() !== Z_OK || work() !== Z_STREAM_END) return 0;
    const length = room - zlib.roomLeft;
    into.set(zlib.output.subarray(0, length));
    return length;
  }
}
