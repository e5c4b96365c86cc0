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

/** A compound tail: its head speaks for it. */
export const tailPage = -1;

/** PAGE_MAPPING_ANON of include/linux/page-flags.h: bit 0 of page.mapping. */
const mappingAnon = 1;
/** The largest order of anything we believe: 2^20 pages of 64 KiB are 64 GiB. */
const maxOrder = 20;

const bit = (number: number | undefined): number => (number === undefined ? 0 : (1 << number) >>> 0);

type CompoundLayout =
  | { readonly kind: 'page-type'; readonly hugetlb: number }
  | { readonly kind: 'flags-1'; readonly hugetlb: number }
  | { readonly kind: 'bytes'; readonly order: number; readonly dtor: number; readonly hugetlb: number };

/** Everything needed to judge a struct page, as 32-bit word indices and masks. */
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
    maxBuddyOrder: (info.length('zone.free_area') ?? 11) - 1,
  };
}

/**
 * Judges struct pages, one after the other, in a buffer of their words. After `judge`, `kind` is the page's kind (or `tailPage`)
 * and `pages` the number of page frames the judgement covers.
 *
 * The order of the tests is that of makedumpfile 1.7.9 (__exclude_unnecessary_pages), so that both keep the same pages.
 */
export class PageJudge {
  kind: PageKind | typeof tailPage = PageKind.kept;
  /** The page is poisoned: never to be read, whatever its kind. */
  poisoned = false;
  pages = 1;
  private readonly layout: PageLayout;

  constructor(layout: PageLayout) {
    this.layout = layout;
  }

  /** `at` is the word index of the struct page of `pfn`; the one after it is in the buffer too when `pfn` is even. */
  judge(words: Uint32Array, at: number, pfn: number): void {
    const { layout } = this;
    this.pages = 1;
    this.poisoned = false;
    if ((words[at + layout.compoundHead]! & 1) !== 0) {
      this.kind = tailPage;
      return;
    }
    const flags = words[at + layout.flags]!;
    const mapcount = words[at + layout.mapcount]! | 0;
    this.poisoned = (flags & layout.hwpoison) !== 0;
    const slab = (flags & layout.slabFlag) !== 0 || mapcount === layout.slabType;
    if (mapcount === layout.buddy && !slab) {
      const order = words[at + layout.private]!;
      // An order the kernel cannot have: do not trust this struct page, keep the page.
      if (words[at + layout.private + 1] !== 0 || order > layout.maxBuddyOrder) this.kind = PageKind.kept;
      else {
        this.kind = PageKind.free;
        this.pages = 2 ** order;
      }
      return;
    }
    if (mapcount === layout.unaccepted) {
      this.kind = PageKind.free;
      this.pages = 2 ** layout.maxBuddyOrder;
      return;
    }
    let hugetlb = false;
    if ((flags & layout.head) !== 0) hugetlb = this.judgeCompound(words, at, pfn, mapcount);
    const anonymous = (words[at + layout.mapping]! & mappingAnon) !== 0 && !slab;
    const isCache =
      (flags & layout.lru) !== 0 || ((flags & layout.swapcache) !== 0 && (flags & layout.swapbacked) !== 0);
    if (isCache && !anonymous)
      this.kind = (flags & layout.privateFlag) === 0 ? PageKind.cache : PageKind.cachePrivate;
    else if (anonymous || hugetlb) this.kind = PageKind.user;
    else if (this.poisoned) this.kind = PageKind.hwpoison;
    else if (mapcount === layout.offline && !slab) this.kind = PageKind.offline;
    else this.kind = PageKind.kept;
  }

  /** Sets `pages` from a compound head's order; answers whether it is a hugetlb page. */
  private judgeCompound(words: Uint32Array, at: number, pfn: number, mapcount: number): boolean {
    const { compound, words: structWords, flags } = this.layout;
    if (compound === undefined || at + 2 * structWords > words.length) return false;
    const second = at + structWords;
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
    if (order <= maxOrder && pfn % 2 ** order === 0) this.pages = 2 ** order;
    return hugetlb;
  }
}

const byteAt = (words: Uint32Array, base: number, offset: number): number =>
  (words[base + (offset >>> 2)]! >>> ((offset & 3) * 8)) & 0xff;
