import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fakeDump } from '../../../../test/support/fake-dump.ts';
import { btfOf } from '../../../../test/support/small-vmlinux.ts';
import { SparseMemory } from '../../../../test/support/sparse-memory.ts';
import { type InfoLines, vmcoreinfoText } from '../../../../test/support/vmcoreinfo-text.ts';
import type { Arch, Dump } from '../../../formats/dump.ts';
import { Vmcoreinfo } from '../../../kernel/vmcoreinfo.ts';
import { withCompleteInfo } from './complete.ts';

const mebibyte = 2 ** 20;
const image = 0xffff_ffff_8000_0000n;

/** What every kernel from 4.18 on printed. */
const common: InfoLines = {
  OSRELEASE: '5.4.0',
  PAGESIZE: 4096,
  'SYMBOL(init_top_pgt)': image + 0x1000n,
  'SYMBOL(_stext)': image,
  'NUMBER(phys_base)': 0,
  'NUMBER(pgtable_l5_enabled)': 0,
  'LENGTH(mem_section)': 4096,
  'SIZE(mem_section)': 32,
  'OFFSET(mem_section.section_mem_map)': 0,
  'SIZE(page)': 64,
  'LENGTH(zone.free_area)': 11,
};
const page: InfoLines = Object.fromEntries([
  ...['flags', 'mapping', 'lru', '_mapcount', 'private', 'compound_head'].map((name) => [
    `OFFSET(page.${name})`,
    8,
  ]),
  ...[
    'PG_lru',
    'PG_private',
    'PG_swapcache',
    'PG_swapbacked',
    'PG_head_mask',
    'PG_slab',
    'HUGETLB_PAGE_DTOR',
  ].map((name) => [`NUMBER(${name})`, 1]),
  ...['BUDDY', 'OFFLINE'].map((name) => [`NUMBER(PAGE_${name}_MAPCOUNT_VALUE)`, -129]),
]);

/** A dump whose image lies at physical 4 MiB, mapped by one large page, with BTF in it. */
function dumpWith(lines: InfoLines, arch: Arch = 'x86_64'): Dump {
  const memory = new SparseMemory([{ start: 0, end: 8 * mebibyte }]);
  memory.putU64(0x1000 + 511 * 8, 0x2000n | 3n);
  memory.putU64(0x2000 + 510 * 8, 0x3000n | 3n);
  memory.putU64(0x3000, BigInt(4 * mebibyte) | 0x83n);
  memory.put(
    5 * mebibyte,
    btfOf({
      structs: {
        list_head: { size: 16, members: { next: 0, prev: 8 } },
        task_struct: { size: 64, members: {} },
        page: { size: 56, members: { flags: 0, mapping: 24, _mapcount: 48, compound_head: 8 } },
      },
      enums: {
        pageflags: { PG_lru: 5, PG_head: 6, PG_private: 14 },
        pagetype: { PG_buddy: 0x4000_0000, PG_slab: 0x200_0000, PG_hugetlb: 0x400_0000 },
      },
    }),
  );
  return fakeDump({ arch, memory, vmcoreinfo: vmcoreinfoText(lines) });
}

const read = (dump: Dump): Vmcoreinfo => new Vmcoreinfo(withCompleteInfo(dump).vmcoreinfo ?? '', 'test');

describe('vmcoreinfo of kernels that printed less', () => {
  it('gets the size of memory sections from the number of their roots', () => {
    const bits = (arch: Arch, roots: number, more: InfoLines = {}): (number | undefined)[] => {
      const info = read(dumpWith({ ...common, ...page, 'LENGTH(mem_section)': roots, ...more }, arch));
      return [info.smallNumber('SECTION_SIZE_BITS'), info.smallNumber('MAX_PHYSMEM_BITS')];
    };
    assert.deepEqual(bits('x86_64', 4096), [27, 46]);
    assert.deepEqual(bits('x86_64', 262144), [27, 52]);
    // struct mem_section is half the size without CONFIG_PAGE_EXTENSION.
    assert.deepEqual(bits('x86_64', 2048, { 'SIZE(mem_section)': 16 }), [27, 46]);
    assert.deepEqual(bits('arm64', 16384), [27, 48]);
    assert.deepEqual(bits('arm64', 2048), [30, 48]);
    assert.deepEqual(bits('arm64', 256, { PAGESIZE: 65536 }), [29, 48]);
    assert.deepEqual(bits('arm64', 2048, { PAGESIZE: 65536 }), [30, 52]);
    // Linux 5.9 to 5.13 told one of the two.
    assert.deepEqual(bits('arm64', 2048, { 'NUMBER(MAX_PHYSMEM_BITS)': 48 }), [30, 48]);
    assert.deepEqual(bits('x86_64', 1234), [undefined, undefined]);
    assert.deepEqual(
      bits('x86_64', 4096, { 'NUMBER(SECTION_SIZE_BITS)': 27, 'NUMBER(MAX_PHYSMEM_BITS)': 46 }),
      [27, 46],
    );
  });

  it('gets what is missing from the BTF in the dump, and keeps what is there', () => {
    const info = read(dumpWith(common));
    assert.equal(info.size('page'), 64);
    assert.equal(info.offset('page.mapping'), 24);
    assert.equal(info.smallNumber('PG_lru'), 5);
    assert.equal(info.smallNumber('PG_head_mask'), 64);
    assert.equal(info.smallNumber('PAGE_BUDDY_MAPCOUNT_VALUE'), ~0x4000_0000);
    assert.equal(info.smallNumber('PAGE_SLAB_MAPCOUNT_VALUE'), ~0x200_0000);
    assert.equal(info.offset('page.private'), undefined);
  });

  it('is left as it is when it has all that is needed, in the form of its release', () => {
    const bits = { 'NUMBER(SECTION_SIZE_BITS)': 27, 'NUMBER(MAX_PHYSMEM_BITS)': 46 };
    const dump = dumpWith({ ...common, ...page, ...bits });
    assert.equal(withCompleteInfo(dump), dump);
    const { 'NUMBER(PG_slab)': _, 'NUMBER(HUGETLB_PAGE_DTOR)': __, ...newer } = page;
    const types = { 'NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)': 1, 'NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)': 1 };
    const recent = dumpWith({ ...common, ...newer, ...types, ...bits });
    assert.equal(withCompleteInfo(recent), recent);
  });

  it('is left as it is when nothing can be found out', () => {
    const memory = new SparseMemory([{ start: 0, end: mebibyte }]);
    const silent = fakeDump({ memory });
    assert.equal(withCompleteInfo(silent), silent);
    for (const vmcoreinfo of ['OSRELEASE=6.1.0\n', vmcoreinfoText(common, { 'SIZE(mem_section)': 0 })]) {
      const dump = fakeDump({ memory, vmcoreinfo });
      assert.equal(withCompleteInfo(dump), dump);
    }
  });
});
