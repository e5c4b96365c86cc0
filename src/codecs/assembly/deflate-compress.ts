/**
 * zlib streams (RFC 1950, 1951), compressing one page: one deflate block, with codes made for the page or with the fixed ones,
 * whichever is shorter. Any inflate reads it.
 *
 * Three passes: find repetitions and count symbols; make the codes, which tells the length of the result; write it. A page that would
 * not shrink is given up before the third. Matches are found as for lzo and snappy, and one that is short gives way to a longer one a
 * byte further: with that, kernel pages get a little smaller than zlib's level 1 makes them.
 *
 * A sequence is a match and the literals before it:
 *
 *   u16 literals, u16 length - 3, u16 distance - 1, u8 symbol of the distance, u8 symbol of the length less 257
 */
import { adler32 } from './adler32';
import {
  clear,
  count,
  countedEnd,
  distanceExtra,
  distanceSymbol,
  distanceSymbols,
  distancesAt,
  endOfBlock,
  lengthExtra,
  lengthSymbol,
  lengthSymbols,
  lengthsAt,
  literalSymbols,
  literalsAt,
  longestCode,
  longestLengthCode,
  saidAt,
  sequencesAt,
  workspaceAt,
} from './deflate-alphabets';
import { lengthCodesSaid, repeatBits, sayLengths } from './deflate-lengths';
import { fixedLength, writeFixed, writeOwnCodes } from './deflate-write';
import { makeCodes } from './huffman';
import { exchange, longMatchLength, resetTable, shiftFor, shortMatchLength, slotOf } from './matches';

const maxDistance: usize = 32768;
const maxLength: usize = 258;
/** A match as long as this is taken without a look at the next byte's. */
const longEnough: usize = 12;
/** Zlib's header and checksum. */
const containerBytes: u32 = 6;

function countLiterals(table: usize, from: usize, to: usize): void {
  for (; from < to; from++) count(table, <usize>load<u8>(from));
}

/** Writes one sequence and counts its match. Returns its extra bits. */
function addSequence(at: usize, scratch: usize, run: usize, distance: usize, length: usize): u32 {
  const lengthCode = lengthSymbol(<u32>length - 3);
  const distanceCode = distanceSymbol(<u32>distance - 1);
  count(scratch + literalsAt, <usize>lengthCode + 257);
  count(scratch + distancesAt, <usize>distanceCode);
  store<u32>(at, <u32>run | ((<u32>length - 3) << 16));
  store<u32>(at, (<u32>distance - 1) | (distanceCode << 16) | (lengthCode << 24), 4);
  return lengthExtra(lengthCode) + distanceExtra(distanceCode);
}

/** Bits that what was counted takes with the fixed codes, extra bits left out. */
function fixedBits(scratch: usize): u32 {
  let bits: u32 = 0;
  for (let i: usize = 0; i < literalSymbols; i++) {
    bits += load<u32>(scratch + literalsAt + (i << 2)) * fixedLength(i);
  }
  for (let i: usize = 0; i < distanceSymbols; i++) bits += load<u32>(scratch + distancesAt + (i << 2)) * 5;
  return bits;
}

/** Bits that say the codes, in the header (14) and behind it. */
function codesBits(scratch: usize, saidEnd: usize): u32 {
  let bits = makeCodes(scratch + lengthsAt, lengthSymbols, longestLengthCode, scratch + workspaceAt);
  for (let at = scratch + saidAt; at < saidEnd; at += 2) bits += repeatBits(<u32>load<u8>(at));
  return bits + 14 + 3 * <u32>lengthCodesSaid(scratch);
}

/**
 * Compresses `length` bytes (a multiple of 64, at most 65536) at `source`; returns the size, or 0 when that would not be below
 * `length`. `scratch` is `deflateScratch` bytes of this thread's own, in
 * which `makeFixedCodes` was.
 */
export function deflateCompress(source: usize, length: usize, output: usize, scratch: usize): usize {
  const end = source + length;
  const table = scratch;
  const shift = shiftFor(length);
  resetTable(table, shift, 0);
  clear(scratch + literalsAt, scratch + countedEnd);

  const sequences = scratch + sequencesAt;
  let sequence = sequences;
  let extraBits: u32 = 0;
  let anchor = source;
  let ip = source + 1;
  // shortMatchLength wants 12 bytes behind a position.
  const last = end - 12;
  while (ip <= last) {
    const word = load<u32>(ip);
    let from = source + exchange(slotOf(table, word, shift), ip - source);
    if (word !== load<u32>(from) || ip - from > maxDistance) {
      ip += 1 + ((ip - anchor) >> 6);
      continue;
    }
    let found = shortMatchLength(ip, from);
    if (found === 12) found = longMatchLength(ip, from, end);
    if (found < longEnough && ip < last) {
      const next = load<u32>(ip, 1);
      const nextFrom = source + exchange(slotOf(table, next, shift), ip + 1 - source);
      if (next === load<u32>(nextFrom) && ip + 1 - nextFrom <= maxDistance) {
        let longer = shortMatchLength(ip + 1, nextFrom);
        if (longer === 12) longer = longMatchLength(ip + 1, nextFrom, end);
        if (longer > found + 1) {
          ip++;
          from = nextFrom;
          found = longer;
        }
      }
    }
    countLiterals(scratch + literalsAt, anchor, ip);
    const distance = ip - from;
    let run = ip - anchor;
    ip += found;
    anchor = ip;
    while (found > 0) {
      // What is left must be long enough for a sequence of its own.
      const taken = found <= maxLength ? found : found < maxLength + 3 ? found - 3 : maxLength;
      extraBits += addSequence(sequence, scratch, run, distance, taken);
      sequence += 8;
      found -= taken;
      run = 0;
    }
    if (ip > last) break;
    exchange(slotOf(table, load<u32>(ip - 2), shift), ip - 2 - source);
    exchange(slotOf(table, load<u32>(ip - 1), shift), ip - 1 - source);
  }
  countLiterals(scratch + literalsAt, anchor, end);
  count(scratch + literalsAt, endOfBlock);

  const fixed = fixedBits(scratch);
  let own = makeCodes(scratch + literalsAt, literalSymbols, longestCode, scratch + workspaceAt);
  own += makeCodes(scratch + distancesAt, distanceSymbols, longestCode, scratch + workspaceAt);
  const saidEnd = sayLengths(scratch);
  own += codesBits(scratch, saidEnd);
  const bytes = (min(fixed, own) + extraBits + 3 + 7) / 8 + containerBytes;
  if (bytes >= <u32>length) return 0;

  const op =
    fixed <= own
      ? writeFixed(output, scratch, source, end, sequences, sequence)
      : writeOwnCodes(output, scratch, saidEnd, source, end, sequences, sequence);
  store<u32>(op, bswap(adler32(source, length)));
  return op + 4 - output;
}
