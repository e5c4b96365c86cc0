import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes, type CValue } from '../../../test/support/c-types.ts';
import { failsWith } from '../../../test/support/expect-error.ts';
import { describePages, type PageInfo } from './pages.ts';

const common = `
  struct list_head { struct list_head *next; struct list_head *prev; };
  struct hlist_node { struct hlist_node *next; struct hlist_node **pprev; };
  struct hlist_head { struct hlist_node *first; };
  struct kmem_cache_order_objects { unsigned int x; };
  struct kmem_cache { char *name; struct list_head list; unsigned int size; unsigned int object_size; struct kmem_cache_order_objects oo;
    struct kmem_cache_cpu *cpu_slab; unsigned int offset; unsigned int red_left_pad; struct kmem_cache_node *node[1]; };
  struct kmem_cache_node { struct list_head partial; };
  struct kmem_cache_cpu { void *freelist; struct slab *slab; };
  struct cpumask { unsigned long bits[1]; };
  struct file_system_type { char *name; };
  struct super_block { struct file_system_type *s_type; char s_id[32]; };
  struct inode { unsigned long i_ino; struct super_block *i_sb; struct hlist_head i_dentry; };
  struct address_space { struct inode *host; };
  struct qstr { char *name; };
  struct dentry { struct hlist_node d_hash; struct dentry *d_parent; struct qstr d_name; struct hlist_node d_alias; };
  struct vfsmount { struct dentry *mnt_root; };
  struct mount { struct vfsmount mnt; };
  struct resource { unsigned long start; unsigned long end; };
  enum zone_stat_item { NR_FREE_PAGES };
  struct free_area { unsigned long nr_free; };
`;
const slabFields =
  'struct list_head slab_list; struct kmem_cache *slab_cache; void *freelist; u16 inuse; u16 objects;';
const pageOf = (head: string): string => `
  struct page { unsigned long flags;
    union {
      struct { struct list_head lru; struct address_space *mapping; unsigned long index; unsigned long private; };
      struct { unsigned long ${head}; unsigned char compound_dtor; unsigned char compound_order; };
    };
    union { int _mapcount; unsigned int page_type; }; int _refcount; unsigned long memcg_data; };`;
const zoneOf = (more: string): string => `
  struct zone { unsigned long watermark[3]; unsigned long zone_start_pfn; unsigned long managed_pages; unsigned long spanned_pages;
    unsigned long present_pages; char *name; struct free_area free_area[11]; long vm_stat[1]; ${more} };
  struct pglist_data { struct zone node_zones[1]; unsigned long node_start_pfn; unsigned long node_present_pages;
    unsigned long node_spanned_pages; int node_id; };`;

const forms = {
  /** Slab is a flag, types are bits that are cleared, tails point to their heads. */
  '6.1': `${common} ${pageOf('compound_head')} ${zoneOf('')} struct slab { unsigned long __page_flags; ${slabFields} };
    enum pageflags { PG_locked, PG_uptodate = 2, PG_lru = 4, PG_slab = 9, PG_owner_priv_1 = 10, PG_reserved = 12, PG_private = 13, PG_head = 16,
      PG_swapbacked = 19, PG_swapcache = 10, PG_checked = 10 };`,
  /** Types are in the upper byte, tails are told by a mask. */
  '7.2': `${common} ${pageOf('compound_info')} ${zoneOf('struct page *vmemmap_tails;')} struct slab { unsigned long flags; ${slabFields} };
    enum pageflags { PG_locked, PG_uptodate = 2, PG_lru = 4, PG_head = 6, PG_owner_priv_1 = 10, PG_reserved = 13, PG_private = 14,
      PG_swapbacked = 17, PG_swapcache = 10, PG_slab_unused = 9 };
    enum pagetype { PGTY_buddy = 240, PGTY_offline, PGTY_table, PGTY_guard, PGTY_hugetlb, PGTY_slab, PGTY_mapcount_underflow = 255 };`,
};
type Form = keyof typeof forms;
const enumBits: Readonly<Record<Form, Readonly<Record<string, number>>>> = {
  '6.1': { slab: 9, lru: 4, private: 13, reserved: 12, head: 16, swapbacked: 19, swapcache: 10, uptodate: 2 },
  '7.2': { slab: 9, lru: 4, private: 14, reserved: 13, head: 6, swapbacked: 17, swapcache: 10, uptodate: 2 },
};

const directMap = 0xffff_8880_0000_0000n;
/** Of the 16 MiB that there are. */
const allPages = 4096;

class Machine {
  readonly made: CKernel;
  readonly symbols: Record<string, bigint> = {};
  readonly mapAddress: bigint;
  private readonly form: Form;

  constructor(form: Form) {
    this.form = form;
    const made = new CKernel(new CTypes(forms[form]));
    this.made = made;
    // A struct page's address without its low bits is its head's: the array begins where a mask can tell.
    this.mapAddress = made.space(64 * allPages, 2 ** 18);
    const zone = {
      'node_zones[0].name': made.text('DMA'),
      'node_zones[0].zone_start_pfn': 1,
      'node_zones[0].spanned_pages': allPages - 1,
    };
    this.symbols.contig_page_data = made.place('pglist_data', {
      node_start_pfn: 1,
      node_spanned_pages: allPages - 1,
      ...zone,
    });
    const bits = enumBits[form];
    const is61 = form === '6.1';
    made.kernel.addInfo({
      'SYMBOL(mem_map)': made.longs(this.mapAddress),
      'SIZE(page)': 64,
      'OFFSET(page.flags)': 0,
      'OFFSET(page.mapping)': 24,
      'OFFSET(page.private)': 40,
      'OFFSET(page._mapcount)': 48,
      'OFFSET(page.lru)': 8,
      [is61 ? 'OFFSET(page.compound_head)' : 'OFFSET(page.compound_info)']: 8,
      'LENGTH(zone.free_area)': 11,
      'NUMBER(PG_lru)': bits.lru!,
      'NUMBER(PG_private)': bits.private!,
      'NUMBER(PG_swapcache)': bits.swapcache!,
      'NUMBER(PG_swapbacked)': bits.swapbacked!,
      'NUMBER(PG_head_mask)': 1 << bits.head!,
      ...(is61
        ? {
            'OFFSET(page.compound_order)': 17,
            'OFFSET(page.compound_dtor)': 16,
            'NUMBER(PG_slab)': 9,
            'NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)': -129,
          }
        : {
            'NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)': 0xf0 * 2 ** 24,
            'NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)': 0xf5 * 2 ** 24,
            'NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)': 0xf4 * 2 ** 24,
          }),
    });
  }

  struct(pfn: number): bigint {
    return this.mapAddress + BigInt(64 * pfn);
  }

  /** Flags by name; all else as the kernel has it for a page of its own. */
  page(pfn: number, flags: readonly string[], values: Readonly<Record<string, CValue>> = {}): void {
    const word = flags.reduce((sum, name) => sum | (1n << BigInt(enumBits[this.form][name]!)), 0n);
    this.made.set('page', this.struct(pfn), { flags: word, _mapcount: -1, _refcount: 1, ...values });
  }

  compound(
    pfn: number,
    order: number,
    flags: readonly string[],
    values: Readonly<Record<string, CValue>> = {},
  ): void {
    this.page(pfn, [...flags, 'head'], values);
    const is61 = this.form === '6.1';
    const mask = BigInt.asUintN(64, -(64n << BigInt(order)));
    for (let tail = pfn + 1; tail < pfn + 2 ** order; tail++)
      this.page(tail, [], {
        _refcount: 0,
        [is61 ? 'compound_head' : 'compound_info']: is61 ? this.struct(pfn) + 1n : mask | 1n,
      });
    if (is61) this.made.set('page', this.struct(pfn + 1), { compound_order: order });
    else this.made.set('page', this.struct(pfn + 1), { flags: order });
  }

  /** A type's value of _mapcount, in both forms. */
  type(name: 'buddy' | 'table' | 'slab' | 'hugetlb'): number {
    if (this.form === '7.2') return { buddy: 0xf0, table: 0xf2, slab: 0xf5, hugetlb: 0xf4 }[name] * 2 ** 24;
    return ~{ buddy: 0x80, table: 0x200, slab: 0, hugetlb: 0 }[name];
  }

  one(asked: string): PageInfo {
    const { pages, missing } = describePages(this.made.crashed(this.symbols), [asked]);
    assert.deepEqual(missing, []);
    return pages[0]!;
  }

  file(): bigint {
    const { made } = this;
    const name = (text: string) => ({ 'd_name.name': made.text(text) });
    const root = made.place('dentry', name('/'));
    made.set('dentry', root, { d_parent: root });
    const folder = made.place('dentry', { ...name('etc'), d_parent: root, 'd_hash.pprev': 1n });
    const entry = made.place('dentry', { ...name('passwd'), d_parent: folder, 'd_hash.pprev': 1n });
    const superblock = made.place('super_block', {
      s_type: made.place('file_system_type', { name: made.text('ext4') }),
      s_id: 'vda',
    });
    const inode = made.place('inode', {
      i_ino: 42,
      i_sb: superblock,
      'i_dentry.first': made.member('dentry', entry, 'd_alias'),
    });
    return made.place('address_space', { host: inode });
  }
}

describe('a page', () => {
  for (const form of Object.keys(forms) as Form[]) {
    it(`of the page allocator is free, with the block it is in (${form})`, () => {
      const machine = new Machine(form);
      machine.page(0x40, [], { _refcount: 0, _mapcount: machine.type('buddy'), private: 3 });
      machine.page(0x45, [], { _refcount: 0 });
      machine.page(0x48, [], { _refcount: 0 });
      assert.deepEqual(machine.one('64').use, { kind: 'free', block: { head: 0x40, order: 3 } });
      assert.deepEqual(machine.one('69').use, { kind: 'free', block: { head: 0x40, order: 3 } });
      // Not in that block any more: a CPU keeps it at hand.
      assert.deepEqual(machine.one('72').use, { kind: 'free', block: null });
    });

    it(`of a slab is its cache's, whichever of its pages it is (${form})`, () => {
      const machine = new Machine(form);
      const { made } = machine;
      const cache = made.place('kmem_cache', {
        name: made.text('dentry'),
        size: 192,
        'oo.x': (2 << 16) | 85,
      });
      machine.compound(
        0x80,
        2,
        form === '6.1' ? ['slab'] : [],
        form === '6.1' ? {} : { _mapcount: machine.type('slab') },
      );
      made.set('slab', machine.struct(0x80), { slab_cache: cache, inuse: 80, objects: 85 });
      const page = machine.one('0x82010');
      assert.equal(page.pfn, 0x82);
      assert.deepEqual(page.use, {
        kind: 'slab',
        slab: {
          cache: 'dentry',
          address: `0x${cache.toString(16)}`,
          objectSize: 192,
          objects: 85,
          inUse: 80,
        },
      });
      assert.deepEqual(page.compound, {
        head: 0x80,
        order: 2,
        flagNames: form === '6.1' ? ['slab', 'head'] : ['head'],
        refcount: 1,
      });
      assert.deepEqual([page.refcount, page.mapping, page.index], [0, null, null]);
    });

    it(`of a slab tells the object that an address is in, and whether it is free (${form})`, () => {
      const machine = new Machine(form);
      const { made } = machine;
      const start = directMap + 0x8_0000n;
      const object = (n: number): bigint => start + 8n + BigInt(96 * n);
      const cpuSlab = made.space(64);
      const cache = made.place('kmem_cache', {
        name: made.text('padded'),
        size: 96,
        'oo.x': (1 << 16) | 85,
        offset: 48,
        red_left_pad: 8,
        cpu_slab: cpuSlab,
      });
      machine.compound(
        0x80,
        1,
        form === '6.1' ? ['slab'] : [],
        form === '6.1' ? {} : { _mapcount: machine.type('slab') },
      );
      made.set('slab', machine.struct(0x80), { slab_cache: cache, objects: 85, freelist: object(7) });
      // The CPU whose slab it is has one more at hand; a slab that is another's does not count.
      made.set('kmem_cache_cpu', cpuSlab, { freelist: object(50), slab: machine.struct(0x80) });
      machine.symbols.__cpu_possible_mask = made.place('cpumask', { 'bits[0]': 1 });
      const at = (address: bigint) => machine.one(`0x${address.toString(16)}`).object;
      const found = (n: number, offset: number, free: boolean) => ({
        address: `0x${object(n).toString(16)}`,
        offset,
        free,
      });
      assert.deepEqual(at(object(0)), found(0, 0, false));
      assert.deepEqual(at(object(7) + 95n), found(7, 95, true));
      // In its second page.
      assert.deepEqual(at(object(50) + 5n), found(50, 5, true));
      assert.equal(at(start + 4n), null);
      assert.equal(at(object(85)), null);
      made.set('kmem_cache_cpu', cpuSlab, { slab: machine.struct(0x90) });
      assert.deepEqual(at(object(50)), found(50, 0, false));
    });

    it(`of a file tells which, and where in it (${form})`, () => {
      const machine = new Machine(form);
      const mapping = machine.file();
      machine.compound(0x100, 1, ['uptodate', 'lru'], { mapping, index: 6, _refcount: 3 });
      const page = machine.one('257');
      assert.deepEqual(page.use, {
        kind: 'file',
        file: {
          mapping: `0x${mapping.toString(16)}`,
          inode: 42,
          fileSystem: 'ext4',
          device: 'vda',
          path: '/etc/passwd',
        },
      });
      assert.deepEqual([page.mapping, page.index], [`0x${mapping.toString(16)}`, 7]);
      assert.deepEqual(machine.one('256').flagNames, ['uptodate', 'lru', 'head']);
    });

    it(`of a process is anonymous, perhaps in the swap cache or shared by KSM (${form})`, () => {
      const machine = new Machine(form);
      const anonVma = 0xffff_8880_0012_3400n;
      machine.page(1, ['uptodate', 'swapbacked'], { mapping: anonVma | 1n, index: 9, _mapcount: 0 });
      machine.page(2, ['swapbacked', 'swapcache'], { mapping: anonVma | 1n });
      machine.page(3, [], { mapping: anonVma | 3n });
      const of = (swapCache: boolean, ksm: boolean) => ({
        kind: 'anonymous',
        anonVma: `0x${anonVma.toString(16)}`,
        swapCache,
        ksm,
      });
      const page = machine.one('1');
      assert.deepEqual([page.use, page.mapcount, page.index], [of(false, false), 1, 9]);
      assert.deepEqual(machine.one('2').use, of(true, false));
      assert.deepEqual(machine.one('3').use, of(false, true));
    });

    it(`of the kernel is what its type or its flags say (${form})`, () => {
      const machine = new Machine(form);
      machine.symbols.crashk_res = machine.made.place('resource', { start: 0x20_0000, end: 0x20_0fff });
      machine.page(5, [], { _mapcount: machine.type('table') });
      machine.page(6, []);
      machine.page(7, ['reserved']);
      machine.page(0x200, ['reserved']);
      assert.deepEqual(machine.one('5').use, { kind: 'typed', type: 'table' });
      assert.equal(machine.one('5').mapcount, null);
      assert.deepEqual(machine.one('6').use, { kind: 'kernel' });
      machine.symbols._text = directMap + 0x30_0000n;
      assert.deepEqual(machine.one('7').use, { kind: 'reserved' });
      assert.deepEqual(machine.one('0x200000').use, { kind: 'crash kernel' });
      machine.symbols._end = directMap + 0x32_0000n;
      machine.symbols._etext = directMap + 0x31_0000n;
      machine.page(0x305, ['reserved']);
      machine.page(0x315, ['reserved']);
      assert.deepEqual(machine.one('0x305000').use, { kind: 'kernel image', part: 'text' });
      assert.deepEqual(machine.one('0x315000').use, { kind: 'kernel image', part: 'data' });
    });
  }

  it('is found by its number, its address, its struct page, and a symbol', () => {
    const machine = new Machine('7.2');
    machine.page(0x123, []);
    machine.symbols.some_variable = directMap + 0x12_3456n;
    for (const asked of [
      '291',
      '0x123abc',
      `0x${(directMap + 0x12_3abcn).toString(16)}`,
      `0x${(machine.struct(0x123) + 8n).toString(16)}`,
      'some_variable',
    ]) {
      const page = machine.one(asked);
      assert.deepEqual(
        [page.asked, page.pfn, page.physical, page.node, page.zone, page.inDump],
        [asked, 0x123, '0x123000', 0, 'DMA', 'present'],
      );
    }
    const crashed = machine.made.crashed(machine.symbols);
    assert.throws(
      () => describePages(crashed, ['no_such_symbol']),
      failsWith('E_USAGE', /neither an address/),
    );
    assert.throws(() => describePages(crashed, ['999999999999999']), failsWith('E_USAGE', /beyond all/));
  });

  it('that is no RAM has no struct page', () => {
    const page = new Machine('7.2').one('1000000');
    assert.deepEqual([page.page, page.use, page.inDump, page.zone], [null, null, 'absent', null]);
  });
});

describe('pages that were smashed', () => {
  const list = (machine: Machine, asked: string) => {
    const { pages, missing } = describePages(machine.made.crashed(machine.symbols), [asked]);
    return { page: pages[0]!, missing };
  };

  it('have a head behind them, or none', () => {
    const machine = new Machine('6.1');
    machine.page(9, [], { compound_head: machine.struct(10) + 1n });
    const { page, missing } = list(machine, '9');
    assert.deepEqual([page.compound, page.flags], [null, '0x0']);
    assert.match(
      missing.join('\n'),
      /^page frame 9: its compound page: the struct page of page frame 9 is a tail of 0x/,
    );
  });

  it('have an order that cannot be', () => {
    const machine = new Machine('6.1');
    machine.compound(0x20, 2, []);
    machine.made.set('page', machine.struct(0x21), { compound_order: 63 });
    const { page, missing } = list(machine, '35');
    assert.equal(page.compound, null);
    assert.match(missing[0]!, /has a head, 32, of order 63$/);
  });

  it('have a mapping that leads nowhere', () => {
    const machine = new Machine('6.1');
    machine.page(11, ['lru'], { mapping: 0xdead_0000_0000_0100n });
    const { page, missing } = list(machine, '11');
    assert.deepEqual(page.use, { kind: 'typed', type: 'file' });
    assert.match(missing[0]!, /^page frame 11: the file: /);
  });

  it('have a slab cache that leads nowhere', () => {
    const machine = new Machine('6.1');
    machine.page(12, ['slab']);
    machine.made.set('slab', machine.struct(12), { slab_cache: 0x1000n });
    const { page, missing } = list(machine, '12');
    assert.deepEqual(page.use, { kind: 'typed', type: 'slab' });
    assert.match(missing.join('\n'), /^page frame 12: the slab: /m);
  });

  it('have a struct page that is not in the dump', () => {
    const machine = new Machine('6.1');
    machine.made.kernel.memory.lose(Number((machine.struct(13) - directMap) / 4096n), 'excluded');
    const { page, missing } = list(machine, '13');
    assert.deepEqual([page.use, page.flags, page.inDump], [null, null, 'present']);
    assert.match(missing[0]!, /^page frame 13: its struct page: physical page 0x\w+ was filtered out/);
  });
});
