/** Does a vmcoreinfo say all that filtering needs? What to do when it does not is in complete.ts, which most dumps never load. */
import type { Dump } from '../../../formats/dump.ts';
import { Vmcoreinfo } from '../../../kernel/vmcoreinfo.ts';

/** What classifying pages needs. Of those in one group, a release has one. */
const needed: readonly (readonly string[])[] = [
  ...['SIZE(page)', 'SIZE(mem_section)', 'OFFSET(mem_section.section_mem_map)', 'OFFSET(page.flags)'],
  ...['OFFSET(page.mapping)', 'OFFSET(page.lru)', 'OFFSET(page._mapcount)', 'OFFSET(page.private)'],
  ...['LENGTH(zone.free_area)', 'NUMBER(PG_lru)', 'NUMBER(PG_private)', 'NUMBER(PG_swapcache)'],
  ...['NUMBER(PG_swapbacked)', 'NUMBER(PG_head_mask)', 'NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)'],
  'NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)',
]
  .map((key) => [key])
  .concat([
    ['OFFSET(page.compound_head)', 'OFFSET(page.compound_info)'],
    ['NUMBER(PG_slab)', 'NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)'],
    ['NUMBER(HUGETLB_PAGE_DTOR)', 'NUMBER(PG_hugetlb)', 'NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)'],
  ]);

/** Are they all there? */
export const namesTypes = (info: Vmcoreinfo): boolean =>
  needed.every((group) => group.some((key) => info.text(key) !== undefined));

/** Is there nothing that complete.ts could add? */
export function isComplete({ vmcoreinfo, source }: Dump): boolean {
  if (vmcoreinfo === undefined) return true;
  const info = new Vmcoreinfo(vmcoreinfo, source.name);
  const hasSections = ['SECTION_SIZE_BITS', 'MAX_PHYSMEM_BITS'].every(
    (key) => info.number(key) !== undefined,
  );
  return hasSections && namesTypes(info);
}
