/** The checksum at the end of a zlib stream (RFC 1950, 9): sums of the bytes, and of these sums, modulo 65521. */

const modulus: u32 = 65521;
/** Bytes after which the sums are reduced: 32 bits hold those of as many. */
const reduced: usize = 4096;

/** Sums over a multiple of 16 bytes, at most `reduced`. */
function addBlock(sums: u32, at: usize, length: usize): u32 {
  const weightsLow = i16x8(16, 15, 14, 13, 12, 11, 10, 9);
  const weightsHigh = i16x8(8, 7, 6, 5, 4, 3, 2, 1);
  let first = i32x4.splat(0);
  /** For each 16 bytes, the first sum before them: it counts 16 times. */
  let before = i32x4.splat(0);
  let second = i32x4.splat(0);
  for (const end = at + length; at < end; at += 16) {
    const bytes = v128.load(at);
    before = i32x4.add(before, first);
    first = i32x4.add(first, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(bytes)));
    second = i32x4.add(second, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(bytes), weightsLow));
    second = i32x4.add(second, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(bytes), weightsHigh));
  }
  second = i32x4.add(second, i32x4.shl(before, 4));
  const a = sums & 0xffff;
  const b = (sums >>> 16) + a * <u32>length + sumOf(second);
  return ((b % modulus) << 16) | ((a + sumOf(first)) % modulus);
}

function sumOf(lanes: v128): u32 {
  return (
    i32x4.extract_lane(lanes, 0) +
    i32x4.extract_lane(lanes, 1) +
    i32x4.extract_lane(lanes, 2) +
    i32x4.extract_lane(lanes, 3)
  );
}

/** Of `length` bytes, a multiple of 16. */
export function adler32(at: usize, length: usize): u32 {
  let sums: u32 = 1;
  while (length > reduced) {
    sums = addBlock(sums, at, reduced);
    at += reduced;
    length -= reduced;
  }
  return addBlock(sums, at, length);
}
