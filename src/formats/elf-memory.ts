/**
 * Physical memory as the PT_LOAD segments of an ELF core describe it.
 *
 * Segments may overlap (the kernel's text has one of its own beside the RAM range it lies in), may begin and end inside
 * a page (firmware's memory map does), and may hold fewer bytes in the file than in memory (pages that makedumpfile -E
 * left out). The rest of a page that a segment covers only partly reads as zeros, as /proc/vmcore's readers expect.
 */
import type { ByteSource } from '../base/byte-source.ts';
import type { PfnBitmap } from '../base/pfn-bitmap.ts';
import { asPfn, type Paddr, type Pfn, type PfnRange } from '../base/units.ts';
import type { PageCounts, PageState, PhysicalMemory } from './dump.ts';

/** A run of physical memory, bytes; `fileEnd` is where its bytes in the file stop, `end` where its RAM stops. */
interface Extent {
  readonly start: number;
  readonly fileEnd: number;
  readonly end: number;
  readonly fileOffset: number;
}

export interface LoadSegment {
  readonly paddr: number;
  readonly offset: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

/** Sorts, and trims what an earlier extent already covers with bytes, so that starts ascend and bytes never overlap. */
function toExtents(segments: readonly LoadSegment[]): Extent[] {
  const sorted = segments
    .filter((segment) => segment.memorySize > 0)
    .map((segment) => ({
      start: segment.paddr,
      fileEnd: segment.paddr + Math.min(segment.fileSize, segment.memorySize),
      end: segment.paddr + segment.memorySize,
      fileOffset: segment.offset,
    }))
    .sort((a, b) => a.start - b.start || b.fileEnd - a.fileEnd);
  const extents: Extent[] = [];
  let covered = 0;
  for (const extent of sorted) {
    const start = Math.max(extent.start, covered);
    if (start >= extent.end) continue;
    const fileEnd = Math.max(start, extent.fileEnd);
    extents.push({ start, fileEnd, end: extent.end, fileOffset: extent.fileOffset + (start - extent.start) });
    covered = Math.max(covered, fileEnd);
  }
  return extents;
}

export class ElfMemory implements PhysicalMemory {
  readonly pageSize: number;
  readonly endPfn: Pfn;
  private readonly source: ByteSource;
  private readonly extents: readonly Extent[];
  /** Largest `end` of the extents up to each index: extents whose RAM reaches beyond their bytes may overlap later ones. */
  private readonly reach: readonly number[];
  private lastHit = 0;

  constructor(source: ByteSource, segments: readonly LoadSegment[], pageSize: number) {
    this.source = source;
    this.pageSize = pageSize;
    this.extents = toExtents(segments);
    let reach = 0;
    this.reach = this.extents.map((extent) => {
      reach = Math.max(reach, extent.end);
      return reach;
    });
    this.endPfn = asPfn(Math.ceil(reach / pageSize));
  }

  read(paddr: Paddr, into: Uint8Array): number {
    let done = 0;
    while (done < into.length) {
      const at = paddr + done;
      const index = this.lastStartingAtOrBefore(at);
      const extent = this.extents[index];
      const left = into.length - done;
      if (extent !== undefined && at < extent.fileEnd) {
        const want = Math.min(left, extent.fileEnd - at);
        const got = this.source.read(
          extent.fileOffset + (at - extent.start),
          into.subarray(done, done + want),
        );
        done += got;
        if (got < want) return done;
        continue;
      }
      // No byte of the file covers `at`: zeros, if another part of the same page has bytes.
      const pageEnd = (Math.floor(at / this.pageSize) + 1) * this.pageSize;
      if (this.state(asPfn(Math.floor(at / this.pageSize))) !== 'present') return done;
      const next = this.extents[index + 1]?.start ?? pageEnd;
      const gap = Math.min(left, Math.min(next, pageEnd) - at);
      into.fill(0, done, done + gap);
      done += gap;
    }
    return done;
  }

  state(pfn: Pfn): PageState {
    const start = pfn * this.pageSize;
    const end = start + this.pageSize;
    let found: PageState = 'absent';
    for (let i = this.lastStartingAtOrBefore(end - 1); i >= 0; i--) {
      const extent = this.extents[i]!;
      if (this.reach[i]! <= start) break;
      if (extent.end <= start) continue;
      if (found === 'absent') found = 'excluded';
      const bytesStart = Math.max(start, extent.start);
      const bytesEnd = Math.min(end, extent.fileEnd);
      if (bytesStart >= bytesEnd) continue;
      if (extent.fileOffset + (bytesEnd - extent.start) > this.source.size) return 'lost';
      found = 'present';
      // Bytes do not overlap: no earlier extent has any in this page.
      if (extent.start <= start) break;
    }
    return found;
  }

  markRam(into: PfnBitmap): void {
    for (const { start, end } of this.extents) this.mark(into, start, end);
  }

  markPresent(into: PfnBitmap): void {
    for (const { start, fileEnd } of this.extents) if (fileEnd > start) this.mark(into, start, fileEnd);
  }

  countPages(): PageCounts {
    return {
      ram: this.countCovered((extent) => extent.end),
      present: this.countCovered((extent) => extent.fileEnd),
    };
  }

  *ramRanges(): Generator<PfnRange> {
    let range: PfnRange | undefined;
    for (const extent of this.extents) {
      const start = asPfn(Math.floor(extent.start / this.pageSize));
      const end = asPfn(Math.ceil(extent.end / this.pageSize));
      if (range === undefined) range = { start, end };
      else if (start > range.end) {
        yield range;
        range = { start, end };
      } else if (end > range.end) range = { start: range.start, end };
    }
    if (range !== undefined) yield range;
  }

  /** Page frames that a byte from the start of some extent to its `endOf` lies in. */
  private countCovered(endOf: (extent: Extent) => number): number {
    let count = 0;
    let counted = 0;
    for (const extent of this.extents) {
      const end = endOf(extent);
      if (end <= extent.start) continue;
      const first = Math.max(counted, Math.floor(extent.start / this.pageSize));
      const last = Math.max(first, Math.ceil(end / this.pageSize));
      count += last - first;
      counted = last;
    }
    return count;
  }

  private mark(into: PfnBitmap, start: number, end: number): void {
    into.setRange(Math.floor(start / this.pageSize), Math.ceil(end / this.pageSize));
  }

  private lastStartingAtOrBefore(paddr: number): number {
    const { extents } = this;
    const hit = extents[this.lastHit];
    if (hit !== undefined && hit.start <= paddr && paddr < (extents[this.lastHit + 1]?.start ?? Infinity))
      return this.lastHit;
    let low = 0;
    let high = extents.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (extents[middle]!.start <= paddr) low = middle + 1;
      else high = middle;
    }
    this.lastHit = Math.max(0, low - 1);
    return low - 1;
  }
}
