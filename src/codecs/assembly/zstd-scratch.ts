/**
 * What the zstd compressor keeps in its scratch, behind what deflate has there, most of which it uses too.
 *
 * First constants, which ../zstd-tables.ts makes and ../wasm.ts writes, once, before all else: the symbols of small numbers of literals and of
 * small lengths, a byte each; for each alphabet of sequences the extra bits of its symbols, a byte each; for each, how many states the symbols
 * have in the codes that every reader knows, an i8 each. Then these codes, and those that a block tells, as fse.ts has them; how often each
 * symbol occurs, a u32 each; the same of the weights of Huffman codes, and a byte for each weight; the workspace of fse.ts.
 */
import { deflateScratch } from './deflate-alphabets';
import { codesBytes, fseWorkspace } from './fse';

/** The alphabets of sequences: literals before a match, its offset, its length. Places for the symbols of each. */
const alphabets: usize = 3;
export const alphabetSymbols: usize = 56;
/** More than there are lengths of Huffman codes. */
export const weightSymbols: usize = 16;

/** Offsets in the scratch. */
export const symbolsOfRunsAt: usize = deflateScratch;
export const symbolsOfLengthsAt: usize = symbolsOfRunsAt + 64;
export const extrasAt: usize = symbolsOfLengthsAt + 128;
export const sharesAt: usize = extrasAt + alphabets * alphabetSymbols;
export const knownCodesAt: usize = sharesAt + alphabets * alphabetSymbols;
export const toldCodesAt: usize = knownCodesAt + alphabets * codesBytes;
export const countsAt: usize = toldCodesAt + alphabets * codesBytes;
export const countsEnd: usize = countsAt + alphabets * 4 * alphabetSymbols;
export const weightCountsAt: usize = countsEnd;
export const weightsAt: usize = weightCountsAt + 4 * weightSymbols;
export const fseWorkspaceAt: usize = weightsAt + 256;
export const zstdScratch: usize = fseWorkspaceAt + fseWorkspace;
