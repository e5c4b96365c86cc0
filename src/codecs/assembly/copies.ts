/**
 * Copying bytes. "Wide" copies move 16 bytes at a time and write up to 15 bytes more than asked for, which whoever calls them has
 * made room for; "exact" ones touch nothing else.
 */

export function copyExact(to: usize, from: usize, length: usize): void {
  while (length >= 16) {
    v128.store(to, v128.load(from));
    to += 16;
    from += 16;
    length -= 16;
  }
  while (length > 0) {
    store<u8>(to, load<u8>(from));
    to++;
    from++;
    length--;
  }
}

/** Reads as far beyond the end as it writes. `length` is not 0. */
export function copyWide(to: usize, from: usize, length: usize): void {
  const end = to + length;
  do {
    v128.store(to, v128.load(from));
    to += 16;
    from += 16;
  } while (to < end);
}

/**
 * Repeats the bytes that begin `distance` before `to`: with a length above the distance, what was copied is copied again.
 * Wide.
 */
export function repeatWide(to: usize, distance: usize, length: usize): void {
  const end = to + length;
  if (distance < 8) {
    if (distance === 1) {
      const bytes = i8x16.splat(load<i8>(to - 1));
      do {
        v128.store(to, bytes);
        to += 16;
      } while (to < end);
      return;
    }
    // The first 8 bytes one by one; then there are two or more whole periods, together no shorter than 8 bytes, to copy from.
    let from = to - distance;
    for (const eight = to + 8; to < eight; to++, from++) store<u8>(to, load<u8>(from));
    distance *= 8 / distance + <usize>(8 % distance !== 0);
  }
  let from = to - distance;
  if (distance < 16) {
    while (to < end) {
      store<u64>(to, load<u64>(from));
      to += 8;
      from += 8;
    }
    return;
  }
  do {
    v128.store(to, v128.load(from));
    to += 16;
    from += 16;
  } while (to < end);
}

export function repeatExact(to: usize, distance: usize, length: usize): void {
  let from = to - distance;
  for (const end = to + length; to < end; to++, from++) store<u8>(to, load<u8>(from));
}
