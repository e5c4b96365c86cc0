/**
 * The pages of a kdump-compressed file: bitmap 2 says which are there, the n-th set bit has the n-th descriptor.
 *
 * Neither the bitmaps (kdump-bitmap.ts) nor the descriptors (24 bytes a page) are ever all in memory: one block of descriptors is kept.
 */
import type { ByteSource } from '../base/byte-source.ts';
import { u64, viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import type { PfnBitmap } from '../base/pfn-bitmap.ts';
import type { Paddr, Pfn, PfnRange } from '../base/units.ts';
import { codecFlags, codecNames, type PageCodecs } from '../codecs/page-codec.ts';
import type { PageCounts, PageState, PhysicalMemory } from './dump.ts';
import type { KdumpBitmap } from './kdump-bitmap.ts';
import { pageDescriptorSize } from './kdump-header.ts';

const descriptorsPerBlock = 1024;
/** 64 GiB of 4 KiB pages: 400 MB of descriptors, half a second. */
const maxCounted = 2 ** 24;

export interface KdumpPages {
  readonly source: ByteSource;
  readonly pageSize: number;
  readonly littleEndian: boolean;
  /** File offset of the first descriptor. */
  readonly descriptorsAt: number;
  readonly ram: KdumpBitmap;
  readonly dumped: KdumpBitmap;
  /**
   * For one part of a split dump: the page frames it holds. Its bitmaps are those of the whole dump, its descriptors only its own
   * (makedumpfile 1.7.9, reassemble_kdump_pages).
   */
  readonly part?: PfnRange | undefined;
  readonly codecs: PageCodecs;
}

export interface PageDescriptor {
  readonly offset: number;
  readonly size: number;
  readonly flags: number;
}

export class KdumpMemory implements PhysicalMemory {
  readonly pageSize: number;
  readonly endPfn: Pfn;
  private readonly pages: KdumpPages;
  /** Number of dumped pages before the first one of this file. */
  private readonly firstRank: number;
  /** Number of dumped pages that this file has descriptors for. */
  readonly pageCount: number;
  private readonly compressed: Uint8Array;
  private readonly wholePage: Uint8Array;
  private readonly descriptorBlock = new Uint8Array(descriptorsPerBlock * pageDescriptorSize);
  private readonly descriptorView = viewOf(this.descriptorBlock);
  private blockIndex = -1;
  private blockBytes = 0;

  constructor(pages: KdumpPages) {
    this.pages = pages;
    this.pageSize = pages.pageSize;
    this.endPfn = pages.ram.end;
    this.compressed = new Uint8Array(pages.pageSize);
    this.wholePage = new Uint8Array(pages.pageSize);
    const { part, dumped } = pages;
    this.firstRank = part === undefined ? 0 : dumped.rank(part.start);
    const endRank = part === undefined ? dumped.count : dumped.rank(part.end);
    this.pageCount = Math.max(0, endRank - this.firstRank);
  }

  /** File offset just behind the last descriptor. */
  get descriptorsEnd(): number {
    return this.pages.descriptorsAt + this.pageCount * pageDescriptorSize;
  }

  read(paddr: Paddr, into: Uint8Array): number {
    let done = 0;
    while (done < into.length) {
      const pfn = Math.floor((paddr + done) / this.pageSize);
      const inPage = (paddr + done) % this.pageSize;
      const want = Math.min(into.length - done, this.pageSize - inPage);
      if (!this.pages.dumped.has(pfn)) return done;
      if (want === this.pageSize) {
        if (this.load(pfn, into.subarray(done, done + want)) !== 'present') return done;
      } else {
        if (this.load(pfn, this.wholePage) !== 'present') return done;
        into.set(this.wholePage.subarray(inPage, inPage + want), done);
      }
      done += want;
    }
    return done;
  }

  state(pfn: Pfn): PageState {
    if (this.pages.dumped.has(pfn)) return this.load(pfn, this.wholePage);
    return this.pages.ram.has(pfn) ? 'excluded' : 'absent';
  }

  markRam(into: PfnBitmap): void {
    this.pages.ram.markIn(into);
  }

  markPresent(into: PfnBitmap): void {
    this.pages.dumped.markIn(into);
  }

  countPages(): PageCounts {
    return { ram: this.pages.ram.count, present: this.pages.dumped.count };
  }

  ramRanges(): Iterable<PfnRange> {
    return this.pages.ram.ranges();
  }

  /** The n-th descriptor; undefined when the file ends before it. */
  descriptor(n: number): PageDescriptor | undefined {
    const block = Math.floor(n / descriptorsPerBlock);
    if (block !== this.blockIndex) {
      const at = this.pages.descriptorsAt + block * this.descriptorBlock.length;
      this.blockBytes = this.pages.source.read(at, this.descriptorBlock);
      this.blockIndex = block;
    }
    const at = (n % descriptorsPerBlock) * pageDescriptorSize;
    if (at + pageDescriptorSize > this.blockBytes) return undefined;
    const { littleEndian } = this.pages;
    return {
      offset: u64(this.descriptorView, at, littleEndian),
      size: this.descriptorView.getUint32(at + 8, littleEndian),
      flags: this.descriptorView.getUint32(at + 12, littleEndian),
    };
  }

  /**
   * Pages that share one page of zeros; undefined when there are too many descriptors to look at. Pages are written at ascending offsets,
   * so a stored page at an offset that was already passed is a shared one.
   */
  countZeroPages(): number | undefined {
    if (this.pageCount > maxCounted) return undefined;
    const stored = (n: number): number | undefined => {
      const descriptor = this.descriptor(n);
      const isStored = descriptor?.flags === 0 && descriptor.size === this.pageSize && descriptor.offset > 0;
      return isStored ? descriptor.offset : undefined;
    };
    let highest = 0;
    let shared: number | undefined;
    for (let n = 0; n < this.pageCount && shared === undefined; n++) {
      const offset = stored(n);
      if (offset === undefined) continue;
      if (offset <= highest) shared = offset;
      highest = offset;
    }
    let count = 0;
    for (let n = 0; n < this.pageCount && shared !== undefined; n++) if (stored(n) === shared) count++;
    return count;
  }

  /** The index of the descriptor of a dumped page. */
  descriptorIndex(pfn: number): number {
    return this.pages.dumped.rank(pfn) - this.firstRank;
  }

  private load(pfn: number, page: Uint8Array): PageState {
    const { part } = this.pages;
    if (part !== undefined && (pfn < part.start || pfn >= part.end)) return 'lost';
    const descriptor = this.descriptor(this.descriptorIndex(pfn));
    // Offset 0: the writer ran out of space before this page (makedumpfile 1.7.9, write_kdump_pages_cyclic).
    if (descriptor === undefined || descriptor.offset === 0) return 'lost';
    const { source, codecs } = this.pages;
    if (descriptor.size === 0 || descriptor.size > this.pageSize) return 'corrupt';
    if (descriptor.offset + descriptor.size > source.size) return 'lost';
    const name = codecNames.find((candidate) => (descriptor.flags & codecFlags[candidate]) !== 0);
    if (name === undefined) {
      return descriptor.size === this.pageSize && source.read(descriptor.offset, page) === this.pageSize
        ? 'present'
        : 'corrupt';
    }
    const codec = codecs[name];
    if (codec === undefined) {
      throw new VmcoreError(
        'E_UNSUPPORTED',
        `its pages are compressed with ${name}, which this build cannot read`,
        {
          file: source.name,
          offset: descriptor.offset,
          hint: 'rewrite it with makedumpfile -c',
        },
      );
    }
    const data = this.compressed.subarray(0, descriptor.size);
    if (source.read(descriptor.offset, data) < data.length) return 'lost';
    return codec.decompress(data, page) === this.pageSize ? 'present' : 'corrupt';
  }
}
