import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { fakeDump } from '../../../../test/support/fake-dump.ts';
import { SparseMemory } from '../../../../test/support/sparse-memory.ts';
import { type InfoLines, vmcoreinfoText } from '../../../../test/support/vmcoreinfo-text.ts';
import type { Arch, Dump } from '../../../formats/dump.ts';
import { vmcoreinfoText as textOfNotes } from '../../../formats/notes.ts';
import { Vmcoreinfo } from '../../../kernel/vmcoreinfo.ts';
import { withKernelInfo } from './apply.ts';

const release = '6.1.0-test';
const mebibyte = 2n ** 20n;

/** One crashed kernel: where it was linked, where KASLR put it, and what its variables held. */
interface Crashed {
  readonly arch: Arch;
  /** Link address of _stext; the other symbols follow at `places`. */
  readonly linked: bigint;
  readonly shift: bigint;
  /** Where _stext is in physical memory. */
  readonly physical: bigint;
  readonly variables: Readonly<Record<string, bigint>>;
}

const places: Readonly<Record<string, bigint>> = {
  _stext: 0n,
  linux_banner: 0x1000n,
  init_uts_ns: 0x2000n,
  mem_section: 0x3000n,
  phys_base: 0x3010n,
  __pgtable_l5_enabled: 0x3020n,
  sme_me_mask: 0x3030n,
  vmemmap_base: 0x3040n,
  kimage_voffset: 0x3050n,
  memstart_addr: 0x3060n,
};

const x86: Crashed = {
  arch: 'x86_64',
  linked: 0xffff_ffff_8100_0000n,
  shift: 0x0f40_0000n,
  physical: 20n * mebibyte,
  variables: {
    // phys = virt - __START_KERNEL_map + phys_base
    phys_base: 20n * mebibyte - (0x0100_0000n + 0x0f40_0000n),
    mem_section: 0xffff_8d63_3ffd_5000n,
    __pgtable_l5_enabled: 0xabcd_0000_0000n,
    sme_me_mask: 1n << 47n,
    vmemmap_base: 0xffff_fa8e_c000_0000n,
  },
};
const arm: Crashed = {
  arch: 'arm64',
  linked: 0xffff_8000_8001_0000n,
  shift: 0x5ce2_5c40_0000n,
  physical: 18n * mebibyte + 0x1_0000n,
  variables: {
    kimage_voffset: 0xffff_8000_8001_0000n + 0x5ce2_5c40_0000n - (18n * mebibyte + 0x1_0000n),
    memstart_addr: 0xfff0_95b7_c000_0000n,
    mem_section: 0xffff_6a48_a7e9_ddc0n,
  },
};

function memoryOf({ physical, variables }: Crashed): SparseMemory {
  const memory = new SparseMemory([
    { start: 0, end: 0x9_f000 },
    { start: 2 ** 20, end: 64 * 2 ** 20 },
  ]);
  const text = new TextEncoder();
  const at = (name: string): number => Number(physical + places[name]!);
  memory.put(at('linux_banner'), text.encode(`Linux version ${release} (builder) #1\n\0`));
  memory.put(at('init_uts_ns') + 4 + 130, text.encode(`${release}\0`));
  for (const [name, value] of Object.entries(variables)) memory.putU64(at(name), value);
  return memory;
}

const crash = (kernel: Crashed, vmcoreinfo?: string): Dump =>
  fakeDump({
    arch: kernel.arch,
    memory: memoryOf(kernel),
    ...(vmcoreinfo === undefined ? {} : { vmcoreinfo }),
  });

/** As -g writes it, for the symbols of `places` that this kernel has. */
const fromVmlinux = (kernel: Crashed, more: InfoLines = {}): string =>
  vmcoreinfoText(
    { OSRELEASE: release, PAGESIZE: 4096, 'OFFSET(uts_namespace.name)': 4, 'SIZE(mem_section)': 32 },
    { 'NUMBER(SECTION_SIZE_BITS)': 27, 'SIZE(page)': 64 },
    Object.fromEntries(
      Object.entries(places)
        .filter(([name]) => name in kernel.variables || /^(_stext|linux_banner|init_uts_ns)$/.test(name))
        .map(([name, place]) => [`SYMBOL(${name})`, kernel.linked + place]),
    ),
    more,
  );

const read = (dump: Dump): Vmcoreinfo => new Vmcoreinfo(dump.vmcoreinfo ?? '', 'test');

describe('vmcoreinfo from a vmlinux, with a dump that has none', () => {
  it('becomes the note that the dump lacks, and leaves alone one that is there', () => {
    const joined = withKernelInfo(crash(x86), fromVmlinux(x86), 'vmlinux');
    assert.equal(textOfNotes(joined.notes), joined.vmcoreinfo);
    const own = fromVmlinux(x86, { 'NUMBER(phys_base)': x86.variables.phys_base!, KERNELOFFSET: 'f400000' });
    assert.deepEqual(withKernelInfo(crash(x86, own), fromVmlinux(x86), 'vmlinux').notes, []);
  });

  it('finds the kernel wherever KASLR put it, and reads what only the running kernel knew: x86_64', () => {
    const info = read(withKernelInfo(crash(x86), fromVmlinux(x86), 'vmlinux'));
    assert.equal(info.text('KERNELOFFSET'), 'f400000');
    assert.equal(info.symbol('_stext'), x86.linked + x86.shift);
    assert.equal(info.symbol('init_uts_ns'), x86.linked + x86.shift + 0x2000n);
    assert.equal(info.number('phys_base'), x86.variables.phys_base);
    assert.equal(info.number('sme_mask'), 1n << 47n);
    assert.equal(info.number('pgtable_l5_enabled'), 0n);
    assert.equal(info.smallNumber('MAX_PHYSMEM_BITS'), 46);
    assert.equal(info.length('mem_section'), 4096);
    assert.equal(info.symbol('mem_section'), x86.variables.mem_section, 'the table, not the pointer to it');
    assert.equal(info.symbol('vmemmap'), x86.variables.vmemmap_base);
    assert.equal(info.size('page'), 64);
  });

  it('and arm64, a 52-bit kernel on a 48-bit CPU', () => {
    const more = { 'NUMBER(VA_BITS)': 52, 'NUMBER(MAX_PHYSMEM_BITS)': 48, 'LENGTH(mem_section)': 16384 };
    const info = read(withKernelInfo(crash(arm), fromVmlinux(arm, more), 'vmlinux'));
    assert.equal(info.text('KERNELOFFSET'), '5ce25c400000');
    assert.equal(info.number('kimage_voffset'), arm.variables.kimage_voffset);
    assert.equal(info.number('PHYS_OFFSET'), arm.variables.memstart_addr);
    assert.equal(info.smallNumber('TCR_EL1_T1SZ'), 16);
    assert.equal(info.symbol('mem_section'), arm.variables.mem_section);
    const wide = { ...arm, variables: { ...arm.variables, memstart_addr: 0x4000_0000n } };
    assert.equal(
      read(withKernelInfo(crash(wide), fromVmlinux(wide, more), 'x')).smallNumber('TCR_EL1_T1SZ'),
      12,
    );
  });

  it('sizes the sections for 5-level page tables, when they were on', () => {
    const large = { ...x86, variables: { ...x86.variables, __pgtable_l5_enabled: 1n } };
    const info = read(withKernelInfo(crash(large), fromVmlinux(large), 'vmlinux'));
    assert.equal(info.number('pgtable_l5_enabled'), 1n);
    assert.equal(info.smallNumber('MAX_PHYSMEM_BITS'), 52);
    assert.equal(info.length('mem_section'), 262144);
  });

  it('takes no copy of the banner for the kernel', () => {
    const dump = memoryOf(x86);
    const inStep = Number((x86.linked + 0x1000n) % (2n * mebibyte));
    // A log line, and a page of a vmlinux file in the page cache, at places where an image could be.
    for (const start of [2, 4, 6])
      dump.put(start * 2 ** 20 + inStep, new TextEncoder().encode(`Linux version ${release} (x`));
    dump.putU64(4 * 2 ** 20 + inStep - 0x1000 + 0x3010, 12345n);
    const info = read(withKernelInfo(fakeDump({ memory: dump }), fromVmlinux(x86), 'vmlinux'));
    assert.equal(info.text('KERNELOFFSET'), 'f400000');
  });

  it('says so when that kernel is not in the dump, or when the text cannot lead to it', () => {
    const other = fromVmlinux(x86).replace(release, '6.1.0-other');
    assert.throws(
      () => withKernelInfo(crash(x86), other, 'info'),
      failsWith('E_NO_INFO', /6\.1\.0-other is not in/),
    );
    const original = fromVmlinux(x86).replace(/SYMBOL\(linux_banner\).*\n/, '');
    assert.throws(() => withKernelInfo(crash(x86), original, 'info'), failsWith('E_NO_INFO', /banner/));
    assert.throws(
      () => withKernelInfo(crash(x86), 'just text\n', 'info'),
      failsWith('E_NO_INFO', /OSRELEASE/),
    );
  });
});

describe("vmcoreinfo from a vmlinux, beside the dump's own", () => {
  const own = (more: InfoLines = {}): string =>
    vmcoreinfoText(
      { OSRELEASE: release, 'SYMBOL(_stext)': x86.linked + x86.shift, KERNELOFFSET: 'f400000' },
      { 'NUMBER(phys_base)': x86.variables.phys_base!, CRASHTIME: 5, 'SIZE(page)': 56 },
      more,
    );

  it('adds what that lacks, relocated, and changes nothing of it', () => {
    const dump = crash(x86, own());
    const info = read(withKernelInfo(dump, fromVmlinux(x86, { 'OFFSET(page.flags)': 0 }), 'vmlinux'));
    assert.ok(withKernelInfo(dump, fromVmlinux(x86), 'vmlinux').vmcoreinfo?.startsWith(own()));
    assert.equal(info.size('page'), 56);
    assert.equal(info.offset('page.flags'), 0);
    assert.equal(info.symbol('init_uts_ns'), x86.linked + x86.shift + 0x2000n);
    assert.equal(info.symbol('mem_section'), x86.variables.mem_section);
  });

  it('reads text that a running kernel printed: its addresses are moved again, its run is not taken over', () => {
    const elsewhere = fromVmlinux(
      { ...x86, linked: x86.linked + 0x200_0000n },
      {
        KERNELOFFSET: '2000000',
        CRASHTIME: 99,
        'NUMBER(phys_base)': 1,
        'SYMBOL(vmemmap)': 0xffff_ea00_0000_0000n,
      },
    ).replace(/SYMBOL\((vmemmap_base|mem_section)\).*\n/g, '');
    for (const dump of [crash(x86, own()), crash(x86)]) {
      const info = read(withKernelInfo(dump, elsewhere, 'saved'));
      assert.equal(info.symbol('init_uts_ns'), x86.linked + x86.shift + 0x2000n);
      assert.equal(info.text('KERNELOFFSET'), 'f400000');
      assert.equal(info.number('phys_base'), x86.variables.phys_base);
      assert.equal(info.symbol('vmemmap'), undefined);
      assert.notEqual(info.text('CRASHTIME'), '99');
    }
  });

  it('must be of the same release', () => {
    const dump = crash(x86, own({ OSRELEASE: '6.1.0-newer' }));
    assert.throws(
      () => withKernelInfo(dump, fromVmlinux(x86), 'vmlinux'),
      failsWith('E_USAGE', /is of kernel 6\.1\.0-test, the dump is of 6\.1\.0-newer/),
    );
  });
});
