import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { MemMap, type MemoryModel } from '../../../test/support/mem-map.ts';
import { directMap, SyntheticKernel, vmemmap } from '../../../test/support/synthetic-kernel.ts';
import type { InfoLines } from '../../../test/support/vmcoreinfo-text.ts';
import { readMemMap } from './mem-map.ts';

type Table = Exclude<MemoryModel, 'flat'>;

/** Sections of 1024 page frames. */
function placed(sections: readonly number[], table: Table): { kernel: SyntheticKernel; memMap: MemMap } {
  const kernel = new SyntheticKernel();
  const memMap = new MemMap('6.1');
  memMap.placeIn(kernel, sections, table);
  return { kernel, memMap };
}
const kernelWith = (sections: readonly number[]): SyntheticKernel => placed(sections, 'extreme').kernel;
const run = (start: number, end: number) => ({ start, end, address: vmemmap + BigInt(start * 64) });
const withInfo = (lines: InfoLines): SyntheticKernel => {
  const kernel = kernelWith([0]);
  kernel.addInfo(lines);
  return kernel;
};
/** Physical address of a symbol that lies in the direct map. */
const symbolAt = (kernel: SyntheticKernel, name: string): number =>
  Number(BigInt(kernel.info[`SYMBOL(${name})`]!) - directMap);

describe('where the struct pages are', () => {
  for (const table of ['extreme', 'static'] as const) {
    /** Where the builder put them: in the vmemmap, or in the direct map. */
    const runsOf = (sections: readonly number[], ...runs: readonly (readonly [number, number])[]): void => {
      const { kernel, memMap } = placed(sections, table);
      const expected = runs.map(([start, end]) => {
        const inDirectMap = directMap + BigInt(memMap.structPages.get(start)!);
        return { start, end, address: table === 'static' ? inDirectMap : vmemmap + BigInt(start * 64) };
      });
      assert.deepEqual(readMemMap(kernel.kernel()), expected);
    };

    it(`is one run for sections that follow each other (${table} table)`, () => {
      runsOf([0, 1, 2], [0, 3072]);
    });

    it(`is a run for each side of a hole (${table} table)`, () => {
      runsOf([1, 2, 3, 7, 200], [1024, 4096], [7168, 8192], [204800, 205824]);
    });
  }

  it('is a new run where the next section has its struct pages elsewhere', () => {
    const { kernel, memMap } = placed([0, 1], 'static');
    const first = directMap + BigInt(memMap.structPages.get(0)!);
    // Section 1: its mem_map 1 GiB further on than that of section 0 says.
    kernel.memory.putU64(symbolAt(kernel, 'mem_section') + 32, (first + 0x4000_0000n) | 7n);
    assert.deepEqual(readMemMap(kernel.kernel()), [
      { start: 0, end: 1024, address: first },
      { start: 1024, end: 2048, address: first + 0x4000_0000n + 65536n },
    ]);
  });

  it('skips sections without struct pages: bit 1 says that they have some', () => {
    const { kernel } = placed([0, 1, 2], 'static');
    kernel.memory.putU64(symbolAt(kernel, 'mem_section') + 32, directMap | 1n);
    assert.deepEqual(
      readMemMap(kernel.kernel()).map(({ start, end }) => [start, end]),
      [
        [0, 1024],
        [2048, 3072],
      ],
    );
  });

  it('is nowhere when no section has any', () => {
    assert.deepEqual(readMemMap(kernelWith([]).kernel()), []);
  });

  it('needs the keys that describe sparse memory, and names the one that is missing', () => {
    for (const key of [
      'SYMBOL(mem_section)',
      'SIZE(mem_section)',
      'OFFSET(mem_section.section_mem_map)',
      'SIZE(page)',
    ]) {
      const kernel = kernelWith([0]);
      delete kernel.info[key];
      const named = new RegExp(key.replace(/[().]/g, '\\$&'));
      assert.throws(() => readMemMap(kernel.kernel()), failsWith('E_NO_INFO', named), key);
    }
  });

  it('needs no SECTION_SIZE_BITS (none before 5.13) where MAX_PHYSMEM_BITS is told', () => {
    const kernel = kernelWith([1, 2, 7]);
    delete kernel.info['NUMBER(SECTION_SIZE_BITS)'];
    assert.deepEqual(readMemMap(kernel.kernel()), [run(1024, 3072), run(7168, 8192)]);
  });

  it('takes sections of 128 MiB on x86_64 when neither is told (before 5.9)', () => {
    const kernel = kernelWith([1]);
    delete kernel.info['NUMBER(SECTION_SIZE_BITS)'];
    delete kernel.info['NUMBER(MAX_PHYSMEM_BITS)'];
    assert.deepEqual(readMemMap(kernel.kernel()), [run(32768, 65536)]);
  });

  it('is one run of all memory where there are no sections', () => {
    const kernel = new SyntheticKernel();
    const memMap = new MemMap('5.4');
    memMap.placeFlat(kernel);
    assert.deepEqual(readMemMap(kernel.kernel()), [
      { start: 0, end: 4096, address: directMap + BigInt(memMap.structPages.get(0)!) },
    ]);
    kernel.addInfo({ 'NUMBER(PHYS_OFFSET)': '0x123' });
    assert.throws(
      () => readMemMap(kernel.kernel()),
      failsWith('E_NO_INFO', /memory begin at page frame 0\.07/),
    );
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
    kernel.memory.lose(Math.floor(symbolAt(kernel, 'mem_section') / 4096), 'lost');
    assert.throws(() => readMemMap(kernel.kernel()), failsWith('E_UNREADABLE', /was lost/));
  });

  it('takes a page of the table that was left out for one of zeros, as ELF dumps of level 1 have it', () => {
    const kernel = kernelWith([0]);
    kernel.memory.lose(Math.floor(symbolAt(kernel, 'mem_section') / 4096), 'excluded');
    assert.deepEqual(readMemMap(kernel.kernel()), []);
  });
});
