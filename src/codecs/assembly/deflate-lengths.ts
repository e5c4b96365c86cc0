/**
 * The start of a deflate block with its own codes (RFC 1951, 3.2.7): the lengths of the codes of literals and distances, one after the
 * other, with repetitions, in a code of their own.
 */
import {
  count,
  distanceSymbols,
  distancesAt,
  lengthSymbols,
  lengthsAt,
  literalSymbols,
  literalsAt,
  saidAt,
} from './deflate-alphabets';

/** Symbols of the third alphabet: repeat the length before, a few zeros, many zeros. Below are the lengths themselves. */
const repeat: usize = 16;
const fewZeros: usize = 17;
const manyZeros: usize = 18;

/** Length of the code of a symbol. */
function codeLength(table: usize, symbol: usize): u32 {
  return load<u32>(table + (symbol << 2)) >> 16;
}

/** How many codes of a table are said: those up to the last that occurs. */
function codesSaid(table: usize, symbols: usize, least: usize): usize {
  while (symbols > least && codeLength(table, symbols - 1) === 0) symbols--;
  return symbols;
}
export function literalCodesSaid(scratch: usize): usize {
  return codesSaid(scratch + literalsAt, literalSymbols, 257);
}
export function distanceCodesSaid(scratch: usize): usize {
  return codesSaid(scratch + distancesAt, distanceSymbols, 1);
}

/** Where in the header the length of a code of the third alphabet stands: 16, 17, 18, 0, 8, 7, 9, 6, 10, …, 1, 15. */
function headerOrder(i: usize): usize {
  if (i < 3) return 16 + i;
  if (i === 3) return 0;
  const step = (i - 3) >> 1;
  return i & 1 ? 8 - step : 8 + step;
}

/** The length of the code that stands `i`th in the header. */
export function lengthInHeader(scratch: usize, i: usize): u32 {
  return codeLength(scratch + lengthsAt, headerOrder(i));
}
export function lengthCodesSaid(scratch: usize): usize {
  let said = lengthSymbols;
  while (said > 4 && lengthInHeader(scratch, said - 1) === 0) said--;
  return said;
}

/** How many bits behind a symbol say how often. */
export function repeatBits(symbol: u32): u32 {
  return symbol < <u32>repeat ? 0 : symbol === <u32>manyZeros ? 7 : symbol - 14;
}

function say(scratch: usize, at: usize, symbol: usize, times: usize): usize {
  count(scratch + lengthsAt, symbol);
  store<u16>(at, <u16>(symbol | (times << 8)));
  return at + 2;
}

/** `run` codes of one length. */
function sayRun(scratch: usize, at: usize, length: usize, run: usize): usize {
  if (length !== 0) {
    at = say(scratch, at, length, 0);
    run--;
    while (run >= 3) {
      const times = min(run, <usize>6);
      at = say(scratch, at, repeat, times - 3);
      run -= times;
    }
  } else {
    while (run >= 11) {
      const times = min(run, <usize>138);
      at = say(scratch, at, manyZeros, times - 11);
      run -= times;
    }
    if (run >= 3) return say(scratch, at, fewZeros, run - 3);
  }
  for (; run > 0; run--) at = say(scratch, at, length, 0);
  return at;
}

/** Writes all lengths as u16 to `saidAt`, symbol and repetitions << 8, and counts the symbols. Returns where they end. */
export function sayLengths(scratch: usize): usize {
  const literals = literalCodesSaid(scratch);
  const total = literals + distanceCodesSaid(scratch);
  let at = scratch + saidAt;
  let length: u32 = 0;
  let run: usize = 0;
  for (let i: usize = 0; i < total; i++) {
    const next =
      i < literals ? codeLength(scratch + literalsAt, i) : codeLength(scratch + distancesAt, i - literals);
    if (next !== length) {
      at = sayRun(scratch, at, <usize>length, run);
      length = next;
      run = 0;
    }
    run++;
  }
  return sayRun(scratch, at, <usize>length, run);
}
