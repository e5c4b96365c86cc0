/**
 * What a page frame is used for, from its struct page, by the names that vmcoreinfo gives.
 *
 * Source of truth: include/linux/page-flags.h and include/linux/mm_types.h. What moved, and the key that tells:
 *   compound head      page.compound_head; page.compound_info since 7.1 (bit 0 marks a tail in both)
 *   compound order     page[1].compound_order (u8 since 4.16); folio._folio_order in 6.3-6.5; low byte of page[1].flags since 6.6
 *   hugetlb            page[1].compound_dtor == HUGETLB_PAGE_DTOR; PG_hugetlb in page[1].flags in 6.6-6.8; a page type since 6.9, and 6.6.30
 *                      (d99e3140a4d3)
 *   slab               PG_slab; a page type since 6.10 (46df8e73a4a3)
 *   page types         values of _mapcount; whole values since 6.12, compared exactly in either form
 */
import { VmcoreError } from '../../base/errors.ts';
import type { Kernel } from '../kernel.ts';
import type { Vmcoreinfo } from '../vmcoreinfo.ts';

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

/** `hugetlb`: undefined, or a mask of 0, in kernels without CONFIG_HUGETLB_PAGE, which have compound pages all the same. */
type CompoundLayout =
  | { readonly kind: 'page-type'; readonly hugetlb: number }
  | { readonly kind: 'flags-1'; readonly hugetlb: number }
  | {
      readonly kind: 'bytes';
      readonly order: number;
      readonly dtor: number;
      readonly hugetlb: number | undefined;
    };

/** Everything needed to judge a struct page (page-judge.ts), as 32-bit word indices and masks. All flags are in the low word. */
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
  readonly compound: CompoundLayout;
  readonly maxBuddyOrder: number;
}

/** `byte` checks the offset of a byte of struct page. */
function compoundLayout(info: Vmcoreinfo, byte: (offset: number) => number): CompoundLayout {
  const hugetlbType = info.smallNumber('PAGE_HUGETLB_MAPCOUNT_VALUE');
  if (hugetlbType !== undefined) return { kind: 'page-type', hugetlb: hugetlbType };
  const inSecondPage = (page: string, folio: string): number | undefined => {
    const folioOffset = info.offset(folio);
    return (
      info.offset(page) ?? (folioOffset === undefined ? undefined : folioOffset - info.requireSize('page'))
    );
  };
  const order = inSecondPage('page.compound_order', 'folio._folio_order');
  const dtor = inSecondPage('page.compound_dtor', 'folio._folio_dtor');
  if (order === undefined || dtor === undefined) {
    return { kind: 'flags-1', hugetlb: bit(info.smallNumber('PG_hugetlb')) };
  }
  const hugetlb = info.smallNumber('HUGETLB_PAGE_DTOR');
  return { kind: 'bytes', order: byte(order), dtor: byte(dtor), hugetlb };
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
  const misplaced = (offset: number): VmcoreError =>
    new VmcoreError(
      'E_NO_INFO',
      `its vmcoreinfo puts a member of struct page at ${offset} of ${size} bytes`,
      { file: dump.source.name },
    );
  const word = (offset: number): number => {
    if (offset % 4 !== 0 || offset >= size || size % 4 !== 0) throw misplaced(offset);
    return offset / 4;
  };
  const byte = (offset: number): number => {
    if (offset < 0 || offset >= size) throw misplaced(offset);
    return offset;
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
    compound: compoundLayout(info, byte),
    maxBuddyOrder: freeAreas - 1,
  };
}

/** A run of page frames [from, to) that are all of `kind`. */
export type EmitRun = (from: number, to: number, kind: PageKind) => void;
