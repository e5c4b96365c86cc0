/**
 * Snappy, compressing one page to a raw block (google/snappy, format_description.txt); see snappy-decompress.ts for its elements.
 * Searches as lzo-compress.ts does, which says why there is unrolled code.
 */
import { copyExact, copyWide } from './copies';
import { exchange, longMatchLength, resetTable, shiftFor, shortMatchLength, slotOf } from './matches';

/** Positions looked at by unrolled code. */
const near: usize = 16;

/** 1 to 16 literals. Wide. */
function storeSome(op: usize, from: usize, run: usize): usize {
  store<u8>(op, <u8>((run - 1) << 2));
  v128.store(op, v128.load(from), 1);
  return op + run + 1;
}

/** The tag of 1 or more literals. */
function storeRunLength(op: usize, run: usize): usize {
  const length = run - 1;
  if (length < 60) {
    store<u8>(op, <u8>(length << 2));
    return op + 1;
  }
  if (length < 256) {
    store<u8>(op, 60 << 2);
    store<u8>(op, <u8>length, 1);
    return op + 2;
  }
  store<u8>(op, 61 << 2);
  store<u16>(op, <u16>length, 1);
  return op + 3;
}

/** Any number of literals of which 16 bytes more may be read. */
function storeRun(op: usize, from: usize, run: usize): usize {
  op = storeRunLength(op, run);
  copyWide(op, from, run);
  return op + run;
}

function storeMatch(op: usize, distance: usize, length: usize): usize {
  if (length < 12 && distance < 2048) {
    store<u16>(op, <u16>(1 | ((length - 4) << 2) | ((distance >> 8) << 5) | (distance << 8)));
    return op + 2;
  }
  // One copy is 64 bytes at most. What is left for the last one is 4 or more, so that it may be a short one.
  while (length > 64) {
    const part: usize = length < 68 ? 60 : 64;
    store<u32>(op, 2 | ((<u32>(part - 1)) << 2) | ((<u32>distance) << 8));
    op += 3;
    length -= part;
  }
  if (length < 12 && distance < 2048) {
    store<u16>(op, <u16>(1 | ((length - 4) << 2) | ((distance >> 8) << 5) | (distance << 8)));
    return op + 2;
  }
  store<u32>(op, 2 | ((<u32>(length - 1)) << 2) | ((<u32>distance) << 8));
  return op + 3;
}

/** The number of bytes that the block stands for: 7 bits a byte, the lowest first. */
function storeLength(op: usize, length: usize): usize {
  while (length >= 0x80) {
    store<u8>(op, <u8>(length | 0x80));
    op++;
    length >>= 7;
  }
  store<u8>(op, <u8>length);
  return op + 1;
}

/**
 * Compresses `length` bytes (at most 65536) at `source`; returns the size, or 0 when that would not be below `length`. Up to
 * `slackBytes` beyond `length` may be written at `output` before that is known. `table` is `tableBytes` of this thread's own.
 */
export function snappyCompress(source: usize, length: usize, output: usize, table: usize): usize {
  const end = source + length;
  let op = storeLength(output, length);
  let anchor = source;
  if (length >= 32) {
    const shift = shiftFor(length);
    resetTable(table, shift, 0);
    // Every position that is looked at has 20 bytes behind it. The first byte cannot be a repetition.
    const limit = end - 20;
    const nearLimit = limit - near;
    let ip = source + 1;
    while (true) {
      let from: usize = 0;
      // Left by the first break, that is, found or not: there is no goto.
      while (true) {
        let word: u32;
        if (ip === anchor && ip < nearLimit) {
          const position = ip - source;
          word = load<u32>(ip);
          from = source + exchange(slotOf(table, word, shift), position);
          if (word === load<u32>(from)) break;
          word = load<u32>(ip, 1);
          from = source + exchange(slotOf(table, word, shift), position + 1);
          if (word === load<u32>(from)) {
            op = storeSome(op, ip, 1);
            ip += 1;
            break;
          }
          word = load<u32>(ip, 2);
          from = source + exchange(slotOf(table, word, shift), position + 2);
          if (word === load<u32>(from)) {
            op = storeSome(op, ip, 2);
            ip += 2;
            break;
          }
          word = load<u32>(ip, 3);
          from = source + exchange(slotOf(table, word, shift), position + 3);
          if (word === load<u32>(from)) {
            op = storeSome(op, ip, 3);
            ip += 3;
            break;
          }
          word = load<u32>(ip, 4);
          from = source + exchange(slotOf(table, word, shift), position + 4);
          if (word === load<u32>(from)) {
            op = storeSome(op, ip, 4);
            ip += 4;
            break;
          }
          word = load<u32>(ip, 5);
          from = source + exchange(slotOf(table, word, shift), position + 5);
          if (word === load<u32>(from)) {
            op = storeSome(op, ip, 5);
            ip += 5;
            break;
          }
          word = load<u32>(ip, 6);
          from = source + exchange(slotOf(table, word, shift), position + 6);
          if (word === load<u32>(from)) {
            op = storeSome(op, ip, 6);
            ip += 6;
            break;
          }
          word = load<u32>(ip, 7);
          from = source + exchange(slotOf(table, word, shift), position + 7);
          if (word === load<u32>(from)) {
            op = storeSome(op, ip, 7);
            ip += 7;
            break;
          }
          word = load<u32>(ip, 8);
          from = source + exchange(slotOf(table, word, shift), position + 8);
          if (word === load<u32>(from)) {
            op = storeSome(op, ip, 8);
            ip += 8;
            break;
          }
          word = load<u32>(ip, 9);
          from = source + exchange(slotOf(table, word, shift), position + 9);
          if (word === load<u32>(from)) {
            op = storeSome(op, ip, 9);
            ip += 9;
            break;
          }
          word = load<u32>(ip, 10);
          from = source + exchange(slotOf(table, word, shift), position + 10);
          if (word === load<u32>(from)) {
            op = storeSome(op, ip, 10);
            ip += 10;
            break;
          }
          word = load<u32>(ip, 11);
          from = source + exchange(slotOf(table, word, shift), position + 11);
          if (word === load<u32>(from)) {
            op = storeSome(op, ip, 11);
            ip += 11;
            break;
          }
          word = load<u32>(ip, 12);
          from = source + exchange(slotOf(table, word, shift), position + 12);
          if (word === load<u32>(from)) {
            op = storeSome(op, ip, 12);
            ip += 12;
            break;
          }
          word = load<u32>(ip, 13);
          from = source + exchange(slotOf(table, word, shift), position + 13);
          if (word === load<u32>(from)) {
            op = storeSome(op, ip, 13);
            ip += 13;
            break;
          }
          word = load<u32>(ip, 14);
          from = source + exchange(slotOf(table, word, shift), position + 14);
          if (word === load<u32>(from)) {
            op = storeSome(op, ip, 14);
            ip += 14;
            break;
          }
          word = load<u32>(ip, 15);
          from = source + exchange(slotOf(table, word, shift), position + 15);
          if (word === load<u32>(from)) {
            op = storeSome(op, ip, 15);
            ip += 15;
            break;
          }
          ip += near;
        }
        from = 0;
        while (ip < limit) {
          word = load<u32>(ip);
          const candidate = source + exchange(slotOf(table, word, shift), ip - source);
          if (word === load<u32>(candidate)) {
            from = candidate;
            break;
          }
          ip += 1 + ((ip - anchor) >> 5);
        }
        if (from !== 0 && ip > anchor) op = storeRun(op, anchor, ip - anchor);
        break;
      }

      if (from === 0) break;
      let found = shortMatchLength(ip, from);
      if (found === 12) found = longMatchLength(ip, from, end);
      op = storeMatch(op, ip - from, found);
      ip += found;
      anchor = ip;
      if (ip < limit) exchange(slotOf(table, load<u32>(ip - 2), shift), ip - 2 - source);
    }
  }

  const run = end - anchor;
  // At most three bytes say how many literals there are.
  if (op - output + run + 3 >= length) return 0;
  if (run > 0) {
    op = storeRunLength(op, run);
    copyExact(op, anchor, run);
    op += run;
  }
  return op - output;
}
