/** How physical memory is cut into windows, and which part of a split dump takes which pages. */
import { alignDown } from '../../base/bytes.ts';
import { asPfn, type Pfn, type PfnRange } from '../../base/units.ts';
import type { PhysicalMemory } from '../../formats/dump.ts';

/** Windows are multiples of this: 2^15 pages, the size of a memory section with 4 KiB pages. */
const windowPages = 32768;
/** Parts of a split dump are multiples of so many pages when nothing else is said. */
const defaultBlockPages = 1024;

/** Bytes of both bitmaps of a window when nothing else is said: 64 GiB of 4 KiB pages. */
export const defaultBitmapBytes = 4 * 2 ** 20;

/**
 * Cuts the RAM into windows whose two bitmaps take at most `bitmapBytes`, but never less than `windowPages`. Ascending; what is in none of them is no RAM.
 */
export function windowsOf(
  memory: Pick<PhysicalMemory, 'endPfn' | 'ramRanges'>,
  bitmapBytes: number,
): PfnRange[] {
  const pages = Math.max(windowPages, Math.floor((bitmapBytes * 8) / 2 / windowPages) * windowPages);
  const windows: PfnRange[] = [];
  let at = 0;
  for (const range of memory.ramRanges()) {
    at = Math.max(at, alignDown(range.start, windowPages));
    for (; at < range.end; at += pages) {
      windows.push({ start: asPfn(at), end: asPfn(Math.min(memory.endPfn, at + pages)) });
    }
  }
  return windows;
}

/** More blocks than this would take too much memory; they are made larger then. */
const maxBlocks = 2 ** 18;

/**
 * Pages in a block, the unit in which split dumps are cut, for --splitblock-size `bytes` and so many pages of RAM. A power of two that divides a
 * window, and at least a byte of bitmap.
 */
export function blockPagesFor(bytes: number | undefined, pageSize: number, ramPages: number): number {
  const wanted = bytes === undefined ? defaultBlockPages : Math.floor(bytes / pageSize);
  const pages = Math.max(8, Math.min(windowPages, 2 ** Math.floor(Math.log2(wanted))));
  return Math.max(pages, Math.min(windowPages, 2 ** Math.ceil(Math.log2(ramPages / maxBlocks))));
}

/** Pages to copy, counted by block, ascending. */
export class BlockCounts {
  /** First page frames of the blocks that have pages to copy, and how many those are. */
  private readonly starts: number[] = [];
  private readonly counts: number[] = [];
  total = 0;

  add(start: number, pages: number): void {
    if (pages === 0) return;
    this.starts.push(start);
    this.counts.push(pages);
    this.total += pages;
  }

  /** Cuts [0, end) into `count` parts with about the same number of pages, at the beginnings of blocks. */
  split(end: Pfn, count: number): Part[] {
    const parts: Part[] = [];
    let block = 0;
    let taken = 0;
    let start = asPfn(0);
    for (let i = 0; i < count; i++) {
      const isLast = i === count - 1;
      const goal = (this.total * (i + 1)) / count;
      let pages = 0;
      while (block < this.counts.length && (isLast || taken + this.counts[block]! / 2 <= goal)) {
        pages += this.counts[block]!;
        taken += this.counts[block]!;
        block++;
      }
      const partEnd = isLast ? end : asPfn(this.starts[block] ?? end);
      parts.push({ start, end: partEnd, pages });
      start = partEnd;
    }
    return parts;
  }
}

/** A contiguous part of the dump. */
export interface Part extends PfnRange {
  readonly pages: number;
}
