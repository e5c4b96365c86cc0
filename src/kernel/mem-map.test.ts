import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../test/support/expect-error.ts';
import { MemMap, type SectionTable } from '../../test/support/mem-map.ts';
import { pageReleaseNamed } from '../../test/support/page-releases.ts';
import { directMap, SyntheticKernel, vmemmap } from '../../test/support/synthetic-kernel.ts';
import type { InfoLines } from '../../test/support/vmcoreinfo-text.ts';
import { readMemMap } from './mem-map.ts';

/** Sections of 1024 page frames. */
function kernelWith(sections: readonly number[], table: SectionTable = 'extreme'): SyntheticKernel {
  const kernel = new SyntheticKernel();
  new MemMap(pageReleaseNamed('6.1')).placeIn(kernel, sections, table);
  return kernel;
}
const withInfo = (lines: InfoLines): SyntheticKernel => {
  const kernel = kernelWith([0]);
  kernel.addInfo(lines);
  return kernel;
};
const run = (start: number, end: number) => ({ start, end, address: vmemmap + BigInt(start * 64) });

describe('where the struct pages are', () => {
  for (const table of ['extreme', 'static'] as const) {
    it(`is one run for sections that follow each other (${table} table)`, () => {
      assert.deepEqual(readMemMap(kernelWith([0, 1, 2], table).kernel()), [run(0, 3072)]);
    });

    it(`is a run for each side of a hole (${table} table)`, () => {
      assert.deepEqual(readMemMap(kernelWith([1, 2, 3, 7, 200], table).kernel()), [
        run(1024, 4096),
        run(7168, 8192),
        run(204800, 205824),
      ]);
    });
  }

  it('is a new run where the next section has its struct pages elsewhere', () => {
    const kernel = kernelWith([0, 1], 'static');
    // Section 1: its mem_map 1 GiB further on than that of section 0 says.
    const table = BigInt(kernel.info['SYMBOL(mem_section)']!);
    kernel.memory.putU64(Number(table - directMap) + 32, (vmemmap + 0x4000_0000n) | 7n);
    assert.deepEqual(readMemMap(kernel.kernel()), [
      run(0, 1024),
      { start: 1024, end: 2048, address: vmemmap + 0x4000_0000n + 65536n },
    ]);
  });

  it('skips sections without struct pages: bit 1 says that they have some', () => {
    const kernel = kernelWith([0, 1, 2], 'static');
    const table = Number(BigInt(kernel.info['SYMBOL(mem_section)']!) - directMap);
    kernel.memory.putU64(table + 32, vmemmap | 1n);
    assert.deepEqual(readMemMap(kernel.kernel()), [run(0, 1024), run(2048, 3072)]);
  });

  it('is nowhere when no section has any', () => {
    assert.deepEqual(readMemMap(kernelWith([]).kernel()), []);
  });

  it('needs the keys that describe sparse memory, and names the one that is missing', () => {
    for (const key of [
      'SYMBOL(mem_section)',
      'SIZE(mem_section)',
      'OFFSET(mem_section.section_mem_map)',
      'NUMBER(SECTION_SIZE_BITS)',
      'NUMBER(MAX_PHYSMEM_BITS)',
      'SIZE(page)',
    ]) {
      const kernel = kernelWith([0]);
      delete kernel.info[key];
      const named = new RegExp(key.replace(/[().]/g, '\\$&'));
      assert.throws(() => readMemMap(kernel.kernel()), failsWith('E_NO_INFO', named), key);
    }
  });

  it('refuses descriptions that cannot be, instead of reading for ever', () => {
    const absurd: InfoLines[] = [
      { 'LENGTH(mem_section)': 0 },
      { 'LENGTH(mem_section)': 999_999_999_999 },
      { 'SIZE(mem_section)': 0 },
      { 'SIZE(mem_section)': 7 },
      { 'SIZE(mem_section)': 999_999_999_999 },
      { 'OFFSET(mem_section.section_mem_map)': 30 },
      { 'NUMBER(SECTION_SIZE_BITS)': 3 },
      { 'NUMBER(SECTION_SIZE_BITS)': -1 },
      { 'NUMBER(SECTION_SIZE_BITS)': 2000 },
      { 'NUMBER(SECTION_SIZE_BITS)': '99999999999999999999' },
      { 'NUMBER(MAX_PHYSMEM_BITS)': 2000 },
      { 'NUMBER(MAX_PHYSMEM_BITS)': 20 },
    ];
    for (const lines of absurd) {
      assert.throws(
        () => readMemMap(withInfo(lines).kernel()),
        failsWith('E_NO_INFO'),
        JSON.stringify(lines),
      );
    }
  });

  it('says which page of the table is missing', () => {
    const kernel = kernelWith([0]);
    const table = Number(BigInt(kernel.info['SYMBOL(mem_section)']!) - directMap);
    kernel.memory.lose(Math.floor(table / 4096), 'lost');
    assert.throws(() => readMemMap(kernel.kernel()), failsWith('E_UNREADABLE', /was lost/));
  });

  it('takes a page of the table that was left out for one of zeros, as ELF dumps of level 1 have it', () => {
    const kernel = kernelWith([0]);
    const table = Number(BigInt(kernel.info['SYMBOL(mem_section)']!) - directMap);
    kernel.memory.lose(Math.floor(table / 4096), 'excluded');
    assert.deepEqual(readMemMap(kernel.kernel()), []);
  });
});
