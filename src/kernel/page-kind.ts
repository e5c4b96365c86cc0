/**
 * What a page frame is used for, from its struct page, by the names that vmcoreinfo gives.
 *
 * Source of truth: include/linux/page-flags.h and include/linux/mm_types.h. What moved, and the key that tells:
 *   compound head      page.compound_head; page.compound_info since 7.1 (bit 0 marks a tail in both)
 *   compound order     page[1].compound_order (u8 since 4.16); folio._folio_order in 6.3-6.5; low byte of page[1].flags since 6.6
 *   hugetlb            page[1].compound_dtor == HUGETLB_PAGE_DTOR; PG_hugetlb in page[1].flags in 6.6-6.8; a page type since 6.9
 *                      (d99e3140a4d3)
 *   slab               PG_slab; a page type since 6.10 (46df8e73a4a3)
 *   page types         values of _mapcount; whole values since 6.12, compared exactly in either form
 */
import { VmcoreError } from '../base/errors.ts';
import type { Kernel } from './kernel.ts';
import type { Vmcoreinfo } from './vmcoreinfo.ts';

/** Kinds of pages that a filter can leave out. `kept` is everything else: the kernel's own. */
export const PageKind = {
  kept: 0,
  free: 1,
  cache: 2,
  cachePrivate: 3,
  user: 4,
  hwpoison: 5,
  offline: 6,
} as const;
export type PageKind = (typeof PageKind)[keyof typeof PageKind];
export const pageKindNames = Object.keys(PageKind) as readonly (keyof typeof PageKind)[];

/** PAGE_MAPPING_ANON of include/linux/page-flags.h: bit 0 of page.mapping. */
const mappingAnon = 1;
/** The largest order of anything we believe: 2^20 pages of 64 KiB are 64 GiB. */
const maxOrder = 20;
/** 64 bytes, and less than 200 with every debugging option. */
const maxStructSize = 1024;

/** Flags are looked for in the low word of page.flags; above it are node, zone and section numbers. */
function bit(number: number | undefined): number {
  if (number === undefined) return 0;
  if (number >= 0 && number < 32) return 1 << number;
  throw new VmcoreError('E_NO_INFO', `its vmcoreinfo puts a page flag at bit ${number}`);
}

type CompoundLayout =
  | { readonly kind: 'page-type'; readonly hugetlb: number }
  | { readonly kind: 'flags-1'; readonly hugetlb: number }
  | { readonly kind: 'bytes'; readonly order: number; readonly dtor: number; readonly hugetlb: number };

/** Everything needed to judge a struct page, as 32-bit word indices and masks. All flags are in the low word. */
export interface PageLayout {
  /** Words of one struct page. */
  readonly words: number;
  readonly flags: number;
  readonly mapping: number;
  readonly mapcount: number;
  readonly private: number;
  readonly compoundHead: number;
  readonly lru: number;
  readonly privateFlag: number;
  readonly swapcache: number;
  readonly swapbacked: number;
  readonly slabFlag: number;
  readonly hwpoison: number;
  readonly head: number;
  /** Page types: values of _mapcount; undefined when the kernel has none. */
  readonly buddy: number | undefined;
  readonly slabType: number | undefined;
  readonly offline: number | undefined;
  readonly unaccepted: number | undefined;
  readonly compound: CompoundLayout | undefined;
  readonly maxBuddyOrder: number;
}

function compoundLayout(info: Vmcoreinfo): CompoundLayout | undefined {
  const hugetlbType = info.smallNumber('PAGE_HUGETLB_MAPCOUNT_VALUE');
  if (hugetlbType !== undefined) return { kind: 'page-type', hugetlb: hugetlbType };
  const hugetlbFlag = info.smallNumber('PG_hugetlb');
  if (hugetlbFlag !== undefined) return { kind: 'flags-1', hugetlb: bit(hugetlbFlag) };
  const inSecondPage = (page: string, folio: string): number | undefined => {
    const folioOffset = info.offset(folio);
    return (
      info.offset(page) ?? (folioOffset === undefined ? undefined : folioOffset - info.requireSize('page'))
    );
  };
  const order = inSecondPage('page.compound_order', 'folio._folio_order');
  const dtor = inSecondPage('page.compound_dtor', 'folio._folio_dtor');
  const hugetlb = info.smallNumber('HUGETLB_PAGE_DTOR');
  if (order === undefined || dtor === undefined || hugetlb === undefined) return undefined;
  return { kind: 'bytes', order, dtor, hugetlb };
}

/** E_NO_INFO when vmcoreinfo lacks a key without which pages would be judged wrongly. */
export function pageLayoutOf(kernel: Kernel): PageLayout {
  const { info, dump } = kernel;
  const size = info.requireSize('page');
  const freeAreas = info.length('zone.free_area') ?? 11;
  if (size > maxStructSize || freeAreas < 1 || freeAreas > maxOrder + 1) {
    throw new VmcoreError(
      'E_NO_INFO',
      `its vmcoreinfo tells of a struct page of ${size} bytes and ${freeAreas} orders`,
      { file: dump.source.name },
    );
  }
  const word = (offset: number): number => {
    if (offset % 4 !== 0 || offset >= size || size % 4 !== 0) {
      throw new VmcoreError(
        'E_NO_INFO',
        `its vmcoreinfo puts a member of struct page at ${offset} of ${size} bytes`,
        {
          file: dump.source.name,
        },
      );
    }
    return offset / 4;
  };
  const compoundHead = info.offset('page.compound_head') ?? info.requireOffset('page.compound_info');
  return {
    words: size / 4,
    flags: word(info.requireOffset('page.flags')),
    mapping: word(info.requireOffset('page.mapping')),
    mapcount: word(info.requireOffset('page._mapcount')),
    private: word(info.requireOffset('page.private')),
    compoundHead: word(compoundHead),
    lru: bit(info.requireNumber('PG_lru')),
    privateFlag: bit(info.requireNumber('PG_private')),
    swapcache: bit(info.requireNumber('PG_swapcache')),
    swapbacked: bit(info.requireNumber('PG_swapbacked')),
    slabFlag: bit(info.smallNumber('PG_slab')),
    hwpoison: bit(info.smallNumber('PG_hwpoison')),
    head: info.requireNumber('PG_head_mask'),
    buddy: info.smallNumber('PAGE_BUDDY_MAPCOUNT_VALUE'),
    slabType: info.smallNumber('PAGE_SLAB_MAPCOUNT_VALUE'),
    offline: info.smallNumber('PAGE_OFFLINE_MAPCOUNT_VALUE'),
    unaccepted: info.smallNumber('PAGE_UNACCEPTED_MAPCOUNT_VALUE'),
    compound: compoundLayout(info),
    maxBuddyOrder: freeAreas - 1,
  };
}

/** A run of page frames [from, to) that are all of `kind`. */
export type EmitRun = (from: number, to: number, kind: PageKind) => void;

/**
 * Finds the page frames of certain kinds from their struct pages: the inner loop of makedumpfile, a few nanoseconds a page.
 *
 * The order of the tests is that of makedumpfile 1.7.9 (__exclude_unnecessary_pages), so that both leave out the same pages.
 */
export class PageJudge {
  private readonly layout: PageLayout;
  private readonly kinds: number;

  /** `kinds`: bits 1 << kind of the kinds to find. Poisoned pages are found as `hwpoison` when their own kind is not asked for. */
  constructor(layout: PageLayout, kinds: number) {
    this.layout = layout;
    this.kinds = kinds;
  }

  /**
   * Judges the page frames [start, end). `words` holds struct pages one after the other, from that of `first` on, and for an even page
   * frame also that of the next. Emits ascending runs; a run may reach beyond `end`, as far as the block it belongs to. Returns where
   * to go on: `end`, or the end of that block.
   */
  judge(words: Int32Array, first: number, start: number, end: number, emit: EmitRun): number {
    const { layout, kinds } = this;
    const { flags: flagsAt, mapping: mappingAt, mapcount: mapcountAt, compoundHead: headAt } = layout;
    const { lru, privateFlag, swapcache, swapbacked, slabFlag, hwpoison, head } = layout;
    const swap = swapcache | swapbacked;
    // No value of _mapcount: comparing with it is always false.
    const buddy = layout.buddy ?? Number.NaN;
    const slabType = layout.slabType ?? Number.NaN;
    const offline = layout.offline ?? Number.NaN;
    const unaccepted = layout.unaccepted ?? Number.NaN;
    let runStart = start;
    let runEnd = start;
    let runKind: PageKind = PageKind.kept;
    let pfn = start;
    while (pfn < end) {
      const at = (pfn - first) * layout.words;
      const flags = words[at + flagsAt]!;
      const isTail = (words[at + headAt]! & 1) !== 0;
      // A compound tail: its head has spoken for it. Only poison is marked on each page (the original reads such pages).
      if (isTail && (flags & hwpoison) === 0) {
        pfn++;
        continue;
      }
      const mapcount = words[at + mapcountAt]!;
      const slab = (flags & slabFlag) !== 0 || mapcount === slabType;
      let kind: PageKind = PageKind.kept;
      let pages = 1;
      if (isTail) kind = PageKind.hwpoison;
      else if (mapcount === buddy && !slab) {
        const order = words[at + layout.private]!;
        // An order the kernel cannot have: do not trust this struct page, keep the page.
        if (order >= 0 && order <= layout.maxBuddyOrder && words[at + layout.private + 1] === 0) {
          kind = PageKind.free;
          pages = 1 << order;
        }
      } else if (mapcount === unaccepted) {
        kind = PageKind.free;
        pages = 1 << layout.maxBuddyOrder;
      } else {
        let hugetlb = false;
        if ((flags & head) !== 0) {
          const compound = this.compound(words, at, pfn, mapcount);
          hugetlb = compound < 0;
          pages = 1 << (hugetlb ? ~compound : compound);
        }
        const anonymous = (words[at + mappingAt]! & mappingAnon) !== 0 && !slab;
        if (!anonymous && ((flags & lru) !== 0 || (flags & swap) === swap)) {
          kind = (flags & privateFlag) === 0 ? PageKind.cache : PageKind.cachePrivate;
        } else if (anonymous || hugetlb) kind = PageKind.user;
        else if (mapcount === offline && !slab) kind = PageKind.offline;
      }
      if ((kinds & (1 << kind)) === 0) {
        if ((flags & hwpoison) === 0) {
          pfn++;
          continue;
        }
        // The level would keep it, but reading poisoned memory can stop the machine. A free block is poisoned page by page.
        if (kind === PageKind.free) pages = 1;
        kind = PageKind.hwpoison;
      }
      if (kind !== runKind || pfn !== runEnd) {
        if (runEnd > runStart) emit(runStart, runEnd, runKind);
        runStart = pfn;
        runKind = kind;
      }
      pfn += pages;
      runEnd = pfn;
    }
    if (runEnd > runStart) emit(runStart, runEnd, runKind);
    return pfn;
  }

  /** The order of the compound page whose head is at word `at`; its complement when it is a hugetlb page. */
  private compound(words: Int32Array, at: number, pfn: number, mapcount: number): number {
    const { compound, words: structWords, flags } = this.layout;
    const second = at + structWords;
    if (compound === undefined || second + structWords > words.length) return 0;
    let order: number;
    let hugetlb: boolean;
    if (compound.kind === 'bytes') {
      order = byteAt(words, second, compound.order);
      hugetlb = byteAt(words, second, compound.dtor) === compound.hugetlb;
    } else {
      const flags1 = words[second + flags]!;
      order = flags1 & 0xff;
      hugetlb =
        compound.kind === 'page-type' ? mapcount === compound.hugetlb : (flags1 & compound.hugetlb) !== 0;
    }
    if (order > maxOrder || pfn % (1 << order) !== 0) order = 0;
    return hugetlb ? ~order : order;
  }
}

const byteAt = (words: Int32Array, base: number, offset: number): number =>
  (words[base + (offset >>> 2)]! >>> ((offset & 3) * 8)) & 0xff;
