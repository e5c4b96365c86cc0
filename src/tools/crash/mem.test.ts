import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes } from '../../../test/support/c-types.ts';
import { describeMemory } from './mem.ts';

const common = `
  struct list_head { struct list_head *next; struct list_head *prev; };
  struct cpumask { unsigned long bits[1]; };
  struct free_area { struct list_head free_list[3]; unsigned long nr_free; };
  struct percpu_counter { int lock; long count; void *counters; };
  struct hstate { unsigned int order; unsigned long nr_huge_pages; unsigned long free_huge_pages; unsigned long resv_huge_pages;
    unsigned long surplus_huge_pages; };
  struct address_space { unsigned long nrpages; };
`;

const forms = {
  /** 7.2: swap entries in use are atomic, vmalloc is counted with the rest. */
  'since 6.19': `${common}
    enum zone_stat_item { NR_FREE_PAGES, NR_ZONE_LRU_BASE, NR_ZONE_INACTIVE_ANON = 1, NR_MLOCK, NR_VM_ZONE_STAT_ITEMS };
    enum node_stat_item { NR_LRU_BASE, NR_INACTIVE_ANON = 0, NR_ACTIVE_ANON, NR_INACTIVE_FILE, NR_ACTIVE_FILE, NR_SLAB_RECLAIMABLE_B,
      NR_SLAB_UNRECLAIMABLE_B, NR_ANON_MAPPED, NR_FILE_MAPPED, NR_FILE_PAGES, NR_FILE_DIRTY, NR_WRITEBACK, NR_SHMEM, NR_KERNEL_MISC_RECLAIMABLE,
      NR_KERNEL_STACK_KB, NR_PAGETABLE, NR_SWAPCACHE, NR_VMALLOC, NR_VM_NODE_STAT_ITEMS };
    struct zone { unsigned long _watermark[4]; unsigned long watermark_boost; unsigned long zone_start_pfn; long managed_pages;
      unsigned long spanned_pages; unsigned long present_pages; char *name; struct free_area free_area[3]; long vm_stat[3]; };
    struct pglist_data { struct zone node_zones[2]; int nr_zones; unsigned long node_start_pfn; unsigned long node_present_pages;
      unsigned long node_spanned_pages; int node_id; };
    struct inode { struct address_space *i_mapping; struct list_head i_sb_list; };
    struct super_block { struct list_head s_inodes; };
    struct swap_info_struct { unsigned long flags; short prio; unsigned int pages; long inuse_pages; struct file *swap_file; };`,
  /** 4.18: stacks and page tables belong to zones, one node, buffers by block device. */
  '4.18': `${common}
    enum zone_stat_item { NR_FREE_PAGES, NR_ZONE_INACTIVE_ANON, NR_MLOCK, NR_KERNEL_STACK_KB, NR_PAGETABLE, NR_VM_ZONE_STAT_ITEMS };
    enum node_stat_item { NR_INACTIVE_ANON, NR_ACTIVE_ANON, NR_INACTIVE_FILE, NR_ACTIVE_FILE, NR_SLAB_RECLAIMABLE, NR_SLAB_UNRECLAIMABLE,
      NR_ANON_MAPPED, NR_FILE_MAPPED, NR_FILE_PAGES, NR_FILE_DIRTY, NR_WRITEBACK, NR_SHMEM, NR_VM_NODE_STAT_ITEMS };
    struct zone { unsigned long watermark[3]; unsigned long zone_start_pfn; unsigned long managed_pages;
      unsigned long spanned_pages; unsigned long present_pages; char *name; struct free_area free_area[3]; long vm_stat[5]; };
    struct pglist_data { struct zone node_zones[2]; int nr_zones; unsigned long node_start_pfn; unsigned long node_present_pages;
      unsigned long node_spanned_pages; int node_id; };
    struct inode { struct address_space *i_mapping; };
    struct block_device { struct inode *bd_inode; struct list_head bd_list; };
    struct swap_info_struct { unsigned long flags; short prio; unsigned int pages; unsigned int inuse_pages; struct file *swap_file; };`,
};
type Form = keyof typeof forms;

const nodeCounters: Readonly<Record<string, number>> = {
  NR_INACTIVE_ANON: 10,
  NR_ACTIVE_ANON: 20,
  NR_INACTIVE_FILE: 300,
  NR_ACTIVE_FILE: 500,
  NR_SLAB_RECLAIMABLE_B: 90,
  NR_SLAB_RECLAIMABLE: 90,
  NR_SLAB_UNRECLAIMABLE_B: 60,
  NR_SLAB_UNRECLAIMABLE: 60,
  NR_ANON_MAPPED: 30,
  NR_FILE_MAPPED: 40,
  NR_FILE_PAGES: 900,
  NR_FILE_DIRTY: 5,
  // Not yet added by a CPU.
  NR_WRITEBACK: -3,
  NR_SHMEM: 50,
  NR_KERNEL_MISC_RECLAIMABLE: 0,
  NR_KERNEL_STACK_KB: 64,
  NR_PAGETABLE: 12,
  NR_SWAPCACHE: 7,
  NR_VMALLOC: 33,
  NR_FREE_PAGES: 2000,
  NR_MLOCK: 1,
  NR_ZONE_INACTIVE_ANON: 10,
};

function itemsOf(form: Form, name: string): string[] {
  const body = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(forms[form])![1]!;
  const items: string[] = [];
  let next = 0;
  for (const item of body.split(',').map((text) => text.trim())) {
    const [key, value] = item.split('=').map((text) => text.trim());
    if (value !== undefined) next = Number(value);
    items[next++] = key!;
  }
  return items;
}

function machine(form: Form) {
  const made = new CKernel(new CTypes(forms[form]));
  const isOld = form === '4.18';
  const values = (name: string): number[] => itemsOf(form, name).map((item) => nodeCounters[item] ?? 0);
  const mark = isOld ? 'watermark' : '_watermark';
  const zone = (i: number, name: string, start: number, free: number) => ({
    [`node_zones[${i}].name`]: made.text(name),
    [`node_zones[${i}].zone_start_pfn`]: start,
    [`node_zones[${i}].managed_pages`]: 2900,
    [`node_zones[${i}].spanned_pages`]: 4096,
    [`node_zones[${i}].present_pages`]: 3000,
    [`node_zones[${i}].${mark}[0]`]: 10,
    [`node_zones[${i}].${mark}[1]`]: 20,
    [`node_zones[${i}].${mark}[2]`]: 30,
    [`node_zones[${i}].vm_stat[0]`]: free,
    [`node_zones[${i}].free_area[0].nr_free`]: 4,
    [`node_zones[${i}].free_area[2].nr_free`]: 9,
  });
  const node = made.place('pglist_data', {
    node_id: 0,
    node_start_pfn: 1,
    node_spanned_pages: 4096,
    node_present_pages: 3000,
    ...zone(0, 'Normal', 1, 2000),
    ...(isOld ? {} : { 'node_zones[0].watermark_boost': 5 }),
    'node_zones[1].name': made.text('Movable'),
  });
  const mapping = (pages: number): bigint => made.place('address_space', { nrpages: pages });
  const symbols: Record<string, bigint> = {
    vm_zone_stat: made.longs(...values('zone_stat_item')),
    vm_node_stat: made.longs(...values('node_stat_item')),
    totalreserve_pages: made.longs(100),
    total_swap_pages: made.longs(1000),
    nr_swap_pages: made.longs(800),
    nr_swapfiles: made.longs(2),
    // The second is being swapped off.
    swap_info: made.longs(
      made.place('swap_info_struct', { flags: 3, pages: 1000, inuse_pages: 200, prio: -2 }),
      made.place('swap_info_struct', { flags: 1, inuse_pages: isOld ? 50 : (1n << 62n) | 50n }),
    ),
    sysctl_overcommit_kbytes: made.longs(0),
    sysctl_overcommit_ratio: made.longs(50),
    vm_committed_as: made.place('percpu_counter', { count: 400, counters: made.longs(-30, 0) }),
    __per_cpu_offset: made.longs(0, 8),
    __cpu_possible_mask: made.place('cpumask', { 'bits[0]': 3 }),
    hstates: made.place('hstate', { order: 9, nr_huge_pages: 2, free_huge_pages: 1 }),
    hugetlb_max_hstate: made.longs(1),
    pcpu_nr_populated: made.longs(6),
    pcpu_nr_units: made.longs(2),
  };
  if (isOld) {
    symbols.contig_page_data = node;
    symbols.totalram_pages = made.longs(3000);
    symbols.nr_vmalloc_pages = made.longs(33);
    symbols.all_bdevs = made.place('list_head');
    const devices = [20, 5].map((pages) =>
      made.place('block_device', { bd_inode: made.place('inode', { i_mapping: mapping(pages) }) }),
    );
    made.link(
      symbols.all_bdevs,
      devices.map((device) => made.member('block_device', device, 'bd_list')),
    );
  } else {
    symbols.node_data = made.longs(0, node);
    symbols.nr_node_ids = made.longs(2);
    symbols._totalram_pages = made.longs(3000);
    const superblock = made.place('super_block');
    const inodes = [20, 5].map((pages) => made.place('inode', { i_mapping: mapping(pages) }));
    made.link(
      superblock,
      inodes.map((inode) => made.member('inode', inode, 'i_sb_list')),
    );
    symbols.blockdev_superblock = made.longs(superblock);
  }
  return { made, symbols, node };
}

describe('memory', () => {
  for (const form of Object.keys(forms) as Form[]) {
    it(`is told as /proc/meminfo tells it (${form})`, () => {
      const { made, symbols } = machine(form);
      const { nodes, counters, swap, swapFiles, commit, hugePages, missing, ...bytes } = describeMemory(
        made.crashed(symbols),
      );
      assert.deepEqual(missing, []);
      const swapCache = form === '4.18' ? 0 : 7;
      const low = form === '4.18' ? 20 : 25;
      assert.deepEqual(
        Object.fromEntries(Object.entries(bytes).map(([name, value]) => [name, value! / 4096])),
        {
          total: 3000,
          free: 2000,
          available: 2000 - 100 + (800 - low) + (90 - low),
          used: 1000,
          shared: 50,
          buffers: 25,
          cached: 900 - 25 - swapCache,
          anonymous: 30,
          mapped: 40,
          dirty: 5,
          writeback: 0,
          slab: 150,
          slabReclaimable: 90,
          slabUnreclaimable: 60,
          kernelStack: 16,
          pageTables: 12,
          vmalloc: 33,
          perCpu: 12,
        },
      );
      assert.deepEqual(swap, { total: 1050 * 4096, free: 850 * 4096, used: 200 * 4096 });
      assert.deepEqual(swapFiles, [
        { path: '', size: 1000 * 4096, used: 200 * 4096, priority: -2 },
        { path: '', size: 0, used: 50 * 4096, priority: 0 },
      ]);
      // Half of what is not in huge pages, and the swap; one CPU has yet to take 30 off.
      assert.deepEqual(commit, { limit: ((3000 - 1024) / 2 + 1050) * 4096, committed: 370 * 4096 });
      assert.deepEqual(hugePages, [{ size: 2 ** 21, total: 2, free: 1, reserved: 0, surplus: 0 }]);
      const boost = form === '4.18' ? 0 : 5;
      assert.deepEqual(nodes, [
        {
          node: 0,
          startPfn: 1,
          spannedPages: 4096,
          presentPages: 3000,
          zones: [
            {
              name: 'Normal',
              startPfn: 1,
              spannedPages: 4096,
              presentPages: 3000,
              managedPages: 2900,
              freePages: 2000,
              watermarks: { min: 10 + boost, low, high: 30 + boost },
              freeBlocks: [4, 0, 9],
            },
          ],
        },
      ]);
      assert.equal(counters.NR_ACTIVE_FILE, 500);
      assert.equal(Object.hasOwn(counters, 'NR_LRU_BASE'), false);
      assert.equal(Object.hasOwn(counters, 'NR_VM_NODE_STAT_ITEMS'), false);
    });
  }

  it('has no swap in kernels without it', () => {
    const { made, symbols } = machine('since 6.19');
    for (const name of ['total_swap_pages', 'swap_info', 'hstates']) delete symbols[name];
    const { swap, hugePages, missing } = describeMemory(made.crashed(symbols));
    assert.deepEqual([swap, hugePages, missing], [{ total: 0, free: 0, used: 0 }, [], []]);
  });

  it('is null where the dump does not tell, with the reason for each', () => {
    const { made } = machine('since 6.19');
    const { nodes, counters, swapFiles, missing, ...rest } = describeMemory(made.crashed());
    assert.deepEqual([nodes, counters, swapFiles], [[], {}, []]);
    assert.deepEqual([...new Set(Object.values(rest))], [null]);
    assert.deepEqual(
      missing.map((line) => line.split(':')[0]),
      [
        'the counters of memory',
        'the nodes of memory',
        'all RAM',
        'the buffers',
        'the swap',
        'the huge pages',
        'what is committed',
        'the reserved pages',
        'vmalloc',
        'per-CPU memory',
        'the swap files',
      ],
    );
  });

  it('is told without the buffers when their list is smashed', () => {
    const { made, symbols } = machine('4.18');
    made.set('list_head', symbols.all_bdevs!, { next: 0x1234n });
    const { buffers, cached, total, missing } = describeMemory(made.crashed(symbols));
    assert.deepEqual([buffers, cached, total], [null, null, 3000 * 4096]);
    assert.equal(missing.length, 1);
    assert.match(missing[0]!, /^the buffers: /);
  });

  it('ends with numbers of nodes, swap files and huge pages that were smashed', () => {
    const { made, symbols } = machine('since 6.19');
    for (const name of ['nr_node_ids', 'nr_swapfiles', 'hugetlb_max_hstate'])
      symbols[name] = made.longs(0xffff_ffff);
    const { total, missing } = describeMemory(made.crashed(symbols));
    assert.equal(total, 3000 * 4096);
    assert.ok(missing.length > 0);
  });
});
