/**
 * Values of page._mapcount that tell what a page is: the PAGE_*_MAPCOUNT_VALUE of vmcoreinfo.
 *
 * Source of truth: include/linux/page-flags.h. Four forms, told apart by what enum pagetype and enum pageflags have:
 *   6.12 and later   enum pagetype { PGTY_buddy = 0xf0, … }: the type is the upper byte
 *   6.11             enum pagetype { PG_buddy = 0x40000000, … }: a type is a bit that is clear
 *   6.9, 6.10        macros PG_buddy 0x80, PG_offline 0x100, PG_hugetlb 0x800 (d99e3140a4d3), 6.10 PG_slab 0x1000 (46df8e73a4a3);
 *                    a type is a bit that is clear
 *   4.18 to 6.8      macros PG_buddy 0x80, PG_offline 0x100; hugetlb and slab are page flags or a destructor
 * Macros leave nothing in a vmlinux, so that their values are written here.
 */
import type { Layouts } from '../../../kernel/types/layouts.ts';

/** Undefined for what the release tells in another way. */
export interface PageTypes {
  readonly buddy: number;
  readonly offline: number;
  readonly hugetlb: number | undefined;
  readonly slab: number | undefined;
  readonly unaccepted: number | undefined;
}

const macroValues = { buddy: 0x80, offline: 0x100, hugetlb: 0x800, slab: 0x1000 } as const;

export function pageTypes(layouts: Layouts): PageTypes {
  const inEnum = (name: string): number | undefined => {
    const whole = layouts.enumValue('pagetype', `PGTY_${name}`);
    if (whole !== undefined) return (whole << 24) | 0;
    const bit = layouts.enumValue('pagetype', `PG_${name}`);
    return bit === undefined ? undefined : ~bit;
  };
  const buddy = inEnum('buddy');
  if (buddy !== undefined) {
    return {
      buddy,
      offline: inEnum('offline') ?? ~macroValues.offline,
      hugetlb: inEnum('hugetlb'),
      slab: inEnum('slab'),
      unaccepted: inEnum('unaccepted'),
    };
  }
  const isFlag = (name: string): boolean => layouts.enumValue('pageflags', name) !== undefined;
  const hasSlabType = !isFlag('PG_slab');
  // Destructors and a byte for the order went in 6.6, where PG_hugetlb became a flag in every configuration. A kernel before that may have none
  // of the three, without CONFIG_HUGETLB_PAGE; it still has the byte.
  const hasOrderByte =
    layouts.offset('page.compound_order') !== undefined || layouts.offset('folio._folio_order') !== undefined;
  const hasHugetlbType = hasSlabType || (!hasOrderByte && !isFlag('PG_hugetlb'));
  return {
    buddy: ~macroValues.buddy,
    offline: ~macroValues.offline,
    hugetlb: hasHugetlbType ? ~macroValues.hugetlb : undefined,
    slab: hasSlabType ? ~macroValues.slab : undefined,
    unaccepted: undefined,
  };
}
