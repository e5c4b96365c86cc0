/**
 * What deflate says pages with (RFC 1951, 3.2.5 and 3.2.7): literals and lengths share an alphabet, distances have one, and the code
 * lengths of these two are said with a third. Symbols of lengths and distances stand for several; extra bits say which one.
 *
 * Scratch of the compressor: the hash table of matches.ts, then a table of codes for each alphabet (see huffman.ts), the fixed codes,
 * code lengths on their way out (u16 each), a workspace, and the page as sequences (deflate-compress.ts).
 */
import { codesWorkspace } from './huffman';
import { tableBytes } from './matches';

export const literalSymbols: usize = 286;
export const distanceSymbols: usize = 30;
export const lengthSymbols: usize = 19;
export const endOfBlock: usize = 256;

/** Bits of the longest code: four literals and 7 bits left over fit into 64. Of the third alphabet: what its header can say. */
export const longestCode: usize = 14;
export const longestLengthCode: usize = 7;

/** Literals that the table of fixed codes has: two more than are used (RFC 1951, 3.2.6). */
export const fixedSymbols: usize = 288;
const literalBytes: usize = 4 * fixedSymbols;
const otherBytes: usize = 4 * 32;

/** Offsets in the scratch. */
export const literalsAt: usize = tableBytes;
export const distancesAt: usize = literalsAt + literalBytes;
export const lengthsAt: usize = distancesAt + otherBytes;
export const countedEnd: usize = lengthsAt + otherBytes;
export const fixedLiteralsAt: usize = countedEnd;
export const fixedDistancesAt: usize = fixedLiteralsAt + literalBytes;
export const saidAt: usize = fixedDistancesAt + otherBytes;
export const workspaceAt: usize = saidAt + 2 * 320;
export const sequencesAt: usize = workspaceAt + codesWorkspace;
/** A sequence takes 8 bytes and stands for at least 4 of a page of at most 65536, or for 3 beside one of 256. */
export const deflateScratch: usize = sequencesAt + 8 * 16384;

/** Bytes in steps of 16. */
export function clear(at: usize, end: usize): void {
  for (; at < end; at += 16) v128.store(at, i64x2.splat(0));
}

/** One more of a symbol. */
export function count(table: usize, symbol: usize): void {
  const at = table + (symbol << 2);
  store<u32>(at, load<u32>(at) + 1);
}

/** The symbol of a length, less 257, by length - 3: four for each power of two. The longest, 258, has one of its own. */
export function lengthSymbol(excess: u32): u32 {
  if (excess < 8) return excess;
  if (excess === 255) return 28;
  const power = 31 - clz(excess);
  return ((power - 1) << 2) + ((excess >> (power - 2)) & 3);
}

/** The symbol of a distance, by distance - 1: two for each power of two. */
export function distanceSymbol(excess: u32): u32 {
  if (excess < 4) return excess;
  const power = 31 - clz(excess);
  return (power << 1) + ((excess >> (power - 1)) & 1);
}

/** How many low bits of length - 3 follow its symbol, given less 257. */
export function lengthExtra(symbol: u32): u32 {
  return symbol < 8 || symbol === 28 ? 0 : (symbol >> 2) - 1;
}

/** How many low bits of distance - 1 follow its symbol. */
export function distanceExtra(symbol: u32): u32 {
  return symbol < 4 ? 0 : (symbol >> 1) - 1;
}
