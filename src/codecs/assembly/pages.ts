/** Batches: whole pages, one call for many of them. The entry file of the module: what is exported here is what JavaScript can call. */
import { copyWide } from './copies';
import { deflateCompress } from './deflate-compress';
import { makeFixedCodes } from './deflate-write';
import { lzoCompress } from './lzo-compress';
import { lzoDecompress } from './lzo-decompress';
import { snappyCompress } from './snappy-compress';
import { snappyDecompress } from './snappy-decompress';
import { zstdCompress } from './zstd-compress';
import { makeKnownCodes } from './zstd-sequences';

export { lzoDecompress, snappyDecompress };

/** To be called once, before all else, when the constants of zstd are in the scratch. */
export function prepareScratch(scratch: usize): void {
  makeFixedCodes(scratch);
  makeKnownCodes(scratch);
}

/** `length` is a multiple of 64 and not 0. Most pages that are not zero are so in their first bytes. */
function isZero(at: usize, length: usize): bool {
  const end = at + length;
  do {
    const first = load<u64>(at) | load<u64>(at, 8) | load<u64>(at, 16) | load<u64>(at, 24);
    const second = load<u64>(at, 32) | load<u64>(at, 40) | load<u64>(at, 48) | load<u64>(at, 56);
    if ((first | second) !== 0) return false;
    at += 64;
  } while (at < end);
  return true;
}

/** Writes 1 or 0 to `flags`, a byte a page; returns how many pages are zero. */
export function findZeroPages(input: usize, count: usize, pageSize: usize, flags: usize): usize {
  let zeros: usize = 0;
  for (let i: usize = 0; i < count; i++) {
    const zero = isZero(input + i * pageSize, pageSize);
    store<u8>(flags + i, <u8>zero);
    zeros += <usize>zero;
  }
  return zeros;
}

/** The numbers by which JavaScript names the codecs (../wasm.ts). */
const lzo: u32 = 0;
const snappy: u32 = 1;
const zlib: u32 = 2;

function compressPage(codec: u32, input: usize, pageSize: usize, output: usize, scratch: usize): usize {
  if (codec === lzo) return lzoCompress(input, pageSize, output, scratch);
  if (codec === snappy) return snappyCompress(input, pageSize, output, scratch);
  if (codec === zlib) return deflateCompress(input, pageSize, output, scratch);
  return zstdCompress(input, pageSize, output, scratch);
}

/** WasmPages.compressPages of ../wasm.ts. */
export function compressPages(
  codec: u32,
  input: usize,
  count: usize,
  pageSize: usize,
  output: usize,
  sizes: usize,
  skipZeros: bool,
  scratch: usize,
): usize {
  const start = output;
  for (const end = input + count * pageSize; input < end; input += pageSize, sizes += 4) {
    let size: usize = 0;
    if (!skipZeros || !isZero(input, pageSize)) {
      size = compressPage(codec, input, pageSize, output, scratch);
      if (size === 0) {
        copyWide(output, input, pageSize);
        size = pageSize;
      }
    }
    store<u32>(sizes, <u32>size);
    output += size;
  }
  return output - start;
}
