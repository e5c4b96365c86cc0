/**
 * struct page by release: the vmcoreinfo lines, and the 64 bytes.
 *
 * Sources: real dumps of 6.1, 6.12 and 7.2 (x86_64 and arm64); enum pageflags of include/linux/page-flags.h, and kernel/crash_core.c
 * (kernel/vmcore_info.c since 6.9) of the release elsewhere. Bits of PG_hwpoison are those of x86_64, where PG_uncached precedes it until 6.11.
 */
import type { InfoLines } from './vmcoreinfo-text.ts';

export type PageFlag =
  | 'lru'
  | 'private'
  | 'swapcache'
  | 'swapbacked'
  | 'slab'
  | 'hwpoison'
  | 'head'
  | 'reserved';
export type PageType = 'buddy' | 'slab' | 'hugetlb' | 'offline' | 'unaccepted';

/** A page frame in the field's words. */
export interface PageSpec {
  readonly flags?: readonly PageFlag[];
  /** A page type, in `_mapcount`; without one, _mapcount is -1 or `mapcount`. */
  readonly type?: PageType;
  readonly mapcount?: number;
  /** Bit 0 of mapping makes it anonymous. */
  readonly mapping?: bigint;
  /** page.private: the order of a free block. */
  readonly private?: bigint;
  /** Set for the tails of compound pages. */
  readonly tail?: true;
  /** For the second page of a compound page: what it says of the whole. */
  readonly compound?: { readonly order: number; readonly hugetlb: boolean };
}

export interface PageRelease {
  /** The first release that has it. */
  readonly name: string;
  readonly info: InfoLines;
  readonly flags: Readonly<Partial<Record<PageFlag, number>>>;
  readonly types: Readonly<Partial<Record<PageType, number>>>;
  /** How the second page of a compound page tells order and hugetlb. */
  readonly compound: 'bytes' | 'flags-1' | 'page-type';
}

const offsets: InfoLines = {
  'SIZE(page)': 64,
  'OFFSET(page.flags)': 0,
  'OFFSET(page.mapping)': 24,
  'OFFSET(page.private)': 40,
  'OFFSET(page._mapcount)': 48,
  'OFFSET(page._refcount)': 52,
  'OFFSET(page.lru)': 8,
  'LENGTH(zone.free_area)': 11,
};
const compoundHead: InfoLines = { 'OFFSET(page.compound_head)': 8 };
const compoundBytes: InfoLines = {
  ...compoundHead,
  'OFFSET(page.compound_dtor)': 16,
  'OFFSET(page.compound_order)': 17,
  'NUMBER(HUGETLB_PAGE_DTOR)': 2,
};
const numberOf = {
  buddy: 'BUDDY',
  slab: 'SLAB',
  hugetlb: 'HUGETLB',
  offline: 'OFFLINE',
  unaccepted: 'UNACCEPTED',
};

function since(
  name: string,
  flags: PageRelease['flags'],
  types: PageRelease['types'],
  compound: PageRelease['compound'],
  ...extra: readonly InfoLines[]
): PageRelease {
  const info: Record<string, number | string | bigint> = { ...offsets };
  for (const [flag, bit] of Object.entries(flags)) {
    if (flag === 'head') info['NUMBER(PG_head_mask)'] = 2 ** bit;
    else if (flag !== 'reserved') info[`NUMBER(PG_${flag})`] = bit;
  }
  for (const [type, value] of Object.entries(types)) {
    info[`NUMBER(PAGE_${numberOf[type as PageType]}_MAPCOUNT_VALUE)`] = value;
  }
  return { name, info: Object.assign(info, ...extra), flags, types, compound };
}

const flags418 = {
  lru: 5,
  slab: 8,
  swapcache: 9,
  reserved: 11,
  private: 12,
  head: 15,
  swapbacked: 18,
  hwpoison: 22,
};
/** PG_workingset came in (1899ad18c607, 4.20), and PG_error went behind PG_waiters. */
const flags420 = {
  lru: 4,
  slab: 9,
  swapcache: 10,
  reserved: 12,
  private: 13,
  head: 16,
  swapbacked: 19,
  hwpoison: 23,
};
/** PG_writeback and PG_head moved to the front (6.6). */
const flags66 = {
  lru: 5,
  head: 6,
  slab: 11,
  swapcache: 12,
  reserved: 14,
  private: 15,
  swapbacked: 19,
  hwpoison: 23,
};
/** Slab became a page type (46df8e73a4a3). */
const flags610 = { lru: 5, head: 6, swapcache: 11, reserved: 13, private: 14, swapbacked: 18, hwpoison: 22 };
/** PG_error, PG_mappedtodisk and PG_uncached went. */
const flags612 = { lru: 5, head: 6, swapcache: 10, reserved: 13, private: 14, swapbacked: 17, hwpoison: 20 };
/** PG_dropbehind came in (6.14). */
const flags614 = { ...flags612, hwpoison: 21 };
/** The complement of a bit of _mapcount; the bits moved up in 6.11. */
const typesBits = { buddy: ~0x80, offline: ~0x100 };
const typesHugetlb = { ...typesBits, hugetlb: ~0x800 };
const typesSlab = { ...typesHugetlb, slab: ~0x1000 };
const types611 = { buddy: ~0x4000_0000, offline: ~0x2000_0000, hugetlb: ~0x0400_0000, slab: ~0x0200_0000 };
/** The upper byte of _mapcount (PGTY_*). */
const typesWhole = { buddy: -268435456, offline: -251658240, hugetlb: -201326592, slab: -184549376 };
const typesUnaccepted = { ...typesWhole, unaccepted: -150994944 };

/** Every way in which struct page was told to dump tools since 4.18, oldest first. */
export const pageReleases: readonly PageRelease[] = [
  since('4.18', flags418, { buddy: -129 }, 'bytes', compoundBytes),
  // VMCOREINFO_NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE): e04b742f74c2.
  since('5.1', flags420, typesBits, 'bytes', compoundBytes),
  since('6.3', flags420, typesBits, 'bytes', compoundHead, {
    'OFFSET(folio._folio_dtor)': 80,
    'OFFSET(folio._folio_order)': 81,
    'NUMBER(HUGETLB_PAGE_DTOR)': 2,
  }),
  since('6.6', flags66, typesBits, 'flags-1', compoundHead, { 'NUMBER(PG_hugetlb)': 8 }),
  // d99e3140a4d3 came with 6.9, and into the long-term kernels with 6.6.30.
  since('6.6.30', flags66, typesHugetlb, 'page-type', compoundHead),
  since('6.7', flags66, typesBits, 'flags-1', compoundHead, { 'NUMBER(PG_hugetlb)': 8 }),
  since('6.9', flags66, typesHugetlb, 'page-type', compoundHead),
  since('6.10', flags610, typesSlab, 'page-type', compoundHead),
  since('6.11', flags610, types611, 'page-type', compoundHead),
  since('6.12', flags612, typesWhole, 'page-type', compoundHead),
  // VMCOREINFO_NUMBER(PAGE_UNACCEPTED_MAPCOUNT_VALUE), with CONFIG_UNACCEPTED_MEMORY.
  since('6.16', flags614, typesUnaccepted, 'page-type', compoundHead),
  since('7.1', flags614, typesUnaccepted, 'page-type', { 'OFFSET(page.compound_info)': 8 }),
];

/** Is release `a` ("6.1", "6.12.107+deb13-amd64") the same as or newer than `b`, by its first three numbers? */
export function isSince(a: string, b: string): boolean {
  const numbers = (release: string): number[] =>
    [0, 1, 2].map((i) => Number.parseInt(release.split('.')[i] ?? '0', 10));
  const [ours, theirs] = [numbers(a), numbers(b)];
  const at = ours.findIndex((number, i) => number !== theirs[i]);
  return at < 0 || ours[at]! > theirs[at]!;
}

/** What a release has: "6.1" has what came with 5.1. */
export function pageReleaseOf(release: string): PageRelease {
  const found = pageReleases.findLast(({ name }) => isSince(release, name));
  if (found === undefined) throw new Error(`nothing is known of struct page in ${release}`);
  return found;
}

/** The 2^order struct pages of a compound page: the head as told, and its tails. */
export function compoundPages(of: PageRelease, order: number, head: PageSpec, hugetlb = false): PageSpec[] {
  const type = hugetlb && of.compound === 'page-type' ? ({ type: 'hugetlb' } as const) : {};
  const pages: PageSpec[] = [{ ...head, ...type, flags: ['head', ...(head.flags ?? [])] }];
  while (pages.length < 2 ** order) pages.push({ tail: true });
  pages[1] = { tail: true, compound: { order, hugetlb } };
  return pages;
}

/** The 64 bytes of a struct page. */
export function structPage(of: PageRelease, spec: PageSpec): Uint8Array {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  let flags = 0;
  for (const flag of spec.flags ?? []) {
    const bit = of.flags[flag];
    if (bit === undefined) throw new Error(`Linux ${of.name} has no PG_${flag}`);
    flags += 2 ** bit;
  }
  const type = spec.type === undefined ? undefined : of.types[spec.type];
  if (spec.type !== undefined && type === undefined)
    throw new Error(`Linux ${of.name} has no page type ${spec.type}`);
  if (spec.compound !== undefined) {
    const { order, hugetlb } = spec.compound;
    if (of.compound === 'bytes') {
      view.setUint8(16, hugetlb ? 2 : 1);
      view.setUint8(17, order);
    } else flags += order + (of.compound === 'flags-1' && hugetlb ? 2 ** 8 : 0);
  }
  view.setUint32(0, flags, true);
  // Zone and node sit in the upper half of flags; they must not matter.
  view.setUint32(4, 0x0200_0000, true);
  view.setBigUint64(8, spec.tail === true ? 0xffff_ea00_0000_0001n : 0xffff_ea00_0000_0008n, true);
  view.setBigUint64(24, spec.mapping ?? 0n, true);
  view.setBigUint64(40, spec.private ?? 0n, true);
  view.setInt32(48, type ?? spec.mapcount ?? -1, true);
  view.setInt32(52, 1, true);
  return bytes;
}
