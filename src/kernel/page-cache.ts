/**
 * Small reads of physical memory, cached by page: page tables, rings and structures are read a few bytes at a time, and
 * each page may have to be decompressed.
 */
import { VmcoreError } from '../base/errors.ts';
import { asPaddr, asPfn, hex, type Paddr } from '../base/units.ts';
import type { Dump, PageState } from '../formats/dump.ts';

/** 4 MiB of 4 KiB pages: the page tables and structures of one view. */
const capacity = 1024;

const whyMissing: Readonly<Record<Exclude<PageState, 'present'>, string>> = {
  excluded: 'was filtered out when the dump was made',
  absent: 'is not in the dump',
  lost: 'was lost: the dump was cut short',
  corrupt: 'is damaged in the file',
};

export class PageCache {
  private readonly dump: Dump;
  private readonly pageSize: number;
  /** A Map keeps insertion order: the first key is the one used longest ago. */
  private readonly pages = new Map<number, Uint8Array>();

  constructor(dump: Dump) {
    this.dump = dump;
    this.pageSize = dump.memory.pageSize;
  }

  /** Fills `into` from `paddr` on. E_UNREADABLE, saying which page and why, when a page is not there. */
  read(paddr: Paddr, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const at = paddr + done;
      const inPage = at % this.pageSize;
      const part = this.page((at - inPage) / this.pageSize).subarray(inPage, inPage + into.length - done);
      into.set(part, done);
      done += part.length;
    }
  }

  private page(pfn: number): Uint8Array {
    const hit = this.pages.get(pfn);
    if (hit !== undefined) {
      this.pages.delete(pfn);
      this.pages.set(pfn, hit);
      return hit;
    }
    const page = new Uint8Array(this.pageSize);
    if (this.dump.memory.read(asPaddr(pfn * this.pageSize), page) < this.pageSize) {
      throw unreadable(this.dump, pfn);
    }
    if (this.pages.size >= capacity) this.pages.delete(this.pages.keys().next().value!);
    this.pages.set(pfn, page);
    return page;
  }
}

/** The error for a page frame whose bytes the dump does not have. */
export function unreadable(dump: Dump, pfn: number): VmcoreError {
  const state = dump.memory.state(asPfn(pfn));
  const why = state === 'present' ? 'could not be read' : whyMissing[state];
  return new VmcoreError('E_UNREADABLE', `physical page ${hex(pfn * dump.memory.pageSize)} ${why}`, {
    file: dump.source.name,
  });
}
