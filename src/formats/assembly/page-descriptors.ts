/** Page descriptors of a kdump-compressed file. The entry file of the module, for ../page-descriptors.ts, which says what comes in and goes out. */

function ordered32(value: u32, bigEndian: bool): u32 {
  return bigEndian ? bswap(value) : value;
}

function ordered64(value: u64, bigEndian: bool): u64 {
  return bigEndian ? bswap(value) : value;
}

/**
 * Writes a descriptor for each of the `count` sizes (u32): page_desc of makedumpfile's diskdump_mod.h (1.7.9), that is u64 offset, u32 size, u32
 * flags, u64 page flags. Returns how many pages are of zeros.
 */
export function describe(
  sizes: usize,
  count: usize,
  descriptors: usize,
  dataAt: u64,
  zeroPageAt: u64,
  pageSize: u32,
  codecFlag: u32,
  bigEndian: bool,
): u32 {
  let zeros: u32 = 0;
  for (const end = sizes + (count << 2); sizes < end; sizes += 4, descriptors += 24) {
    const size = load<u32>(sizes);
    const isZero = size === 0;
    const isStored = isZero || size === pageSize;
    store<u64>(descriptors, ordered64(isZero ? zeroPageAt : dataAt, bigEndian));
    store<u32>(descriptors, ordered32(isZero ? pageSize : size, bigEndian), 8);
    store<u32>(descriptors, ordered32(isStored ? 0 : codecFlag, bigEndian), 12);
    store<u64>(descriptors, 0, 16);
    dataAt += size;
    zeros += <u32>isZero;
  }
  return zeros;
}
