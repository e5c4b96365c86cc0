/**
 * struct page by release: the vmcoreinfo lines, and the 64 bytes. Numbers are those of real x86_64 and arm64 kernels where a dump of that
 * release was at hand (6.1, 6.12, 7.2), and of include/linux/page-flags.h of the release elsewhere.
 */
import type { InfoLines } from './vmcoreinfo-text.ts';

export type PageFlag = 'lru' | 'private' | 'swapcache' | 'swapbacked' | 'slab' | 'hwpoison' | 'head';
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
  'LENGTH(zone.free_area)': 11,
};
const compoundHead: InfoLines = { 'OFFSET(page.compound_head)': 8 };
const numberOf = {
  buddy: 'BUDDY',
  slab: 'SLAB',
  hugetlb: 'HUGETLB',
  offline: 'OFFLINE',
  unaccepted: 'UNACCEPTED',
};

function release(
  name: string,
  flags: PageRelease['flags'],
  types: PageRelease['types'],
  compound: PageRelease['compound'],
  ...extra: readonly InfoLines[]
): PageRelease {
  const info: Record<string, number | string | bigint> = { ...offsets };
  for (const [flag, bit] of Object.entries(flags)) {
    if (flag === 'head') info['NUMBER(PG_head_mask)'] = 2 ** bit;
    else info[`NUMBER(PG_${flag})`] = bit;
  }
  for (const [type, value] of Object.entries(types)) {
    info[`NUMBER(PAGE_${numberOf[type as PageType]}_MAPCOUNT_VALUE)`] = value;
  }
  return { name, info: Object.assign(info, ...extra), flags, types, compound };
}

const flags61 = { lru: 4, slab: 9, swapcache: 10, private: 13, head: 16, swapbacked: 19, hwpoison: 23 };
const flags66 = { lru: 5, head: 6, slab: 11, private: 15, swapcache: 12, swapbacked: 19, hwpoison: 22 };
const flags612 = { lru: 5, head: 6, swapcache: 10, private: 14, swapbacked: 17, hwpoison: 20 };
const flags71 = { ...flags612, hwpoison: 21 };
const typesBits = { buddy: -129, offline: -257 };
const typesWhole = { buddy: -268435456, offline: -251658240, hugetlb: -201326592, slab: -184549376 };

/** Every way in which struct page was told to dump tools since 6.1. */
export const pageReleases: readonly PageRelease[] = [
  release('6.1', flags61, typesBits, 'bytes', compoundHead, {
    'OFFSET(page.compound_dtor)': 16,
    'OFFSET(page.compound_order)': 17,
    'NUMBER(HUGETLB_PAGE_DTOR)': 2,
  }),
  release('6.3', flags61, typesBits, 'bytes', compoundHead, {
    'OFFSET(folio._folio_dtor)': 80,
    'OFFSET(folio._folio_order)': 81,
    'NUMBER(HUGETLB_PAGE_DTOR)': 2,
  }),
  release('6.6', flags66, typesBits, 'flags-1', compoundHead, { 'NUMBER(PG_hugetlb)': 8 }),
  release('6.9', flags66, { ...typesBits, hugetlb: -2049 }, 'page-type', compoundHead),
  release('6.12', flags612, typesWhole, 'page-type', compoundHead),
  release('7.1', flags71, { ...typesWhole, unaccepted: -150994944 }, 'page-type', {
    'OFFSET(page.compound_info)': 8,
  }),
];

export function pageReleaseNamed(name: string): PageRelease {
  const found = pageReleases.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no struct page of ${name}`);
  return found;
}

/** The 64 bytes of a struct page. */
export function structPage(of: PageRelease, spec: PageSpec): Uint8Array {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  let flags = 0;
  for (const flag of spec.flags ?? []) {
    const bit = of.flags[flag];
    if (bit === undefined) throw new Error(`${of.name} has no PG_${flag}`);
    flags += 2 ** bit;
  }
  const type = spec.type === undefined ? undefined : of.types[spec.type];
  if (spec.type !== undefined && type === undefined)
    throw new Error(`${of.name} has no page type ${spec.type}`);
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
