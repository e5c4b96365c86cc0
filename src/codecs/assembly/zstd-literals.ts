/**
 * The literals of a zstd block (RFC 8878, 3.1.1.3.1): as they are, or in Huffman codes, where these and what tells them are shorter.
 *
 * Readers are told the weight of each symbol up to the last but one that occurs: by how much its code is shorter than one of a bit more than
 * the longest; 0 for a symbol that does not occur (4.2.1).
 */
import { copyWide } from './copies';
import { clear, count, literalsAt, saidAt, workspaceAt } from './deflate-alphabets';
import { bitsOut, describe, firstState, knownOf, makeStates, nextState, shareOut, symbolsUsed } from './fse';
import { countsAt as lengthCountsAt, makeLengths } from './huffman';
import {
  extrasAt,
  fseWorkspaceAt,
  toldCodesAt,
  weightCountsAt,
  weightSymbols,
  weightsAt,
} from './zstd-scratch';

const symbols: usize = 256;
/** Bits of the longest code: readers take 11, which gain nothing where there are few literals. */
const longestCode: usize = 10;
/** One page of kernel memory in five has as many literals, and these pages have seven eighths of what codes gain. */
const few: usize = 500;
/**
 * Two literals are the same in one case of 256 where all are as frequent, more often where some are: below one in 90 codes gain next to nothing.
 * This is twice that, as each pair is counted once.
 */
const alike: u64 = 180;
/** More literals are in four streams. */
const oneStream: usize = 1023;

/** First bits of a section: codes of its own, and how its sizes are told. */
const oneStream10Bits: u64 = 0b0010;
const fourStreams14Bits: u64 = 0b1010;
const fourStreams18Bits: u64 = 0b1110;

export function store24(at: usize, value: u32): void {
  store<u16>(at, <u16>value);
  store<u8>(at, <u8>(value >> 16), 2);
}

/** Counts the literals into the table. Returns how many pairs of them are the same. */
function countLiterals(table: usize, at: usize, end: usize): u64 {
  let pairs: u64 = 0;
  clear(table, table + 4 * symbols);
  for (; at < end; at++) {
    const slot = table + ((<usize>load<u8>(at)) << 2);
    const before = load<u32>(slot);
    store<u32>(slot, before + 1);
    pairs += before;
  }
  return pairs;
}

/**
 * Numbers the codes of the table, whose lengths are there (from bit 16 on): the longest first, by symbol where they are equal, as readers
 * expect it (4.2.1.3). Readers begin at the last bit, so that codes are written as they are.
 */
function numberCodes(table: usize, counts: usize): void {
  let code: u32 = 0;
  for (let length = longestCode; length > 0; length--) {
    const at = counts + (length << 2);
    const here = load<u32>(at);
    store<u32>(at, code);
    code = (code + here) >> 1;
  }
  for (let at = table, end = table + 4 * symbols; at < end; at += 4) {
    const word = load<u32>(at);
    if (word === 0) continue;
    const slot = counts + ((<usize>(word >> 16)) << 2);
    const next = load<u32>(slot);
    store<u32>(slot, next + 1);
    store<u32>(at, word | next);
  }
}

/** Writes the weights of all symbols below the last one, as bytes, and counts them. Returns how many they are. */
function listWeights(scratch: usize): usize {
  const table = scratch + literalsAt;
  const counts = scratch + workspaceAt + lengthCountsAt;
  let longest: u32 = <u32>longestCode;
  while (load<u32>(counts + ((<usize>longest) << 2)) === 0) longest--;
  const last = symbolsUsed(table, symbols) - 1;
  clear(scratch + weightCountsAt, scratch + weightCountsAt + 4 * weightSymbols);
  for (let i: usize = 0; i < last; i++) {
    const length = load<u32>(table + (i << 2)) >> 16;
    const weight = length === 0 ? 0 : longest + 1 - length;
    store<u8>(scratch + weightsAt + i, <u8>weight);
    count(scratch + weightCountsAt, <usize>weight);
  }
  return last;
}

/**
 * Tells `listed` weights: compressed, or, when that is not shorter, in four bits each. Returns where that ends; 0 when there is no way to tell
 * them. The first byte is the size of what is compressed, below 128, or from there on the number of weights.
 */
function tellWeights(op: usize, scratch: usize, listed: usize): usize {
  const weights = scratch + weightsAt;
  const end = compressWeights(op + 1, scratch, weights, listed);
  const size = end - op - 1;
  if (end !== 0 && size < min((listed + 1) >> 1, <usize>128)) {
    store<u8>(op, <u8>size);
    return end;
  }
  if (listed > 128) return 0;
  store<u8>(op, <u8>(127 + listed));
  op++;
  store<u8>(weights + listed, 0);
  for (let i: usize = 0; i < listed; i += 2, op++) {
    store<u8>(op, (load<u8>(weights + i) << 4) | load<u8>(weights + i, 1));
  }
  return op;
}

/** By finite state entropy (4.2.1.2), of two states in turn. Returns where it ends; 0 when all weights are the same. */
function compressWeights(op: usize, scratch: usize, weights: usize, listed: usize): usize {
  if (listed < 2) return 0;
  const counts = scratch + weightCountsAt;
  const used = symbolsUsed(counts, weightSymbols);
  if (load<u32>(counts + ((used - 1) << 2)) === <u32>listed) return 0;
  const work = scratch + fseWorkspaceAt;
  const codes = scratch + toldCodesAt;
  const accuracy: u32 = listed < 64 ? 5 : 6;
  shareOut(counts, used, <u32>listed, accuracy, work);
  makeStates(codes, used, accuracy, (<usize>1) << accuracy, scratch + extrasAt, work);
  op = describe(op, accuracy, work);

  let at = weights + listed - 1;
  let state = firstState(codes, knownOf(codes, <usize>load<u8>(at)));
  at--;
  let other = firstState(codes, knownOf(codes, <usize>load<u8>(at)));
  let bits: u64 = 0;
  let held: u32 = 0;
  while (at > weights) {
    at--;
    const known = knownOf(codes, <usize>load<u8>(at));
    const out = bitsOut(state, known);
    bits |= (<u64>(state & ((1 << out) - 1))) << held;
    held += out;
    const next = nextState(codes, state >> out, known);
    state = other;
    other = next;
    store<u64>(op, bits);
    op += <usize>(held >> 3);
    bits >>= <u64>(held & 0x38);
    held &= 7;
  }
  // The first weight is in `other`, which is read first: it goes last.
  const mask = (1 << accuracy) - 1;
  bits |= (<u64>(state & mask)) << held;
  held += accuracy;
  bits |= (<u64>(other & mask)) << held;
  held += accuracy;
  store<u64>(op, bits | ((<u64>1) << held));
  return op + <usize>((held + 8) >> 3);
}

/** The codes of the literals from `start` to before `at`, the last one first. Returns where they end. */
function writeStream(op: usize, table: usize, start: usize, at: usize): usize {
  let bits: u64 = 0;
  let held: u32 = 0;
  while (at >= start + 4) {
    at -= 4;
    const d = load<u32>(table + ((<usize>load<u8>(at, 3)) << 2));
    bits |= (<u64>(d & 0xffff)) << held;
    held += d >> 16;
    const c = load<u32>(table + ((<usize>load<u8>(at, 2)) << 2));
    bits |= (<u64>(c & 0xffff)) << held;
    held += c >> 16;
    const b = load<u32>(table + ((<usize>load<u8>(at, 1)) << 2));
    bits |= (<u64>(b & 0xffff)) << held;
    held += b >> 16;
    const a = load<u32>(table + ((<usize>load<u8>(at)) << 2));
    bits |= (<u64>(a & 0xffff)) << held;
    held += a >> 16;
    store<u64>(op, bits);
    op += <usize>(held >> 3);
    bits >>= <u64>(held & 0x38);
    held &= 7;
  }
  while (at > start) {
    at--;
    const code = load<u32>(table + ((<usize>load<u8>(at)) << 2));
    bits |= (<u64>(code & 0xffff)) << held;
    held += code >> 16;
  }
  store<u64>(op, bits | ((<u64>1) << held));
  return op + <usize>((held + 8) >> 3);
}

/** The same of all literals, in four streams that are read at once; the sizes of three are told before. */
function writeFourStreams(op: usize, table: usize, start: usize, length: usize): usize {
  const quarter = (length + 3) >> 2;
  const sizes = op;
  op += 6;
  for (let i: usize = 0; i < 3; i++, start += quarter) {
    const stream = op;
    op = writeStream(op, table, start, start + quarter);
    store<u16>(sizes + (i << 1), <u16>(op - stream));
  }
  return writeStream(op, table, start, start + length - 3 * quarter);
}

/** The section in Huffman codes, as `writeLiterals` has it; 0 when it would not be shorter than the literals. */
function writeCodes(section: usize, scratch: usize, literals: usize, length: usize, spare: usize): usize {
  const table = scratch + literalsAt;
  const pairs = countLiterals(table, literals, literals + length);
  if (pairs * alike < <u64>length * <u64>length) return 0;
  const work = scratch + workspaceAt;
  const bytes = <usize>(makeLengths(table, symbols, longestCode, work) >> 3);
  const told = scratch + saidAt;
  const toldEnd = tellWeights(told, scratch, listWeights(scratch));
  if (toldEnd === 0 || toldEnd - told + bytes + 8 >= length) return 0;
  numberCodes(table, work + lengthCountsAt);

  // Where they are is where their codes go.
  copyWide(spare, literals, length);
  const header: usize = length <= oneStream ? 3 : length < 16384 ? 4 : 5;
  const start = section + header;
  copyWide(start, told, toldEnd - told);
  let op = start + toldEnd - told;
  op =
    length <= oneStream
      ? writeStream(op, table, spare, spare + length)
      : writeFourStreams(op, table, spare, length);
  const size = <u64>(op - start);
  const says = (<u64>length) << 4;
  if (header === 3) store24(section, <u32>(oneStream10Bits | says | (size << 14)));
  else if (header === 4) store<u32>(section, <u32>(fourStreams14Bits | says | (size << 18)));
  else {
    store<u32>(section, <u32>(fourStreams18Bits | says | (size << 22)));
    store<u8>(section, <u8>(size >> 10), 4);
  }
  return op;
}

/**
 * Writes the section of `length` literals, which are at `literals`, two bytes behind `section` or three in a large page, and may be
 * overwritten. `spare` is room for as many and 16 more. Returns where the section ends.
 */
export function writeLiterals(
  section: usize,
  scratch: usize,
  literals: usize,
  length: usize,
  spare: usize,
): usize {
  if (length >= few) {
    const end = writeCodes(section, scratch, literals, length, spare);
    if (end !== 0) return end;
  }
  if (literals - section === 2) store<u16>(section, <u16>((length << 4) | 0b0100));
  else store24(section, <u32>((length << 4) | 0b1100));
  return literals + length;
}
