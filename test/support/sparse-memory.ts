/**
 * Synthetic physical memory: RAM ranges that read as zeros until bytes are put there, and pages that are missing for a
 * reason of the test's choice.
 */
import { VmcoreError } from '../../src/base/errors.ts';
import { PfnBitmap } from '../../src/base/pfn-bitmap.ts';
import { asPfn, type Paddr, type Pfn, type PfnRange } from '../../src/base/units.ts';
import type { PageCounts, PageState, PhysicalMemory } from '../../src/formats/dump.ts';

/** Physical addresses, bytes, `end` excluded. Both are multiples of the page size. */
export interface RamRange {
  readonly start: number;
  readonly end: number;
}

export class SparseMemory implements PhysicalMemory {
  readonly pageSize: number;
  readonly endPfn: Pfn;
  private readonly ram: readonly RamRange[];
  private readonly pages = new Map<number, Uint8Array>();
  private readonly missing = new Map<number, Exclude<PageState, 'present'>>();
  private readonly failing = new Set<number>();

  constructor(ram: readonly RamRange[], pageSize = 4096) {
    this.ram = ram;
    this.pageSize = pageSize;
    this.endPfn = asPfn(Math.max(0, ...ram.map(({ end }) => end)) / pageSize);
  }

  /** Writes over RAM; outside of it is a mistake of the test. */
  put(paddr: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const pfn = Math.floor((paddr + done) / this.pageSize);
      if (!this.isRam(pfn)) throw new Error(`no RAM at page frame ${pfn}`);
      const inPage = (paddr + done) % this.pageSize;
      const part = bytes.subarray(done, done + this.pageSize - inPage);
      this.pageAt(pfn).set(part, inPage);
      done += part.length;
    }
  }

  putU64(paddr: number, value: bigint): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
    this.put(paddr, bytes);
  }

  /** The page is in RAM, but not in the dump. */
  lose(pfn: number, why: Exclude<PageState, 'present' | 'absent'>): void {
    this.missing.set(pfn, why);
  }

  /** Reading the page throws E_IO, as /proc/vmcore does for memory that the machine cannot read any more. */
  failAt(pfn: number): void {
    this.failing.add(pfn);
  }

  read(paddr: Paddr, into: Uint8Array): number {
    let done = 0;
    while (done < into.length) {
      const pfn = Math.floor((paddr + done) / this.pageSize);
      if (this.failing.has(pfn)) throw new VmcoreError('E_IO', `cannot read page frame ${pfn}`);
      if (this.state(asPfn(pfn)) !== 'present') return done;
      const part = into.subarray(done, done + this.pageSize - ((paddr + done) % this.pageSize));
      this.peek(paddr + done, part);
      done += part.length;
    }
    return done;
  }

  /** What lies in memory, whether a dump has it or not. */
  peek(paddr: number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const inPage = (paddr + done) % this.pageSize;
      const part = into.subarray(done, done + this.pageSize - inPage);
      const page = this.pages.get(Math.floor((paddr + done) / this.pageSize));
      if (page === undefined) part.fill(0);
      else part.set(page.subarray(inPage, inPage + part.length));
      done += part.length;
    }
  }

  state(pfn: Pfn): PageState {
    if (!this.isRam(pfn)) return 'absent';
    return this.missing.get(pfn) ?? 'present';
  }

  markRam(into: PfnBitmap): void {
    for (const { start, end } of this.ram) into.setRange(start / this.pageSize, end / this.pageSize);
  }

  markPresent(into: PfnBitmap): void {
    this.markRam(into);
    for (const [pfn, why] of this.missing) if (why === 'excluded') into.clearRange(pfn, pfn + 1);
  }

  countPages(): PageCounts {
    const ram = new PfnBitmap(asPfn(0), this.endPfn);
    const present = new PfnBitmap(asPfn(0), this.endPfn);
    this.markRam(ram);
    this.markPresent(present);
    return { ram: ram.count(), present: present.count() };
  }

  *ramRanges(): Generator<PfnRange> {
    for (const { start, end } of [...this.ram].sort((a, b) => a.start - b.start))
      yield { start: asPfn(start / this.pageSize), end: asPfn(end / this.pageSize) };
  }

  private isRam(pfn: number): boolean {
    const paddr = pfn * this.pageSize;
    return this.ram.some(({ start, end }) => start <= paddr && paddr < end);
  }

  private pageAt(pfn: number): Uint8Array {
    let page = this.pages.get(pfn);
    if (page === undefined) {
      page = new Uint8Array(this.pageSize);
      this.pages.set(pfn, page);
    }
    return page;
  }
}
