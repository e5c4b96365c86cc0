import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { SparseMemory } from '../../../test/support/sparse-memory.ts';
import { vmcoreinfoText } from '../../../test/support/vmcoreinfo-text.ts';
import { X86PageTables, type X86TableOptions } from '../../../test/support/x86-page-tables.ts';
import { asPaddr, asVaddr } from '../../base/units.ts';
import { Vmcoreinfo } from '../vmcoreinfo.ts';
import { X86Paging } from './paging-x86_64.ts';

const kernelMap = 0xffff_ffff_8000_0000n;
const vaddr = 0xffff_8880_0012_3000n;

interface Setup {
  readonly tables: X86PageTables;
  readonly paging: X86Paging;
}

/** Tables from 1 MiB on, and paging that finds them by way of vmcoreinfo. */
function setUp(options: X86TableOptions, physBase = 0n, rootSymbol = 'init_top_pgt'): Setup {
  const memory = new SparseMemory([{ start: 0, end: 0x400000 }]);
  let next = 0x100000;
  const tables = new X86PageTables(
    memory,
    () => {
      next += 4096;
      return next - 4096;
    },
    options,
  );
  const info = vmcoreinfoText({
    [`SYMBOL(${rootSymbol})`]: BigInt.asUintN(64, kernelMap + BigInt(tables.root) - physBase),
    'NUMBER(phys_base)': physBase,
    'NUMBER(pgtable_l5_enabled)': options.levels === 5 ? 1 : 0,
    'NUMBER(sme_mask)': options.smeMask ?? 0n,
  });
  const entry = new Uint8Array(8);
  const paging = new X86Paging(new Vmcoreinfo(info, 'test'), (paddr) => {
    assert.equal(memory.read(asPaddr(paddr), entry), 8, `a table entry at ${paddr}`);
    return new DataView(entry.buffer).getBigUint64(0, true);
  });
  return { tables, paging };
}
const translate = ({ paging }: Setup, address: bigint) => paging.translate(asVaddr(address));

describe('x86_64 addresses', () => {
  for (const levels of [4, 5] as const) {
    it(`go through ${levels} levels to pages of 4 KiB, 2 MiB and 1 GiB`, () => {
      const kernel = setUp({ levels });
      const high = levels === 5 ? 0xff11_0000_0000_0000n : 0xffff_8880_0000_0000n;
      kernel.tables.map(high + 0x5000n, 0x7_0000_1000, 0x1000);
      kernel.tables.map(high + 0x20_0000n, 0x7_0020_0000, 0x20_0000);
      kernel.tables.map(high + 0x4000_0000n, 0x8_4000_0000, 0x4000_0000);
      assert.deepEqual(translate(kernel, high + 0x5123n), { paddr: 0x7_0000_1123, length: 0xedd });
      assert.deepEqual(translate(kernel, high + 0x20_0000n + 0x1234n), {
        paddr: 0x7_0020_1234,
        length: 0x20_0000 - 0x1234,
      });
      assert.deepEqual(translate(kernel, high + 0x4000_0000n + 0x123_4567n), {
        paddr: 0x8_4123_4567,
        length: 0x4000_0000 - 0x123_4567,
      });
    });
  }

  it('are walked as the manual says: hand-made entries of one walk', () => {
    // 0xffff888000123000: PML4 index 273, PDPT 0, PD 0, PT 0x123.
    const memory = new Map<number, bigint>([
      [0x1000 + 8 * 273, 0x2067n],
      [0x2000, 0x3067n],
      [0x3000, 0x4067n],
      [0x4000 + 8 * 0x123, 0x8000_0000_0abc_d163n],
    ]);
    const info = new Vmcoreinfo('SYMBOL(swapper_pg_dir)=ffffffff80001000\n', 'test');
    const paging = new X86Paging(info, (paddr) => memory.get(paddr) ?? 0n);
    assert.deepEqual(
      paging.translate(asVaddr(vaddr + 8n)),
      { paddr: 0xabcd008, length: 0xff8 },
      'NX is no address bit',
    );
  });

  it('find the top table below its link address: phys_base is signed', () => {
    for (const physBase of [-62914560n, 0n, 285212672n]) {
      const kernel = setUp({ levels: 4 }, physBase);
      kernel.tables.map(vaddr, 0x5000, 0x1000);
      assert.equal(translate(kernel, vaddr)?.paddr, 0x5000, `phys_base ${physBase}`);
    }
  });

  it('find the top table under any of its names', () => {
    for (const name of ['init_top_pgt', 'init_level4_pgt', 'swapper_pg_dir']) {
      const kernel = setUp({ levels: 4 }, 0n, name);
      kernel.tables.map(vaddr, 0x5000, 0x1000);
      assert.equal(translate(kernel, vaddr)?.paddr, 0x5000, name);
    }
    assert.throws(
      () => new X86Paging(new Vmcoreinfo('', 'test'), () => 0n),
      failsWith('E_NO_INFO', /swapper_pg_dir/),
    );
  });

  it('do not have the encryption bit in them', () => {
    const kernel = setUp({ levels: 4, smeMask: 1n << 47n });
    kernel.tables.map(vaddr, 0x5000, 0x1000);
    kernel.tables.map(vaddr + 0x4000_0000n, 0x4000_0000, 0x4000_0000);
    assert.equal(translate(kernel, vaddr + 5n)?.paddr, 0x5005);
    assert.equal(translate(kernel, vaddr + 0x4000_0000n)?.paddr, 0x4012_3000);
  });

  it('do not have bit 12 of a large page in them: there it is PAT', () => {
    const kernel = setUp({ levels: 4 });
    const pat = 1n << 12n;
    kernel.tables.map(0xffff_c900_0000_0000n, 0x20_0000, 0x20_0000, pat);
    kernel.tables.map(0xffff_c900_4000_0000n, 0x4000_0000, 0x4000_0000, pat);
    assert.equal(translate(kernel, 0xffff_c900_0000_0010n)?.paddr, 0x20_0010);
    assert.equal(translate(kernel, 0xffff_c900_4000_0010n)?.paddr, 0x4000_0010);
  });

  it('are not mapped where an entry is not present, on any level', () => {
    const kernel = setUp({ levels: 4 });
    kernel.tables.map(vaddr, 0x5000, 0x1000);
    for (const far of [0x1000n, 0x20_0000n, 0x4000_0000n, 0x80_0000_0000n]) {
      assert.equal(translate(kernel, vaddr + far), undefined, `0x${far.toString(16)} further`);
    }
  });
});
