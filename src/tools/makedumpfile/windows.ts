/** How physical memory is cut into windows, and which part of a split dump takes which pages. */
import { asPfn, type Pfn, type PfnRange } from '../../base/units.ts';

/** Windows are multiples of this: 2^15 pages, the size of a memory section with 4 KiB pages. */
const windowPages = 32768;
/** Parts of a split dump are multiples of so many pages when nothing else is said. */
const defaultBlockPages = 1024;

/** Bytes of both bitmaps of a window when nothing else is said: 64 GiB of 4 KiB pages. */
export const defaultBitmapBytes = 4 * 2 ** 20;

/** Cuts [0, end) into windows whose two bitmaps take at most `bitmapBytes`, but never less than `windowPages`. */
export function windowsOf(end: Pfn, bitmapBytes: number): PfnRange[] {
  const pages = Math.max(windowPages, Math.floor((bitmapBytes * 8) / 2 / windowPages) * windowPages);
  const windows: PfnRange[] = [];
  for (let start = 0; start < end; start += pages) {
    windows.push({ start: asPfn(start), end: asPfn(Math.min(end, start + pages)) });
  }
  return windows;
}

/**
 * Pages in a block, the unit in which split dumps are cut, for --splitblock-size `bytes`. A power of two that divides a window, and at least
 * a byte of bitmap.
 */
export function blockPagesFor(bytes: number | undefined, pageSize: number): number {
  if (bytes === undefined) return defaultBlockPages;
  const pages = Math.max(8, Math.min(windowPages, Math.floor(bytes / pageSize)));
  return 2 ** Math.floor(Math.log2(pages));
}

/** Pages to copy, counted by block, ascending from page frame 0. */
export type BlockCounts = readonly number[];

/** A contiguous part of the dump. */
export interface Part extends PfnRange {
  readonly pages: number;
}

/** Cuts the dump into `count` parts with about the same number of pages, at block boundaries. */
export function splitEvenly(blocks: BlockCounts, blockPages: number, end: Pfn, count: number): Part[] {
  const total = blocks.reduce((sum, pages) => sum + pages, 0);
  const parts: Part[] = [];
  let block = 0;
  let taken = 0;
  for (let i = 0; i < count; i++) {
    const start = asPfn(Math.min(end, block * blockPages));
    const goal = (total * (i + 1)) / count;
    let pages = 0;
    while (block < blocks.length && (i === count - 1 || taken + blocks[block]! / 2 <= goal)) {
      pages += blocks[block]!;
      taken += blocks[block]!;
      block++;
    }
    parts.push({ start, end: i === count - 1 ? end : asPfn(Math.min(end, block * blockPages)), pages });
  }
  return parts;
}
