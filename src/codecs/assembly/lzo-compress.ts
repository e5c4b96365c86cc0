/**
 * LZO1X, compressing one page. The stream is described in Linux's Documentation/staging/lzo.rst (6.1), whose terms are used here;
 * see lzo-decompress.ts for the instructions. What is written is any decoder's bitstream version 0.
 *
 * Greedy: the first repetition found is taken. The 16 positions behind a repetition, where the next one mostly begins (two thirds
 * within two bytes in kernel memory), are looked at by unrolled code, in which every position has its own branch and its own
 * constants: that alone is 30% faster than the loop which looks further, in ever longer steps.
 */
import { copyExact, copyWide } from './copies';
import { exchange, longMatchLength, resetTable, shiftFor, shortMatchLength, slotOf } from './matches';

/** Positions looked at by unrolled code. */
const near: usize = 16;
/** The last instruction of every stream: a distance of 16384, which means its end. */
const endOfStream: u32 = 0x11;
/** How far back an instruction can reach. */
const maxDistance: usize = 0xbfff;

/** What a length's first field could not hold: 255 for every zero byte, then the rest. */
function storeExcess(op: usize, excess: usize): usize {
  while (excess > 255) {
    store<u8>(op, 0);
    op++;
    excess -= 255;
  }
  store<u8>(op, <u8>excess);
  return op + 1;
}

/** 1 to 3 literals: their number goes into the last instruction, whose last two bytes end at `op`. */
function storeFew(op: usize, from: usize, run: usize): usize {
  store<u8>(op - 2, load<u8>(op - 2) | <u8>run);
  store<u32>(op, load<u32>(from));
  return op + run;
}

/** 4 to 16 literals. Wide. */
function storeSome(op: usize, from: usize, run: usize): usize {
  store<u8>(op, <u8>(run - 3));
  v128.store(op, v128.load(from), 1);
  return op + run + 1;
}

/** The instruction for 4 or more literals. */
function storeRunLength(op: usize, run: usize): usize {
  if (run > 18) {
    store<u8>(op, 0);
    return storeExcess(op + 1, run - 18);
  }
  store<u8>(op, <u8>(run - 3));
  return op + 1;
}

/** Literals of which 20 bytes more may be read. */
function storeRun(op: usize, from: usize, run: usize): usize {
  if (run < 4) return storeFew(op, from, run);
  op = storeRunLength(op, run);
  copyWide(op, from, run);
  return op + run;
}

function storeMatch(op: usize, distance: usize, length: usize): usize {
  if (length <= 8 && distance <= 2048) {
    distance--;
    store<u16>(op, <u16>(((length - 1) << 5) | ((distance & 7) << 2) | ((distance >> 3) << 8)));
    return op + 2;
  }
  if (distance <= 16384) {
    distance--;
    if (length <= 33) {
      store<u8>(op, <u8>(0x20 | (length - 2)));
      op++;
    } else {
      store<u8>(op, 0x20);
      op = storeExcess(op + 1, length - 33);
    }
  } else {
    distance -= 16384;
    const far = <u8>(0x10 | ((distance >> 11) & 8));
    if (length <= 9) {
      store<u8>(op, far | <u8>(length - 2));
      op++;
    } else {
      store<u8>(op, far);
      op = storeExcess(op + 1, length - 9);
    }
  }
  store<u16>(op, <u16>(distance << 2));
  return op + 2;
}

/**
 * Compresses `length` bytes (at most 65536) at `source`; returns the size, or 0 when that would not be below `length`. Up to
 * `slackBytes` beyond `length` may be written at `output` before that is known. `table` is `tableBytes` of this thread's own.
 */
export function lzoCompress(source: usize, length: usize, output: usize, table: usize): usize {
  const end = source + length;
  let op = output;
  let anchor = source;
  if (length >= 32) {
    const shift = shiftFor(length);
    resetTable(table, shift, 0);
    // Every position that is looked at has 20 bytes behind it.
    const last = end - 20;
    let limit = length > maxDistance ? source + maxDistance : last;
    // The first instruction must be one for 4 literals or more: fewer are stored in the instruction before.
    let ip = source + 4;
    while (true) {
      let from: usize = 0;
      // Left by the first break, that is, found or not: there is no goto.
      while (true) {
        let word: u32;
        if (ip === anchor && ip < limit - near) {
          const position = ip - source;
          word = load<u32>(ip);
          from = source + exchange(slotOf(table, word, shift), position);
          if (word === load<u32>(from)) break;
          word = load<u32>(ip, 1);
          from = source + exchange(slotOf(table, word, shift), position + 1);
          if (word === load<u32>(from)) {
            op = storeFew(op, ip, 1);
            ip += 1;
            break;
          }
          word = load<u32>(ip, 2);
          from = source + exchange(slotOf(table, word, shift), position + 2);
          if (word === load<u32>(from)) {
            op = storeFew(op, ip, 2);
            ip += 2;
            break;
          }
          word = load<u32>(ip, 3);
          from = source + exchange(slotOf(table, word, shift), position + 3);
          if (word === load<u32>(from)) {
            op = storeFew(op, ip, 3);
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

      if (from === 0) {
        if (limit === last || ip >= last) break;
        // In a page longer than an instruction reaches back, the last part forgets the first.
        limit = last;
        resetTable(table, shift, ip - 1 - source);
        continue;
      }
      let found = shortMatchLength(ip, from);
      if (found === 12) found = longMatchLength(ip, from, end);
      op = storeMatch(op, ip - from, found);
      ip += found;
      anchor = ip;
      if (ip < last) exchange(slotOf(table, load<u32>(ip - 2), shift), ip - 2 - source);
    }
  }

  const run = end - anchor;
  // At most two bytes and one for each 255 literals say how many there are; three end the stream.
  if (op - output + run + run / 255 + 5 >= length) return 0;
  if (run > 0) {
    if (run < 4) store<u8>(op - 2, load<u8>(op - 2) | <u8>run);
    else op = storeRunLength(op, run);
    copyExact(op, anchor, run);
    op += run;
  }
  store<u32>(op, endOfStream);
  return op + 3 - output;
}
