/**
 * What the zstd compressor keeps in its scratch, behind what deflate has there. ../zstd-tables.ts makes it, once, before all else.
 *
 * First two sets of codes: those that every reader knows, and those that a block has to tell. A set has a block of `alphabetBytes` for each of
 * its alphabets (literals before a match, its length, its offset):
 *
 *   a u16 for each state | for each symbol: u32 deltaBits, i32 deltaState | what tells the alphabet to readers |
 *   u32 bits of a state | u32 length of what tells the alphabet
 *
 * Behind the sets is a u16 for each small number of literals and for each small length: its symbol, and above it how many of its low bits
 * follow the symbol.
 */
import { deflateScratch } from './deflate-alphabets';

const alphabetBytes: usize = 1024;
/** Offsets in the block of an alphabet. */
export const symbolsAt: usize = 512;
export const descriptionAt: usize = 944;
export const accuracyAt: usize = 1016;
export const descriptionLengthAt: usize = 1020;

/** Offsets in a set. */
export const literalRunsAt: usize = 0;
export const matchLengthsAt: usize = alphabetBytes;
export const offsetsAt: usize = 2 * alphabetBytes;
const setBytes: usize = 3 * alphabetBytes;

/** Offsets in the scratch. */
export const knownCodesAt: usize = deflateScratch;
export const toldCodesAt: usize = knownCodesAt + setBytes;
export const smallRunsAt: usize = toldCodesAt + setBytes;
export const smallLengthsAt: usize = smallRunsAt + 2 * 64;
export const zstdScratch: usize = smallLengthsAt + 2 * 128;
