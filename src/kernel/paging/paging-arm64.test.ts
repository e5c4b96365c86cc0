import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Arm64PageTables, type Arm64TableOptions } from '../../../test/support/arm64-page-tables.ts';
import { failsWith } from '../../../test/support/expect-error.ts';
import { SparseMemory } from '../../../test/support/sparse-memory.ts';
import { type InfoLines, vmcoreinfoText } from '../../../test/support/vmcoreinfo-text.ts';
import { asPaddr, asVaddr } from '../../base/units.ts';
import { Vmcoreinfo } from '../vmcoreinfo.ts';
import { Arm64Paging } from './paging-arm64.ts';

/** In the upper half of 39 bits, and so of all. */
const kimageVoffset = 0xffff_ffe2_9c20_0000n;

interface Variant {
  readonly name: string;
  readonly pageSize: number;
  /** VA_BITS, as compiled; T1SZ, as the CPU runs. */
  readonly vaBits: number;
  readonly t1sz?: number;
  readonly tables: Arm64TableOptions;
  /** A physical address as high as the variant can say. */
  readonly highest: bigint;
}

const variants: readonly Variant[] = [
  {
    name: '4K pages, 48 bits (Debian 12)',
    pageSize: 4096,
    vaBits: 48,
    t1sz: 16,
    tables: { levels: 4, topBits: 48, highBits: 'none' },
    highest: 0xffff_0000_0000n,
  },
  {
    name: '4K pages, 39 bits (Android), no TCR_EL1_T1SZ (before 5.11)',
    pageSize: 4096,
    vaBits: 39,
    tables: { levels: 3, topBits: 39, highBits: 'none' },
    highest: 0xff_0000_0000n,
  },
  {
    name: '4K pages, 52 bits with LPA2',
    pageSize: 4096,
    vaBits: 52,
    t1sz: 12,
    tables: { levels: 5, topBits: 52, highBits: 'bits-9:8' },
    highest: 0xf_ffff_0000_0000n,
  },
  {
    name: '4K pages, a 52-bit kernel on a 48-bit CPU (Debian 13)',
    pageSize: 4096,
    vaBits: 52,
    t1sz: 16,
    tables: { levels: 4, topBits: 48, highBits: 'none' },
    highest: 0xffff_0000_0000n,
  },
  {
    name: '16K pages, 47 bits',
    pageSize: 16384,
    vaBits: 47,
    t1sz: 17,
    tables: { levels: 3, topBits: 47, highBits: 'none' },
    highest: 0xffff_0000_0000n,
  },
  {
    name: '64K pages, 48 bits',
    pageSize: 65536,
    vaBits: 48,
    t1sz: 16,
    tables: { levels: 3, topBits: 48, highBits: 'bits-15:12' },
    highest: 0xf_ffff_0000_0000n,
  },
  {
    name: '64K pages, a 52-bit kernel on a 48-bit CPU',
    pageSize: 65536,
    vaBits: 52,
    t1sz: 16,
    tables: { levels: 3, topBits: 52, highBits: 'bits-15:12' },
    highest: 0xf_ffff_0000_0000n,
  },
];

function setUp({ pageSize, vaBits, t1sz, tables: options }: Variant, more: InfoLines = {}) {
  const memory = new SparseMemory([{ start: 0, end: 64 * pageSize }], pageSize);
  let next = 4 * pageSize;
  const tables = new Arm64PageTables(
    memory,
    () => {
      next += pageSize;
      return next - pageSize;
    },
    options,
  );
  const info = vmcoreinfoText(
    {
      'NUMBER(VA_BITS)': vaBits,
      'NUMBER(kimage_voffset)': `0x${kimageVoffset.toString(16)}`,
      'NUMBER(PHYS_OFFSET)': '0x40000000',
      'SYMBOL(swapper_pg_dir)': BigInt.asUintN(64, BigInt(tables.root) + kimageVoffset),
    },
    t1sz === undefined ? {} : { 'NUMBER(TCR_EL1_T1SZ)': `0x${t1sz.toString(16)}` },
    more,
  );
  const entry = new Uint8Array(8);
  const paging = new Arm64Paging(new Vmcoreinfo(info, 'test'), pageSize, (paddr) => {
    assert.equal(memory.read(asPaddr(paddr), entry), 8, `a table entry at ${paddr}`);
    return new DataView(entry.buffer).getBigUint64(0, true);
  });
  return { tables, translate: (address: bigint) => paging.translate(asVaddr(address)) };
}

for (const variant of variants) {
  describe(`arm64 addresses: ${variant.name}`, () => {
    const { pageSize, vaBits, highest } = variant;
    const bits = variant.t1sz === undefined ? vaBits : 64 - variant.t1sz;
    /** In the upper half of what the CPU translates: vmalloc, modules, vmemmap, the image. */
    const upper = BigInt.asUintN(64, -(1n << BigInt(bits - 1))) + 0x1234n * 0x1_0000n;

    it('above the linear map go through the tables', () => {
      const { tables, translate } = setUp(variant);
      const page = BigInt(pageSize);
      tables.map(upper, 0x4567n * page);
      tables.map(upper + page, highest);
      assert.deepEqual(translate(upper + 0x18n), {
        paddr: 0x4567 * pageSize + 0x18,
        length: pageSize - 0x18,
      });
      assert.deepEqual(translate(upper + page), { paddr: Number(highest), length: pageSize });
      assert.equal(translate(upper + 2n * page), undefined);
      assert.equal(translate(BigInt.asUintN(64, -page)), undefined, 'the last page');
    });

    it('may end in a block', () => {
      const { tables, translate } = setUp(variant);
      const block = BigInt(pageSize) * BigInt(pageSize / 8);
      const start = (upper / block + 1n) * block;
      tables.map(start, 3n * block, 2);
      assert.deepEqual(translate(start + 0x1_2345n), {
        paddr: Number(3n * block) + 0x1_2345,
        length: Number(block) - 0x1_2345,
      });
    });

    it('of the linear map need no tables', () => {
      const { translate } = setUp(variant);
      const start = BigInt.asUintN(64, -(1n << BigInt(vaBits)));
      assert.equal(translate(start)?.paddr, 0x4000_0000);
      assert.equal(translate(start + 0x123_4567n)?.paddr, 0x4123_4567);
      const end = BigInt.asUintN(64, -(1n << BigInt(bits - 1)));
      assert.deepEqual(translate(end - 16n)?.length, 16, 'the linear map ends where the upper half begins');
    });
  });
}

describe('arm64 addresses', () => {
  it('of a real 6.12 dump: PHYS_OFFSET wraps, the linear map of 52 bits starts at 0xfff0…', () => {
    const variant = variants.find(({ name }) => name.includes('Debian 13'))!;
    const { translate } = setUp(variant, { 'NUMBER(PHYS_OFFSET)': '0xfff095b7c0000000' });
    assert.equal(translate(0xffff_6a48_a7e9_ddc0n)?.paddr, 0x67e9_ddc0);
  });

  it('before 5.4 have the image in the lower half, and the linear map in the upper', () => {
    const variant = variants.find(({ name }) => name.startsWith('64K pages, 48 bits'))!;
    const image = 0xffff_0000_0800_0000n;
    const { tables, translate } = setUp(variant, {
      'NUMBER(kimage_voffset)': `0x${image.toString(16)}`,
      'SYMBOL(swapper_pg_dir)': image + 4n * 0x1_0000n,
    });
    assert.equal(translate(0xffff_8000_0000_0000n)?.paddr, 0x4000_0000);
    assert.equal(translate(0xffff_8000_0123_4567n)?.paddr, 0x4123_4567);
    assert.equal(translate(image), undefined);
    tables.map(image, 0x4567_0000n);
    assert.equal(translate(image + 5n)?.paddr, 0x4567_0005);
  });

  it('end where a descriptor is not valid, or is a block where only pages can be', () => {
    const memory = new Map<number, bigint>();
    const info = new Vmcoreinfo(
      'NUMBER(VA_BITS)=39\nNUMBER(kimage_voffset)=0xffffffe000000000\nSYMBOL(swapper_pg_dir)=ffffffe000001000\n',
      'test',
    );
    const paging = new Arm64Paging(info, 4096, (paddr) => memory.get(paddr) ?? 0n);
    const address = asVaddr(0xffff_ffff_0000_0000n);
    // Index 508 of 512 on the top level; 0 and 0 below.
    memory.set(0x1000 + 8 * 508, 0x2003n);
    memory.set(0x2000, 0x3003n);
    for (const [descriptor, paddr] of [
      [0x0060_0000_5000_0703n, 0x5000_0000],
      [0x0060_0000_5000_0701n, undefined],
      [0x0060_0000_5000_0700n, undefined],
    ] as const) {
      memory.set(0x3000, descriptor);
      assert.equal(paging.translate(address)?.paddr, paddr, descriptor.toString(16));
    }
  });

  it('cannot be had without what vmcoreinfo says of them', () => {
    const make = (text: string) => () => new Arm64Paging(new Vmcoreinfo(text, 'test'), 4096, () => 0n);
    assert.throws(make(''), failsWith('E_NO_INFO', /VA_BITS/));
    assert.throws(make('NUMBER(VA_BITS)=48\n'), failsWith('E_NO_INFO', /kimage_voffset/));
    assert.throws(
      make('NUMBER(VA_BITS)=48\nNUMBER(kimage_voffset)=0x0\n'),
      failsWith('E_NO_INFO', /swapper_pg_dir/),
    );
  });

  it('of an absurd size are corrupt, not a crash of ours', () => {
    for (const lines of [
      'NUMBER(VA_BITS)=999999999999999999',
      'NUMBER(VA_BITS)=-5',
      'NUMBER(VA_BITS)=10',
      'NUMBER(VA_BITS)=65',
      'NUMBER(VA_BITS)=48\nNUMBER(TCR_EL1_T1SZ)=0x1000000',
      'NUMBER(VA_BITS)=48\nNUMBER(TCR_EL1_T1SZ)=0x0',
    ]) {
      const info = new Vmcoreinfo(
        `${lines}\nNUMBER(kimage_voffset)=0x0\nSYMBOL(swapper_pg_dir)=1000\n`,
        'test',
      );
      assert.throws(() => new Arm64Paging(info, 4096, () => 0n), failsWith('E_CORRUPT'), lines);
    }
  });
});
