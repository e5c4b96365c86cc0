/**
 * The struct page of a page frame: where it is, its flags and type by name, and the compound page it belongs to.
 *
 * Source of truth: include/linux/page-flags.h and mm_types.h (Linux 4.18, 6.1, 6.12, 7.2). What moved, and what tells:
 *   flag names      enum pageflags; aliases of one bit are told by the first name, but for PG_swapcache
 *   page type       bits of page_type that are cleared, until 6.11: macros, enum pagetype since 6.10 (46df8e73a4a3); the upper byte since 6.12, PGTY_*
 *   compound head   page.compound_head, the address + 1; page.compound_info since 7.1, which is a mask for the tail's own address where struct page is
 *                   of 2^n bytes and zone.vmemmap_tails exists (8c846c879e22). A huge page whose tails share memory (5.18-7.0, e7d324850bfc) has
 *                   tails that look like heads
 *   compound order  as in page-kind.ts
 *
 * page-kind.ts and page-judge.ts judge millions of pages for a filter; this tells all there is of one.
 */
import { VmcoreError } from '../../base/errors.ts';
import { asPfn, asVaddr, hex, type Pfn, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import type { Struct } from '../struct.ts';
import { type MemMapRun, readMemMap } from './mem-map.ts';
import { type PageLayout, pageLayoutOf } from './page-kind.ts';

/** A page's type by its name without PG_ or PGTY_: "buddy", "slab", "table". */
export type PageTypeName = string;

export interface CompoundPage {
  readonly head: Pfn;
  /** 2^order pages. */
  readonly order: number;
}

/** Of page types until 6.9, macros: bits that are cleared (include/linux/page-flags.h, Linux 5.1, 6.1). */
const oldTypes = { buddy: 0x80, offline: 0x100 } as const;
/** Before a page remembered its control group elsewhere (5.11, bcfe06bf2622), kmemcg took a bit. */
const oldTypesWithKmemcg = { ...oldTypes, kmemcg: 0x200, table: 0x400, guard: 0x800 } as const;
const oldTypesWithout = { ...oldTypes, table: 0x200, guard: 0x400 } as const;

const noType = 0xffff_ffff;
const typeBase = 0x8000_0000;

export class PageStructs {
  private readonly crashed: CrashedKernel;
  private readonly runs: readonly MemMapRun[];
  private readonly size: number;
  private layout: PageLayout | undefined;

  /** E_NO_INFO when vmcoreinfo does not tell where struct pages are. */
  constructor(crashed: CrashedKernel) {
    this.crashed = crashed;
    this.runs = readMemMap(crashed.kernel);
    this.size = crashed.layouts.requireSize('page');
  }

  /** Undefined for a page frame that has none: it is no RAM that the kernel knows. */
  at(pfn: number): Struct | undefined {
    const run = this.runs.find(({ start, end }) => pfn >= start && pfn < end);
    if (run === undefined) return undefined;
    return this.crashed.struct('page', run.address + BigInt((pfn - run.start) * this.size));
  }

  /** Whose struct page lies at an address, or around it. */
  pfnOf(address: Vaddr): Pfn | undefined {
    for (const { start, end, address: first } of this.runs) {
      const offset = address - first;
      if (offset >= 0n && offset < BigInt((end - start) * this.size))
        return asPfn(start + Number(offset / BigInt(this.size)));
    }
    return undefined;
  }

  /** Names of the flags that are set, without PG_. */
  flags(page: Struct): string[] {
    const flags = page.bigint('flags');
    const names = new Map<number, string>();
    for (const [name, bit] of this.crashed.layouts.enumeration('pageflags')?.values() ?? [])
      if (name.startsWith('PG_') && !names.has(Number(bit))) names.set(Number(bit), name.slice(3));
    return [...names]
      .filter(([bit]) => bit < 64 && ((flags >> BigInt(bit)) & 1n) === 1n)
      .sort(([a], [b]) => a - b)
      .map(([, name]) => name);
  }

  /** Undefined where the kernel counts how often the page is mapped in place of a type. */
  type(page: Struct): PageTypeName | undefined {
    const value = page.number('_mapcount') >>> 0;
    if (value < typeBase || value === noType) return undefined;
    const named = this.crashed.layouts.enumeration('pagetype')?.values();
    if (named?.has('PGTY_buddy')) {
      const type = BigInt(value >>> 24);
      const name = [...named].find(([key, at]) => at === type && key !== 'PGTY_mapcount_underflow')?.[0];
      return name?.slice('PGTY_'.length);
    }
    const bits: readonly (readonly [string, number])[] =
      named === undefined
        ? Object.entries(page.has('memcg_data') ? oldTypesWithout : oldTypesWithKmemcg)
        : Array.from(named, ([key, bit]) => [key.replace('PG_', ''), Number(bit)] as const);
    return bits.find(([, bit]) => (value & bit) === 0)?.[0];
  }

  /** Undefined for a page that stands alone. E_CORRUPT when its head is not to be believed. */
  compound(pfn: Pfn, page: Struct): CompoundPage | undefined {
    const head = this.headOf(pfn, page);
    if (head === undefined) return undefined;
    const layout = this.pageLayout();
    const first = this.at(head);
    const second = this.at(head + 1);
    if (first === undefined || second === undefined) throw this.notBelieved(pfn, 'has no head');
    const { compound } = layout;
    const bytes = this.crashed.kernel.read(second.address, this.size);
    const order = compound.kind === 'bytes' ? bytes[compound.order]! : Number(second.bigint('flags') & 0xffn);
    if (order === 0 || order > maxOrder || pfn >= head + 2 ** order)
      throw this.notBelieved(pfn, `has a head, ${head}, of order ${order}`);
    return { head, order };
  }

  /** Of a free block in the page allocator's lists: the order is in its first page. */
  freeBlock(pfn: Pfn): CompoundPage | undefined {
    for (let order = 0; order <= this.pageLayout().maxBuddyOrder; order++) {
      const head = asPfn(pfn - (pfn % 2 ** order));
      const page = this.at(head);
      if (page === undefined || this.type(page) !== 'buddy') continue;
      const own = page.number('private');
      if (own >= order && own <= this.pageLayout().maxBuddyOrder && pfn < head + 2 ** own)
        return { head, order: own };
    }
    return undefined;
  }

  private headOf(pfn: Pfn, page: Struct): Pfn | undefined {
    const { layouts } = this.crashed;
    const isMask =
      page.has('compound_info') &&
      (this.size & (this.size - 1)) === 0 &&
      layouts.offset('zone.vmemmap_tails') !== undefined;
    const link = (of: Struct): bigint =>
      of.bigint(of.has('compound_info') ? 'compound_info' : 'compound_head');
    const info = link(page);
    if ((info & 1n) === 1n) {
      const head = this.pfnOf(asVaddr(isMask ? page.address & info : info - 1n));
      if (head === undefined || head >= pfn) throw this.notBelieved(pfn, `is a tail of ${hex(info)}`);
      return head;
    }
    if ((page.bigint('flags') & BigInt(this.pageLayout().head)) === 0n) return undefined;
    const next = isMask ? undefined : this.at(pfn + 1);
    const shared = next === undefined ? 0n : link(next);
    return (shared & 1n) === 1n ? (this.pfnOf(asVaddr(shared - 1n)) ?? pfn) : pfn;
  }

  private pageLayout(): PageLayout {
    this.layout ??= pageLayoutOf(this.crashed.kernel);
    return this.layout;
  }

  private notBelieved(pfn: number, what: string): VmcoreError {
    return new VmcoreError('E_CORRUPT', `the struct page of page frame ${pfn} ${what}`, {
      file: this.crashed.dump.source.name,
      hint: 'the kernel smashed it, or was changing it',
    });
  }
}

/** 2^20 pages of 64 KiB are 64 GiB. */
const maxOrder = 20;
