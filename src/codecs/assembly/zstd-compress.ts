/**
 * Zstandard (RFC 8878), compressing one page to a frame of one block: literals as they are, sequences by codes that are the same for every
 * page (../zstd-tables.ts), so that no page has to wait for codes of its own.
 *
 * Two passes: find repetitions, which are kept as sequences while the literals go to their place; then write the sequences, the last one
 * first, as their readers begin at the end. A sequence is a match and the literals before it:
 *
 *   u16 literals, u16 length - 3, u32 offset as the format says it: 1 to 3 for one of the last three, else 3 more than it is
 */
import { copyWide } from './copies';
import { sequencesAt } from './deflate-alphabets';
import { exchange, matchLength, resetTable, shiftFor, slotOf } from './matches';
import {
  accuracyAt,
  descriptionAt,
  descriptionLengthAt,
  knownCodesAt,
  literalRunsAt,
  matchLengthsAt,
  offsetsAt,
  toldCodesAt,
  valuesAt,
} from './zstd-scratch';

const magic: u32 = 0xfd2fb528;
/** One segment, whose size less 256 is in the two bytes that follow. */
const frameDescriptor: u8 = 0x60;
const frameHeader: usize = 7;
const blockHeader: usize = 3;
/** Bits of the block's header: it is the last one, and compressed. */
const lastCompressed: u32 = 0b101;
/** Whether the codes of the three alphabets are known, or told in the block. */
const codesKnown: u8 = 0;
const codesTold: u8 = 0b10101000;
/** Fewer sequences than these gain less by codes that suit them than it takes to tell the codes. */
const few: u32 = 80;

/** What is known of a number of literals. */
function ofRun(codes: usize, run: u32): u64 {
  const index = run < 64 ? run : 58 + 31 - clz(run);
  return load<u64>(codes + ((<usize>index) << 3), literalRunsAt + valuesAt);
}

/** Of a length - 3. */
function ofLength(codes: usize, excess: u32): u64 {
  const index = excess < 128 ? excess : 121 + 31 - clz(excess);
  return load<u64>(codes + ((<usize>index) << 3), matchLengthsAt + valuesAt);
}

/** Of an offset, as the format says it. */
function ofOffset(codes: usize, offset: u32): u64 {
  return load<u64>(codes + ((<usize>(31 - clz(offset))) << 3), offsetsAt + valuesAt);
}

function extraBits(known: u64): u32 {
  return <u32>(known >> 32) & 0xff;
}

/** How many bits `state` gives away before the value, which are its lowest. */
function bitsOut(state: u32, known: u64): u32 {
  return (state + <u32>known) >> 16;
}

/** Where the state that follows is, counted from the first of its alphabet, when `rest` is left of the one before. */
function nextStateAt(rest: u32, known: u64): usize {
  return (<usize>(rest + <u32>(<i64>known >> 40))) << 1;
}

/** The state to begin with, so that the value is the first one read from it; counted as `nextStateAt` counts. */
function firstStateAt(known: u64): usize {
  const bits = (<u32>known + 0x8000) >> 16;
  return nextStateAt(((bits << 16) - <u32>known) >> bits, known);
}

function copyDescription(op: usize, alphabet: usize): usize {
  copyWide(op, alphabet + descriptionAt, 32);
  return op + load<u32>(alphabet + descriptionLengthAt);
}

/**
 * Compresses `length` bytes (at most 65536) at `source`; returns the size, or 0 when that would not be below `length`. Up to `slackBytes`
 * beyond `length` may be written at `output` before that is known. `scratch` is `zstdScratch` bytes of this thread's own, with the tables.
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
  // matchLength wants 12 bytes behind a position, wide copies 16.
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
    if (load<u32>(ip, 1) === load<u32>(ip + 1 - first)) {
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
    let found = matchLength(ip, from, end);
    store<u32>(sequence, <u32>run | ((<u32>found - 3) << 16));
    store<u32>(sequence, <u32>said, 4);
    sequence += 8;
    ip += found;
    anchor = ip;
    if (ip > last) break;
    exchange(slotOf(scratch, load<u32>(ip - 2), shift), ip - 2 - source);
    while (ip <= last && load<u32>(ip) === load<u32>(ip - second)) {
      exchange(slotOf(scratch, load<u32>(ip), shift), ip - source);
      found = matchLength(ip, ip - second, end);
      const offset = second;
      second = first;
      first = offset;
      store<u32>(sequence, (<u32>found - 3) << 16);
      store<u32>(sequence, 1, 4);
      sequence += 8;
      ip += found;
      anchor = ip;
    }
  }
  const rest = end - anchor;
  if (sequence === sequences || op - output + rest + 8 >= length) return 0;
  if (rest > 0) {
    copyWide(op, anchor, rest);
    op += rest;
  }

  const literalBytes = <u32>(op - literals);
  if (length <= 4096) store<u16>(literalsHeader, <u16>((literalBytes << 4) | 0b0100));
  else {
    store<u16>(literalsHeader, <u16>((literalBytes << 4) | 0b1100));
    store<u8>(literalsHeader, <u8>(literalBytes >> 12), 2);
  }
  const count = <u32>((sequence - sequences) >> 3);
  if (count < 128) {
    store<u8>(op, <u8>count);
    op++;
  } else {
    // At most 16384, below what would take a third byte.
    store<u16>(op, <u16>((count >> 8) | 0x80 | (count << 8)));
    op += 2;
  }
  let codes = scratch + knownCodesAt;
  if (count < few) {
    store<u8>(op, codesKnown);
    op++;
  } else {
    codes = scratch + toldCodesAt;
    store<u8>(op, codesTold);
    op = copyDescription(op + 1, codes + literalRunsAt);
    op = copyDescription(op, codes + offsetsAt);
    op = copyDescription(op, codes + matchLengthsAt);
  }
  op = writeSequences(op, output + length, codes, sequences, sequence);
  if (op === 0 || op - output >= length) return 0;
  const header = lastCompressed | ((<u32>(op - literalsHeader)) << 3);
  store<u16>(output + frameHeader, <u16>header);
  store<u8>(output + frameHeader, <u8>(header >> 16), 2);
  return op - output;
}

/** Writes the sequences from the one before `at` down to `start`. Returns where they end; 0 when `limit` is reached before. */
function writeSequences(op: usize, limit: usize, codes: usize, start: usize, at: usize): usize {
  at -= 8;
  let sequence = load<u64>(at);
  let run = <u32>sequence & 0xffff;
  let length = <u32>sequence >> 16;
  let offset = <u32>(sequence >> 32);
  let runKnown = ofRun(codes, run);
  let lengthKnown = ofLength(codes, length);
  let offsetKnown = ofOffset(codes, offset);
  let runState: u32 = load<u16>(codes + firstStateAt(runKnown), literalRunsAt);
  let lengthState: u32 = load<u16>(codes + firstStateAt(lengthKnown), matchLengthsAt);
  let offsetState: u32 = load<u16>(codes + firstStateAt(offsetKnown), offsetsAt);
  let bits: u64 = 0;
  let held: u32 = 0;
  let out: u32;
  while (true) {
    // At most 16 bits left over, and three times 16.
    out = extraBits(runKnown);
    bits |= (<u64>(run & ((1 << out) - 1))) << held;
    held += out;
    out = extraBits(lengthKnown);
    bits |= (<u64>(length & ((1 << out) - 1))) << held;
    held += out;
    out = extraBits(offsetKnown);
    bits |= (<u64>(offset & ((1 << out) - 1))) << held;
    held += out;
    store<u64>(op, bits);
    op += <usize>(held >> 3);
    bits >>= <u64>(held & 0x38);
    held &= 7;
    if (at === start) break;
    if (op >= limit) return 0;

    at -= 8;
    sequence = load<u64>(at);
    run = <u32>sequence & 0xffff;
    length = <u32>sequence >> 16;
    offset = <u32>(sequence >> 32);
    offsetKnown = ofOffset(codes, offset);
    out = bitsOut(offsetState, offsetKnown);
    bits |= (<u64>(offsetState & ((1 << out) - 1))) << held;
    held += out;
    offsetState = load<u16>(codes + nextStateAt(offsetState >> out, offsetKnown), offsetsAt);
    lengthKnown = ofLength(codes, length);
    out = bitsOut(lengthState, lengthKnown);
    bits |= (<u64>(lengthState & ((1 << out) - 1))) << held;
    held += out;
    lengthState = load<u16>(codes + nextStateAt(lengthState >> out, lengthKnown), matchLengthsAt);
    runKnown = ofRun(codes, run);
    out = bitsOut(runState, runKnown);
    bits |= (<u64>(runState & ((1 << out) - 1))) << held;
    held += out;
    runState = load<u16>(codes + nextStateAt(runState >> out, runKnown), literalRunsAt);
    // At most 7 + 6 + 7 + 8 bits.
    if (held > 15) {
      store<u64>(op, bits);
      op += <usize>(held >> 3);
      bits >>= <u64>(held & 0x38);
      held &= 7;
    }
  }

  out = load<u32>(codes, matchLengthsAt + accuracyAt);
  bits |= (<u64>(lengthState & ((1 << out) - 1))) << held;
  held += out;
  out = load<u32>(codes, offsetsAt + accuracyAt);
  bits |= (<u64>(offsetState & ((1 << out) - 1))) << held;
  held += out;
  out = load<u32>(codes, literalRunsAt + accuracyAt);
  bits |= (<u64>(runState & ((1 << out) - 1))) << held;
  held += out;
  // The highest bit that is set ends it.
  store<u64>(op, bits | ((<u64>1) << held));
  return op + <usize>((held + 8) >> 3);
}
