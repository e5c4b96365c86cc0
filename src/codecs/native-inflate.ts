/** Whole buffers unpacked by the zlib and zstd of the node binary: compressed ELF sections. Not for browsers. */
import zlib from 'node:zlib';

/** Exactly `size` bytes; throws node:zlib's errors when the data is damaged or gives more. */
export function unpackWhole(codec: 'zlib' | 'zstd', data: Uint8Array, size: number): Uint8Array {
  // At least 1: zlib takes no limit of 0.
  const options = { maxOutputLength: Math.max(1, size) };
  const whole = codec === 'zlib' ? zlib.inflateSync(data, options) : zlib.zstdDecompressSync(data, options);
  return new Uint8Array(whole.buffer, whole.byteOffset, whole.length);
}
