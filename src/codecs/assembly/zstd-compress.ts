/**
 * Zstandard (RFC 8878), compressing one page to a frame of one block: finds repetitions, which are kept as sequences (zstd-sequences.ts) while
 * the literals go to their place; then literals (zstd-literals.ts) and sequences are written, in codes of the page's own where these pay.
 */
import { copyWide } from './copies';
import { sequencesAt } from './deflate-alphabets';
import { exchange, longMatchLength, resetTable, shiftFor, shortMatchLength, slotOf } from './matches';
import { store24, writeLiterals } from './zstd-literals';
import { writeSequences } from './zstd-sequences';

const magic: u32 = 0xfd2fb528;
/** One segment, whose size less 256 is in the two bytes that follow. */
const frameDescriptor: u8 = 0x60;
const frameHeader: usize = 7;
const blockHeader: usize = 3;
/** Bits of the block's header: it is the last one, and compressed. */
const lastCompressed: u32 = 0b101;

/**
 * Compresses `length` bytes (at most 65536) at `source`; returns the size, or 0 when that would not be below `length`. Up to `slackBytes`
 * beyond `length` may be written at `output` before that is known. `scratch` is `zstdScratch` bytes of this thread's own,
 * in which `prepareScratch` was.
 */
export function zstdCompress(source: usize, length: usize, output: usize, scratch: usize): usize {
  // What is smaller has other headers.
  if (length < 256) return 0;
  store<u32>(output, magic);
  store<u8>(output, frameDescriptor, 4);
  store<u16>(output, <u16>(length - 256), 5);

  // The number of literals takes 12 bits, or 20 in a large page.
  const literalsHeader = output + frameHeader + blockHeader;
  const literals = literalsHeader + (length <= 4096 ? 2 : 3);
  const sequences = scratch + sequencesAt;
  const shift = shiftFor(length);
  resetTable(scratch, shift, 0);

  const end = source + length;
  // shortMatchLength wants 12 bytes behind a position, wide copies 16.
  const last = end - 16;
  let op = literals;
  let sequence = sequences;
  let anchor = source;
  let ip = source + 1;
  // The last three offsets.
  let first: usize = 1;
  let second: usize = 4;
  let third: usize = 8;
  while (ip <= last) {
    const word = load<u32>(ip);
    let from = source + exchange(slotOf(scratch, word, shift), ip - source);
    let said: usize = 1;
    if (ip === anchor && word === load<u32>(ip - second)) {
      from = ip - second;
      second = first;
      first = ip - from;
    } else if (load<u32>(ip, 1) === load<u32>(ip + 1 - first)) {
      ip++;
      from = ip - first;
    } else if (word === load<u32>(from)) {
      const offset = ip - from;
      said = offset + 3;
      if (offset === first && ip > anchor) said = 1;
      else {
        if (offset === second) said = ip > anchor ? 2 : 1;
        else {
          if (offset === third) said = ip > anchor ? 3 : 2;
          third = second;
        }
        second = first;
        first = offset;
      }
    } else {
      ip += 1 + ((ip - anchor) >> 6);
      continue;
    }
    const run = ip - anchor;
    if (run > 0) {
      copyWide(op, anchor, run);
      op += run;
    }
    let found = shortMatchLength(ip, from);
    if (found === 12) found = longMatchLength(ip, from, end);
    store<u32>(sequence, <u32>run | ((<u32>found - 3) << 16));
    store<u32>(sequence, <u32>said, 4);
    sequence += 8;
    ip += found;
    anchor = ip;
    if (ip > last) break;
    exchange(slotOf(scratch, load<u32>(ip - 2), shift), ip - 2 - source);
  }
  const rest = end - anchor;
  if (rest > 0) {
    copyWide(op, anchor, rest);
    op += rest;
  }

  // A sequence stands for four bytes at least, so that literals find twice their room behind the sequences.
  op = writeLiterals(literalsHeader, scratch, literals, op - literals, sequence);
  op = writeSequences(op, output + length, scratch, sequences, sequence);
  if (op === 0 || op - output >= length) return 0;
  store24(output + frameHeader, lastCompressed | ((<u32>(op - literalsHeader)) << 3));
  return op - output;
}
