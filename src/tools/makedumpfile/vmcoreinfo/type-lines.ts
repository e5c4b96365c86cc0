/**
 * The lines of vmcoreinfo that come from types alone: from those of a vmlinux (generate.ts) or from the BTF in a dump (complete.ts).
 */
import type { Layouts } from '../../../kernel/types/layouts.ts';
import type { Lines } from './lines.ts';
import { pageTypes } from './page-types.ts';

/** struct page and what leads to the free ones. E_NO_INFO when the types do not have struct page. */
export function addMemory(lines: Lines, layouts: Layouts): void {
  layouts.requireSize('page');
  lines.sizes('page', 'pglist_data', 'zone', 'free_area', 'list_head', 'nodemask_t');
  lines.offsets('page.flags', 'page._refcount', 'page.mapping', 'page.lru', 'page._mapcount', 'page.private');
  // Where a large page's order and destructor are: page until 6.2, folio in 6.3-6.5; page.compound_info since 7.1.
  if (layouts.offset('page.compound_order') !== undefined)
    lines.offsets('page.compound_dtor', 'page.compound_order');
  else lines.offsets('folio._folio_dtor', 'folio._folio_order');
  lines.offsets('page.compound_head', 'page.compound_info');
  lines.offsets('pglist_data.node_zones', 'pglist_data.nr_zones', 'pglist_data.node_mem_map');
  lines.offsets('pglist_data.node_start_pfn', 'pglist_data.node_spanned_pages', 'pglist_data.node_id');
  lines.offsets('zone.free_area', 'zone.vm_stat', 'zone.spanned_pages', 'free_area.free_list');
  lines.offsets('list_head.next', 'list_head.prev');
}

/** How pages are told apart. */
export function addPageFlags(lines: Lines, layouts: Layouts): void {
  const flag = (name: string): void => lines.number(name, layouts.enumValue('pageflags', name));
  const types = pageTypes(layouts);
  lines.lengths('free_area.free_list');
  lines.number('NR_FREE_PAGES', layouts.enumValue('zone_stat_item', 'NR_FREE_PAGES'));
  for (const name of ['PG_lru', 'PG_private', 'PG_swapcache', 'PG_swapbacked', 'PG_slab']) flag(name);
  lines.number('PAGE_SLAB_MAPCOUNT_VALUE', types.slab);
  flag('PG_hwpoison');
  const head = layouts.enumValue('pageflags', 'PG_head');
  lines.number('PG_head_mask', head === undefined ? undefined : 2 ** head);
  lines.number('PAGE_BUDDY_MAPCOUNT_VALUE', types.buddy);
  lines.number('HUGETLB_PAGE_DTOR', layouts.enumValue('compound_dtor_id', 'HUGETLB_PAGE_DTOR'));
  // In 6.6-6.8 a flag of the second page.
  flag('PG_hugetlb');
  lines.number('PAGE_HUGETLB_MAPCOUNT_VALUE', types.hugetlb);
  lines.number('PAGE_OFFLINE_MAPCOUNT_VALUE', types.offline);
}
