/**
 * Finding repetitions: what all compressors share.
 *
 * A hash table of u16 positions in the page, one for each hash of four bytes, says where such bytes were last seen. A position
 * that turns out to hold other bytes costs one comparison, so the table needs no collision handling, only a valid position in every
 * slot: all of them point at the start of the page before the first byte is looked at.
 */

/** 2^14 slots of two bytes: the largest table, for 64 KiB pages. */
export const tableBytes: usize = 2 << 14;

/**
 * How far to shift a 32-bit hash down to the table's index. The table must be reset for every page, so a small page has a small
 * one: 4 KiB for a 4 KiB page costs 2% of the time and 0.5% of the size.
 */
export function shiftFor(length: usize): u32 {
  return length <= 4096 ? 32 - 11 : length <= 16384 ? 32 - 13 : 32 - 14;
}

/** Points every slot at `position`. */
export function resetTable(table: usize, shift: u32, position: usize): void {
  const end = table + ((<usize>2) << (32 - shift));
  const positions = i16x8.splat(<i16>position);
  do {
    v128.store(table, positions);
    v128.store(table, positions, 16);
    v128.store(table, positions, 32);
    v128.store(table, positions, 48);
    table += 64;
  } while (table < end);
}

/** The slot of four bytes. The factor is 2^32 divided by the golden ratio (Knuth's multiplicative hashing). */
export function slotOf(table: usize, word: u32, shift: u32): usize {
  return table + (((word * 0x9e3779b1) >>> shift) << 1);
}

/** Writes `position` to a slot and returns what was there. */
export function exchange(slot: usize, position: usize): usize {
  const old = <usize>load<u16>(slot);
  store<u16>(slot, <u16>position);
  return old;
}

/**
 * How many bytes from `at` on equal those from `from`, when the first 4 do, among the first 12; 12 are what `longMatchLength` is for. Two functions,
 * because a call for each repetition is dear where the processor is emulated, as it often is in a capture kernel: this one has none.
 */
export function shortMatchLength(at: usize, from: usize): usize {
  return 4 + (<usize>ctz(load<u64>(at, 4) ^ load<u64>(from, 4)) >> 3);
}

/** The same up to `end`, when the first 12 are known to be equal. */
export function longMatchLength(start: usize, from: usize, end: usize): usize {
  let at = start + 12;
  from += 12;
  while (end - at >= 8) {
    const difference = load<u64>(at) ^ load<u64>(from);
    if (difference !== 0) return at - start + (<usize>ctz(difference) >> 3);
    at += 8;
    from += 8;
  }
  while (at < end && load<u8>(at) === load<u8>(from)) {
    at++;
    from++;
  }
  return at - start;
}
