/**
 * What the zstd compressor keeps in its scratch, behind what deflate has there. ../zstd-tables.ts makes it, once, before all else.
 *
 * First two sets of codes: those that every reader knows, and those that a block has to tell. A set has a block of `alphabetBytes` for each of
 * its alphabets (literals before a match, its length, its offset):
 *
 *   a u16 for each state | for each value: u32 deltaBits, u8 extra bits, i24 deltaState | what tells the alphabet to readers |
 *   u32 bits of a state | u32 length of what tells the alphabet
 *
 * Small numbers of literals and small lengths are each a value; large ones, and offsets, are one with all that have as many bits.
 */
import { deflateScratch } from './deflate-alphabets';

const alphabetBytes: usize = 2048;
/** Offsets in the block of an alphabet. */
export const valuesAt: usize = 512;
export const descriptionAt: usize = 1920;
export const accuracyAt: usize = 2040;
export const descriptionLengthAt: usize = 2044;

/** Offsets in a set. */
export const literalRunsAt: usize = 0;
export const matchLengthsAt: usize = alphabetBytes;
export const offsetsAt: usize = 2 * alphabetBytes;
const setBytes: usize = 3 * alphabetBytes;

/** Offsets in the scratch. */
export const knownCodesAt: usize = deflateScratch;
export const toldCodesAt: usize = knownCodesAt + setBytes;
export const zstdScratch: usize = toldCodesAt + setBytes;
