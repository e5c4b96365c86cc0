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
  smallLengthsAt,
  smallRunsAt,
  symbolsAt,
  toldCodesAt,
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

/** Symbol of a run of literals, and above it its extra bits. */
function runSymbol(scratch: usize, run: u32): u32 {
  if (run < 64) return load<u16>(scratch + smallRunsAt + ((<usize>run) << 1));
  const power = 31 - clz(run);
  return (power + 19) | (power << 8);
}

/** The same for a length - 3. */
function lengthSymbol(scratch: usize, excess: u32): u32 {
  if (excess < 128) return load<u16>(scratch + smallLengthsAt + ((<usize>excess) << 1));
  const power = 31 - clz(excess);
  return (power + 36) | (power << 8);
}

function accuracyOf(alphabet: usize): u32 {
  return load<u32>(alphabet + accuracyAt);
}

/** The state to begin with so that `symbol` is the first one read from it. */
function firstState(alphabet: usize, symbol: u32): u32 {
  const at = alphabet + symbolsAt + ((<usize>symbol) << 3);
  const deltaBits = load<u32>(at);
  const bits = (deltaBits + 0x8000) >> 16;
  const index = (((bits << 16) - deltaBits) >> bits) + load<u32>(at, 4);
  return load<u16>(alphabet + ((<usize>index) << 1));
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
      while (ip > anchor && from > source && load<u8>(ip - 1) === load<u8>(from - 1)) {
        ip--;
        from--;
      }
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
  op = writeSequences(op, output + length, scratch, codes, sequences, sequence);
  if (op === 0 || op - output >= length) return 0;
  const header = lastCompressed | ((<u32>(op - literalsHeader)) << 3);
  store<u16>(output + frameHeader, <u16>header);
  store<u8>(output + frameHeader, <u8>(header >> 16), 2);
  return op - output;
}

/** Writes the sequences from the one before `at` down to `start`. Returns where they end; 0 when `limit` is reached before. */
function writeSequences(
  op: usize,
  limit: usize,
  scratch: usize,
  codes: usize,
  start: usize,
  at: usize,
): usize {
  const runs = codes + literalRunsAt;
  const lengths = codes + matchLengthsAt;
  const offsets = codes + offsetsAt;
  at -= 8;
  let run: u32 = load<u16>(at);
  let length: u32 = load<u16>(at, 2);
  let offset: u32 = load<u32>(at, 4);
  let runCode = runSymbol(scratch, run);
  let lengthCode = lengthSymbol(scratch, length);
  let offsetBits = 31 - clz(offset);
  let runState = firstState(runs, runCode & 0xff);
  let lengthState = firstState(lengths, lengthCode & 0xff);
  let offsetState = firstState(offsets, offsetBits);
  let bits: u64 = 0;
  let held: u32 = 0;
  while (true) {
    // At most 7 bits left over, and three times 16.
    bits |= (<u64>(run & ((1 << (runCode >> 8)) - 1))) << held;
    held += runCode >> 8;
    bits |= (<u64>(length & ((1 << (lengthCode >> 8)) - 1))) << held;
    held += lengthCode >> 8;
    bits |= (<u64>(offset & ((1 << offsetBits) - 1))) << held;
    held += offsetBits;
    store<u64>(op, bits);
    op += <usize>(held >> 3);
    bits >>= <u64>(held & 0x38);
    held &= 7;
    if (at === start) break;
    if (op >= limit) return 0;

    at -= 8;
    run = load<u16>(at);
    length = load<u16>(at, 2);
    offset = load<u32>(at, 4);
    runCode = runSymbol(scratch, run);
    lengthCode = lengthSymbol(scratch, length);
    offsetBits = 31 - clz(offset);
    const offsetSymbol = offsets + symbolsAt + ((<usize>offsetBits) << 3);
    const offsetOut = (offsetState + load<u32>(offsetSymbol)) >> 16;
    bits |= (<u64>(offsetState & ((1 << offsetOut) - 1))) << held;
    held += offsetOut;
    offsetState = load<u16>(
      offsets + ((<usize>((offsetState >> offsetOut) + load<u32>(offsetSymbol, 4))) << 1),
    );
    const lengthSymbolAt = lengths + symbolsAt + ((<usize>(lengthCode & 0xff)) << 3);
    const lengthOut = (lengthState + load<u32>(lengthSymbolAt)) >> 16;
    bits |= (<u64>(lengthState & ((1 << lengthOut) - 1))) << held;
    held += lengthOut;
    lengthState = load<u16>(
      lengths + ((<usize>((lengthState >> lengthOut) + load<u32>(lengthSymbolAt, 4))) << 1),
    );
    const runSymbolAt = runs + symbolsAt + ((<usize>(runCode & 0xff)) << 3);
    const runOut = (runState + load<u32>(runSymbolAt)) >> 16;
    bits |= (<u64>(runState & ((1 << runOut) - 1))) << held;
    held += runOut;
    runState = load<u16>(runs + ((<usize>((runState >> runOut) + load<u32>(runSymbolAt, 4))) << 1));
    // At most 7 + 3 * 8, to which three times 16 may come.
    if (held > 16) {
      store<u64>(op, bits);
      op += <usize>(held >> 3);
      bits >>= <u64>(held & 0x38);
      held &= 7;
    }
  }

  bits |= (<u64>(lengthState & ((1 << accuracyOf(lengths)) - 1))) << held;
  held += accuracyOf(lengths);
  bits |= (<u64>(offsetState & ((1 << accuracyOf(offsets)) - 1))) << held;
  held += accuracyOf(offsets);
  bits |= (<u64>(runState & ((1 << accuracyOf(runs)) - 1))) << held;
  held += accuracyOf(runs);
  // The highest bit that is set ends it.
  store<u64>(op, bits | ((<u64>1) << held));
  return op + <usize>((held + 8) >> 3);
}
