/**
 * Snappy, decompressing a raw block (google/snappy, format_description.txt): the number of bytes as a varint, then elements, whose
 * kind is in the low two bits of their first byte, the tag:
 *
 *   LLLLLL 00               L + 1 literals follow; L of 60..63: the length, less one, is in the 1..4 bytes that follow
 *   DDDLLL 01  d            repeat 4 + L bytes from (D << 8) + d back
 *   LLLLLL 10  d d          repeat 1 + L bytes from d back (16 bits, little endian)
 *   LLLLLL 11  d d d d      the same, 32 bits
 */
import { copyExact, copyWide, repeatExact, repeatWide } from './copies';

/** Decompresses to at most `room` bytes. Returns their number, or 0 when the block is not valid; then any of `room` may be written. */
export function snappyDecompress(input: usize, length: usize, output: usize, room: usize): usize {
  let ip = input;
  const inputEnd = input + length;
  let total: usize = 0;
  // Three bytes hold up to 2^21: more than any page.
  for (let shift: usize = 0; ; shift += 7) {
    if (ip >= inputEnd || shift > 14) return 0;
    const byte = <usize>load<u8>(ip);
    ip++;
    total |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  if (total > room) return 0;

  let op = output;
  const outputEnd = output + total;
  while (ip < inputEnd) {
    const tag = <usize>load<u8>(ip);
    ip++;
    const kind = tag & 3;
    if (kind === 0) {
      let run = (tag >> 2) + 1;
      if (run <= 16 && inputEnd - ip >= 16 && outputEnd - op >= 16) {
        v128.store(op, v128.load(ip));
        op += run;
        ip += run;
        continue;
      }
      if (run > 60) {
        const bytes = run - 60;
        if (inputEnd - ip < bytes) return 0;
        run = 0;
        for (let i: usize = 0; i < bytes; i++) run |= (<usize>load<u8>(ip + i)) << (i << 3);
        ip += bytes;
        // Not run > left: 2^32 literals are 0 by now.
        if (run >= outputEnd - op) return 0;
        run++;
      }
      const left = outputEnd - op;
      if (run > left || run > inputEnd - ip) return 0;
      if (left - run >= 16 && inputEnd - ip - run >= 16) copyWide(op, ip, run);
      else copyExact(op, ip, run);
      op += run;
      ip += run;
      continue;
    }

    let distance: usize = 0;
    let count: usize = 0;
    if (kind === 1) {
      if (ip >= inputEnd) return 0;
      distance = ((tag >> 5) << 8) | <usize>load<u8>(ip);
      count = 4 + ((tag >> 2) & 7);
      ip++;
    } else {
      count = 1 + (tag >> 2);
      if (kind === 2) {
        if (inputEnd - ip < 2) return 0;
        distance = <usize>load<u16>(ip);
        ip += 2;
      } else {
        if (inputEnd - ip < 4) return 0;
        distance = <usize>load<u32>(ip);
        ip += 4;
      }
    }
    const left = outputEnd - op;
    if (distance === 0 || distance > op - output || count > left) return 0;
    if (left - count >= 16) repeatWide(op, distance, count);
    else repeatExact(op, distance, count);
    op += count;
  }
  return op === outputEnd ? total : 0;
}
