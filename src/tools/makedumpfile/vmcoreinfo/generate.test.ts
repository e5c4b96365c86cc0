/** What -g writes for kernels of each release that changed something; comparing with real kernels' own text is test/types.test.ts's. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { elfProgram } from '../../../../test/support/elf-program.ts';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { type StructSpec, smallVmlinux, type Types } from '../../../../test/support/small-vmlinux.ts';
import { MemorySource } from '../../../base/byte-source.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { unpackWhole } from '../../../codecs/native-inflate.ts';
import { Vmcoreinfo } from '../../../kernel/vmcoreinfo.ts';
import { generateVmcoreinfo } from './generate.ts';

interface Kernel {
  readonly arch?: 'x86_64' | 'arm64';
  readonly release: string;
  readonly page?: Readonly<Record<string, number>>;
  readonly structs?: Readonly<Record<string, StructSpec>>;
  readonly typedefs?: Types['typedefs'];
  readonly enums?: Types['enums'];
  /** Beside those that every kernel has; with a size where that is read. */
  readonly symbols?: Readonly<Record<string, number>>;
  /** Bits 1-2 of the arm64 Image header's flags. */
  readonly granule?: number;
  readonly text?: bigint;
}

const pageMembers = {
  flags: 0,
  lru: 8,
  mapping: 24,
  private: 40,
  _mapcount: 48,
  _refcount: 52,
  compound_head: 8,
};
const flags = {
  PG_locked: 0,
  PG_lru: 4,
  PG_slab: 9,
  PG_swapcache: 10,
  PG_private: 13,
  PG_head: 16,
  PG_swapbacked: 19,
};

function vmlinux(kernel: Kernel): Uint8Array {
  const arch = kernel.arch ?? 'x86_64';
  const text = kernel.text ?? (arch === 'x86_64' ? 0xffff_ffff_8100_0000n : 0xffff_8000_8000_0000n);
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  if (arch === 'arm64') {
    view.setBigUint64(24, BigInt((kernel.granule ?? 1) << 1), true);
    bytes.set(new TextEncoder().encode('ARM\x64'), 56);
  }
  bytes.set(new TextEncoder().encode(kernel.release), 1024 + 4 + 130);
  const always = { _text: 0, _stext: 0, mem_section: 8, linux_banner: 0, init_top_pgt: 0 };
  const symbols = Object.entries({ ...always, ...kernel.symbols }).map(([name, size], i) => ({
    name,
    size,
    value: name === '_text' || name === '_stext' ? text : text + BigInt(2048 + i * 16),
  }));
  return smallVmlinux({
    machine: arch === 'x86_64' ? 62 : 183,
    buildId: Uint8Array.of(0xab, 0xcd),
    image: { address: text, bytes },
    symbols: [...symbols, { name: 'init_uts_ns', value: text + 1024n }],
    types: {
      structs: {
        new_utsname: { size: 390, members: { sysname: 0, nodename: 65, release: 130 } },
        uts_namespace: { size: 400, members: { name: { at: 4, struct: 'new_utsname' } } },
        list_head: { size: 16, members: { next: 0, prev: 8 } },
        mem_section: { size: 32, members: { section_mem_map: 0 } },
        page: { size: 64, members: kernel.page ?? pageMembers },
        zone: {
          size: 1536,
          members: { free_area: { at: 256, length: 11 }, vm_stat: 1344, spanned_pages: 144 },
        },
        free_area: { size: 88, members: { free_list: { at: 0, length: 5 } } },
        ...kernel.structs,
      },
      typedefs: {
        nodemask_t: { size: 128, members: { bits: 0 } },
        atomic_long_t: { size: 8, members: { counter: 0 } },
        ...kernel.typedefs,
      },
      enums: {
        node_states: { N_POSSIBLE: 0, N_ONLINE: 1 },
        zone_stat_item: { NR_FREE_PAGES: 0 },
        pageflags: flags,
        ...kernel.enums,
      },
    },
  });
}

const generate = (bytes: Uint8Array): string =>
  generateVmcoreinfo(new MemorySource(bytes, 'vmlinux'), unpackWhole);
const info = (kernel: Kernel): Vmcoreinfo => new Vmcoreinfo(generate(vmlinux(kernel)), 'vmcoreinfo');
const numbers = (kernel: Kernel, ...names: readonly string[]): (number | undefined)[] => {
  const text = info(kernel);
  return names.map((name) => text.smallNumber(name));
};
const pageTypeNames = [
  'PAGE_BUDDY_MAPCOUNT_VALUE',
  'PAGE_OFFLINE_MAPCOUNT_VALUE',
  'PG_slab',
  'PAGE_SLAB_MAPCOUNT_VALUE',
  'HUGETLB_PAGE_DTOR',
  'PG_hugetlb',
  'PAGE_HUGETLB_MAPCOUNT_VALUE',
  'PAGE_UNACCEPTED_MAPCOUNT_VALUE',
] as const;

describe('vmcoreinfo made from a vmlinux', () => {
  it("is in the kernel's words and order", () => {
    const text = generate(
      vmlinux({
        release: '6.1.0-test',
        page: { ...pageMembers, compound_dtor: 16, compound_order: 17 },
        symbols: { swapper_pg_dir: 0, node_states: 768, node_data: 8192, kallsyms_names: 0, phys_base: 8 },
        enums: { compound_dtor_id: { HUGETLB_PAGE_DTOR: 2 } },
      }),
    );
    assert.deepEqual(text.split('\n'), [
      'OSRELEASE=6.1.0-test',
      'BUILD-ID=abcd',
      'PAGESIZE=4096',
      'SYMBOL(init_uts_ns)=ffffffff81000400',
      'OFFSET(uts_namespace.name)=4',
      'SYMBOL(node_online_map)=ffffffff810008e0',
      'SYMBOL(swapper_pg_dir)=ffffffff81000850',
      'SYMBOL(_stext)=ffffffff81000000',
      'SYMBOL(mem_section)=ffffffff81000820',
      'LENGTH(mem_section)=4096',
      'SIZE(mem_section)=32',
      'OFFSET(mem_section.section_mem_map)=0',
      'NUMBER(SECTION_SIZE_BITS)=27',
      'NUMBER(MAX_PHYSMEM_BITS)=46',
      'SIZE(page)=64',
      'SIZE(zone)=1536',
      'SIZE(free_area)=88',
      'SIZE(list_head)=16',
      'SIZE(nodemask_t)=128',
      'OFFSET(page.flags)=0',
      'OFFSET(page._refcount)=52',
      'OFFSET(page.mapping)=24',
      'OFFSET(page.lru)=8',
      'OFFSET(page._mapcount)=48',
      'OFFSET(page.private)=40',
      'OFFSET(page.compound_dtor)=16',
      'OFFSET(page.compound_order)=17',
      'OFFSET(page.compound_head)=8',
      'OFFSET(zone.free_area)=256',
      'OFFSET(zone.vm_stat)=1344',
      'OFFSET(zone.spanned_pages)=144',
      'OFFSET(free_area.free_list)=0',
      'OFFSET(list_head.next)=0',
      'OFFSET(list_head.prev)=8',
      'LENGTH(zone.free_area)=11',
      'LENGTH(free_area.free_list)=5',
      'NUMBER(NR_FREE_PAGES)=0',
      'NUMBER(PG_lru)=4',
      'NUMBER(PG_private)=13',
      'NUMBER(PG_swapcache)=10',
      'NUMBER(PG_swapbacked)=19',
      'NUMBER(PG_slab)=9',
      'NUMBER(PG_head_mask)=65536',
      'NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129',
      'NUMBER(HUGETLB_PAGE_DTOR)=2',
      'NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-257',
      'SYMBOL(kallsyms_names)=ffffffff81000880',
      'SYMBOL(init_top_pgt)=ffffffff81000840',
      'NUMBER(pgtable_l5_enabled)=0',
      'SYMBOL(node_data)=ffffffff81000870',
      'LENGTH(node_data)=1024',
      'NUMBER(KERNEL_IMAGE_SIZE)=536870912',
      'NUMBER(sme_mask)=0',
      'SYMBOL(linux_banner)=ffffffff81000830',
      'SYMBOL(phys_base)=ffffffff81000890',
      '',
    ]);
  });

  it('has the page types of each release, told by its enums', () => {
    const { PG_slab: _, ...withoutSlab } = flags;
    const dtor = { compound_dtor_id: { HUGETLB_PAGE_DTOR: 2 } };
    const named = {
      PGTY_buddy: 0xf0,
      PGTY_offline: 0xf1,
      PGTY_hugetlb: 0xf4,
      PGTY_slab: 0xf5,
      PGTY_unaccepted: 0xf7,
    };
    const bits = {
      PG_buddy: 0x4000_0000,
      PG_offline: 0x2000_0000,
      PG_hugetlb: 0x400_0000,
      PG_slab: 0x200_0000,
    };
    const none = undefined;
    const withOrder = { ...pageMembers, compound_dtor: 16, compound_order: 17 };
    const cases: readonly [Kernel, readonly (number | undefined)[]][] = [
      [{ release: '5.4.0', page: withOrder }, [-129, -257, 9, none, none, none, none, none]],
      [{ release: '5.10.0', page: withOrder, enums: dtor }, [-129, -257, 9, none, 2, none, none, none]],
      [
        { release: '6.6.0', enums: { pageflags: { ...flags, PG_hugetlb: 8 } } },
        [-129, -257, 9, none, none, 8, none, none],
      ],
      [{ release: '6.9.0' }, [-129, -257, 9, none, none, none, -2049, none]],
      [
        { release: '6.10.0', enums: { pageflags: withoutSlab } },
        [-129, -257, none, -4097, none, none, -2049, none],
      ],
      [
        { release: '6.11.0', enums: { pageflags: withoutSlab, pagetype: bits } },
        [~0x4000_0000, ~0x2000_0000, none, ~0x200_0000, none, none, ~0x400_0000, none],
      ],
      // As the note of a 6.12 dump has them.
      [
        { release: '6.12.0', enums: { pageflags: withoutSlab, pagetype: named } },
        [-268435456, -251658240, none, -184549376, none, none, -201326592, none],
      ],
      [
        {
          release: '7.2.0',
          enums: { pageflags: withoutSlab, pagetype: named },
          symbols: { accept_memory: 99 },
        },
        [-268435456, -251658240, none, -184549376, none, none, -201326592, -150994944],
      ],
    ];
    for (const [kernel, expected] of cases)
      assert.deepEqual(numbers(kernel, ...pageTypeNames), expected, kernel.release);
  });

  it('says where order and destructor of a large page are', () => {
    const offsets = (kernel: Kernel): (number | undefined)[] =>
      [
        'page.compound_dtor',
        'page.compound_order',
        'folio._folio_order',
        'page.compound_head',
        'page.compound_info',
      ].map((name) => info(kernel).offset(name));
    const folio = { folio: { size: 128, members: { _folio_dtor: 80, _folio_order: 81 } } };
    const { compound_head: _, ...withoutHead } = pageMembers;
    const inPage = { ...pageMembers, compound_dtor: 16, compound_order: 17 };
    assert.deepEqual(offsets({ release: '6.1.0', page: inPage, structs: folio }), [
      16,
      17,
      undefined,
      8,
      undefined,
    ]);
    assert.deepEqual(offsets({ release: '6.4.0', structs: folio }), [undefined, undefined, 81, 8, undefined]);
    assert.deepEqual(offsets({ release: '7.1.0', page: { ...withoutHead, compound_info: 8 } }), [
      undefined,
      undefined,
      undefined,
      undefined,
      8,
    ]);
  });

  it('describes the log of before and since 5.10', () => {
    const old = info({
      release: '4.18.0',
      symbols: { log_buf: 8, log_buf_len: 4, log_first_idx: 4, log_next_idx: 4, clear_idx: 4 },
      structs: { printk_log: { size: 16, members: { ts_nsec: 0, len: 8, text_len: 10, dict_len: 12 } } },
    });
    assert.equal(old.size('printk_log'), 16);
    assert.equal(old.offset('printk_log.text_len'), 10);
    assert.ok(old.symbol('log_buf') !== undefined);
    const ring = info({
      release: '5.10.0',
      symbols: { prb: 8, clear_seq: 24, printk_rb_static: 88 },
      structs: {
        printk_info: { size: 88, members: { seq: 0, text_len: 16 } },
        dev_printk_info: {
          size: 64,
          members: { subsystem: { at: 0, length: 16 }, device: { at: 16, length: 48 } },
        },
      },
    });
    assert.equal(ring.size('printk_info'), 88);
    assert.equal(ring.length('printk_info_device'), 48);
    assert.equal(ring.symbol('log_buf'), undefined);
  });

  it('leaves out what 5-level page tables decide at boot, where the kernel can have them', () => {
    const either = info({ release: '6.1.0', symbols: { __pgtable_l5_enabled: 4, sme_me_mask: 8 } });
    for (const name of ['MAX_PHYSMEM_BITS', 'pgtable_l5_enabled', 'sme_mask'])
      assert.equal(either.number(name), undefined);
    assert.equal(either.length('mem_section'), undefined);
    assert.ok(either.symbol('__pgtable_l5_enabled') !== undefined);
  });

  it('finds the size of a section in what it shaped', () => {
    const usage = (words: number): Kernel => ({
      arch: 'arm64',
      release: '6.1.0',
      structs: { mem_section_usage: { size: 80, members: { subsection_map: { at: 0, length: words } } } },
    });
    assert.deepEqual(
      [1, 4, 8].map((words) => numbers(usage(words), 'SECTION_SIZE_BITS')[0]),
      [27, 29, 30],
    );
    assert.deepEqual(numbers({ arch: 'arm64', release: '4.18.0' }, 'SECTION_SIZE_BITS'), [30]);
    assert.deepEqual(numbers({ release: '4.18.0' }, 'SECTION_SIZE_BITS', 'MAX_PHYSMEM_BITS'), [27, 46]);
    assert.equal(info(usage(1)).length('mem_section'), 16384);
  });

  it('finds page size and address bits of arm64 in the Image header and the link address', () => {
    const level = (name: string) => ({ [`${name}_t`]: { size: 8, members: { [name]: 0 } } });
    const four = { ...level('pud'), ...level('pmd') };
    const five = { ...four, ...level('p4d') };
    const kernel = (granule: number, text: bigint, typedefs: Types['typedefs'], symbols = {}): Kernel => ({
      ...{ arch: 'arm64', release: '6.12.0', granule, text, symbols },
      ...(typedefs === undefined ? {} : { typedefs }),
    });
    const facts = (spec: Kernel): [string | undefined, number | undefined] => {
      const text = info(spec);
      return [text.text('PAGESIZE'), text.smallNumber('VA_BITS')];
    };
    const image48 = 0xffff_8000_8000_0000n;
    const image47 = 0xffff_c000_8000_0000n;
    const check52 = { __cpu_secondary_check52bitva: 60 };
    assert.deepEqual(facts(kernel(1, image48, four)), ['4096', 48]);
    assert.deepEqual(facts(kernel(1, image48, five)), ['4096', 52]);
    assert.deepEqual(facts(kernel(1, 0xffff_ffc0_0800_0000n, level('pmd'))), ['4096', 39]);
    assert.deepEqual(facts(kernel(2, image48, four)), ['16384', 48]);
    assert.deepEqual(facts(kernel(2, image47, four)), ['16384', 52]);
    assert.deepEqual(facts(kernel(2, image47, level('pmd'))), ['16384', 47]);
    assert.deepEqual(facts(kernel(3, image48, level('pmd'))), ['65536', 48]);
    assert.deepEqual(facts(kernel(3, image48, level('pmd'), check52)), ['65536', 52]);
    assert.deepEqual(facts(kernel(3, 0xffff_fe00_1000_0000n, {})), ['65536', 42]);
    // Before 5.4 the image was in the lower half of the kernel's space.
    assert.deepEqual(facts(kernel(1, 0xffff_0000_0808_0000n, four)), ['4096', 48]);
  });
});

describe('a file that vmcoreinfo cannot be made from', () => {
  it('is an error of ours however it is damaged, in time', () => {
    const good = vmlinux({ release: '6.1.0', symbols: { node_states: 768 } });
    const flip = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(
        fc.array(flip, { minLength: 1, maxLength: 10 }),
        fc.option(fc.nat(good.length), { freq: 5 }),
        (flips, cut) => {
          const bytes = good.slice(0, cut ?? good.length);
          for (const [at, value] of flips) bytes[at] = value;
          try {
            assert.match(generate(bytes), /^OSRELEASE=/);
          } catch (error) {
            if (!(error instanceof VmcoreError)) throw error;
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is named, with what is missing in it', () => {
    assert.throws(
      () => generate(elfProgram({ sections: [], symbols: [] })),
      failsWith('E_NO_INFO', /no DWARF/),
    );
    assert.throws(() => generate(elfProgram({ sections: [] })), failsWith('E_NO_INFO', /no symbol table/));
    assert.throws(
      () => generate(elfProgram({ machine: 21, sections: [] })),
      failsWith('E_UNSUPPORTED', /machine 21/),
    );
    assert.throws(() => generate(vmlinux({ release: '' })), failsWith('E_NO_INFO', /release/));
    assert.throws(
      () => generate(vmlinux({ arch: 'arm64', release: '6.1.0', granule: 0 })),
      failsWith('E_NO_INFO', /page size/),
    );
  });
});
