/**
 * Every corner of the kernel matrix: releases from 4.18 to 7.2 on x86_64 and arm64, described as text (docs/synthetic-kernels.md). What must
 * become of each page, and what the log must say, is written in the descriptions.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DescribedKernel, describedKernel } from '../../../test/support/described-kernel.ts';
import { numbers } from '../../../test/support/filtered-kernel.ts';
import { MemorySink } from '../../../test/support/memory-sink.ts';
import { numberedPage } from '../../../test/support/pages.ts';
import { MemorySource } from '../../base/byte-source.ts';
import { silentProgress } from '../../base/progress.ts';
import { asPaddr, asPfn } from '../../base/units.ts';
import { openDump } from '../../formats/open.ts';
import { openKallsyms } from '../../kernel/kallsyms.ts';
import { formatRecord, readPrintkRecords } from '../../kernel/printk.ts';
import { pageSelector } from './filter.ts';
import { makedumpfile } from './makedumpfile.ts';

/** Pages that every release has, from the first page frame of memory on. */
const commonPages = `
  page +1          kernel                    -> kept
  page +2          reserved                  -> kept
  page +3          kernel zero               -> out at 1
  page +4          cache                     -> out at 2 4
  page +5          cache private             -> out at 4
  page +6          cache mapped              -> out at 2 4
  page +7          shmem                     -> out at 2 4
  page +8          swapcache                 -> out at 2 4
  page +9          swapcache private         -> out at 4
  page +10         anonymous                 -> out at 8
  page +11         anonymous mapped          -> out at 8
  page +12         anonymous swapcache       -> out at 8
  page +13         private                   -> kept
  page +14         slab                      -> kept
  page +15         hwpoison                  -> never read
  page +16         buddy order 0             -> out at 16
  page +17         hwpoison cache            -> never read
  page +18         cache zero                -> out at 1 2 4
  page +20         kernel order 2            -> kept
  page +24         slab order 3              -> kept
  page +32         buddy order 4             -> out at 16
  page +37         hwpoison                  -> never read      # inside that free block
  page +48         cache order 3             -> out at 2 4
  page +53         tail hwpoison             -> never read      # inside that folio
  page +56         cache private order 3     -> out at 4
  page +64         anonymous order 4         -> out at 8
  page +96         hugetlb order 5           -> out at 8
  page +128        hugetlb order 5 hwpoison  -> never read      # the head stands for all of it
`;
/** PG_offline is told since 5.1. */
const offline = `
  page +160        offline                   -> never read
  page +162-169    offline                   -> never read
`;
/** Only x86_64 has guests that accept their memory piece by piece; told since 6.16. A block of the largest order. */
const unaccepted = `
  page +0x400      unaccepted                -> out at 16
`;
const log = `
  log  <5>[    0.000000] Linux version
  log  <6>[    0.512345] acpi PNP0A03:00: ready
  dict SUBSYSTEM=acpi DEVICE=+acpi:PNP0A03:00
  log  <0>[12345.678901] Kernel panic - not syncing: sysrq triggered crash
`;
/** With CONFIG_PRINTK_CALLER. */
const callers = `
  log  <4>[12345.678902][    T1] Call Trace:
  log  <4>[12345.678903][    C3]  <NMI>
`;
/** vmcoreinfo leads to kallsyms since 6.0. */
const symbols = `
  symbol T _stext       = image+0x0
  symbol T panic        = image+0x123450
  symbol D init_task    = image+0x800000
`;

/** 16 MiB, a hole of 4 MiB, 12 MiB. */
const x86Memory = 'memory 0x0-0xffffff, 0x1400000-0x1ffffff';
const armMemory = 'memory 0x40000000-0x40ffffff, 0x41400000-0x41ffffff';

const old = [commonPages, log];
const since51 = [...old, offline, callers];
const since60 = [...since51, symbols];
const since616 = [...since60, unaccepted];

/** Release, and on what; with which pages and what else. */
const kernels: readonly (readonly [machine: string, ...content: readonly string[]])[] = [
  ['release 4.18.0 | arch x86_64, 4 levels', x86Memory, ...old],
  ['release 4.18.0 | arch x86_64, 4 levels | kaslr 0x1c00000', x86Memory, ...old],
  ['release 4.18.0 | arch x86_64, 5 levels', x86Memory, ...old],
  ['release 5.4.0 | arch x86_64, 4 levels | kaslr 0x32200000', x86Memory, ...since51],
  ['release 5.4.0 | arch x86_64, 5 levels | kaslr 0x32200000', x86Memory, ...since51],
  ['release 5.4.0 | arch x86_64, 4 levels, sme bit 47', x86Memory, ...since51],
  ['release 5.4.0 | arch x86_64, 4 levels | mem_map flat', x86Memory, ...since51],
  ['release 5.10.0 | arch x86_64, 4 levels | kaslr 0x2a000000', x86Memory, ...since51],
  ['release 5.10.0 | arch x86_64, 5 levels, sme bit 51', x86Memory, ...since51],
  ['release 5.14.0 | arch x86_64, 4 levels', x86Memory, ...since51],
  ['release 5.15.0 | arch x86_64, 5 levels | kaslr 0x200000 | phys_base -0x3c00000', x86Memory, ...since51],
  ['release 6.1.0 | arch x86_64, 4 levels | kaslr 0x32200000', x86Memory, ...since60],
  ['release 6.1.0 | arch x86_64, 4 levels | mem_map sparse, sections of 2^22', x86Memory, ...since60],
  ['release 6.1.0 | arch x86_64, 5 levels, sme bit 51', x86Memory, ...since60],
  ['release 6.3.0 | arch x86_64, 4 levels', x86Memory, ...since60],
  ['release 6.6.0 | arch x86_64, 4 levels | kaslr 0x1000000', x86Memory, ...since60],
  ['release 6.6.0 | arch x86_64, 5 levels', x86Memory, ...since60],
  ['release 6.9.0 | arch x86_64, 4 levels', x86Memory, ...since60],
  ['release 6.12.0 | arch x86_64, 4 levels | kaslr 0x1000000', x86Memory, ...since60],
  ['release 6.12.0 | arch x86_64, 5 levels, sme bit 51', x86Memory, ...since60],
  ['release 6.18.0 | arch x86_64, 4 levels | kaslr 0x1000000', x86Memory, ...since616],
  ['release 6.18.0 | arch x86_64, 5 levels, sme bit 51', x86Memory, ...since616],
  ['release 7.2.0 | arch x86_64, 4 levels | kaslr 0x28200000', x86Memory, ...since616],
  ['release 7.2.0 | arch x86_64, 5 levels, sme bit 51 | kaslr 0x28200000', x86Memory, ...since616],

  ['release 4.18.0 | arch arm64, 4K pages, va 48', armMemory, ...old],
  ['release 4.18.0 | arch arm64, 4K pages, va 39', armMemory, ...old],
  ['release 4.18.0 | arch arm64, 64K pages, va 48 | kaslr 0x12340000', armMemory, ...old],
  ['release 4.18.0 | arch arm64, 64K pages, va 42 | mem_map flat', armMemory, ...old],
  ['release 5.4.0 | arch arm64, 4K pages, va 48 | kaslr 0x12340000', armMemory, ...since51],
  ['release 5.4.0 | arch arm64, 4K pages, va 48 | mem_map flat', armMemory, ...since51],
  ['release 5.4.0 | arch arm64, 16K pages, va 47', armMemory, ...since51],
  ['release 5.4.0 | arch arm64, 64K pages, va 52', armMemory, ...since51],
  ['release 5.4.0 | arch arm64, 64K pages, va 52 on 48', armMemory, ...since51],
  ['release 5.10.0 | arch arm64, 4K pages, va 48', armMemory, ...since51],
  ['release 5.10.0 | arch arm64, 16K pages, va 48 | kaslr 0x12340000', armMemory, ...since51],
  ['release 5.10.0 | arch arm64, 64K pages, va 52 on 48', armMemory, ...since51],
  ['release 5.15.0 | arch arm64, 4K pages, va 39', armMemory, ...since51],
  ['release 5.15.0 | arch arm64, 64K pages, va 52', armMemory, ...since51],
  ['release 6.1.0 | arch arm64, 4K pages, va 48 | kaslr 0x12340000', armMemory, ...since60],
  ['release 6.1.0 | arch arm64, 16K pages, va 47', armMemory, ...since60],
  ['release 6.6.0 | arch arm64, 4K pages, va 48', armMemory, ...since60],
  ['release 6.6.0 | arch arm64, 64K pages, va 52 on 48 | kaslr 0x12340000', armMemory, ...since60],
  ['release 6.12.0 | arch arm64, 4K pages, va 52 on 48 | kaslr 0x12340000', armMemory, ...since60],
  ['release 6.12.0 | arch arm64, 4K pages, va 52', armMemory, ...since60],
  ['release 6.12.0 | arch arm64, 16K pages, va 52', armMemory, ...since60],
  ['release 6.18.0 | arch arm64, 16K pages, va 52 on 48', armMemory, ...since60],
  ['release 6.18.0 | arch arm64, 64K pages, va 52', armMemory, ...since60],
  ['release 7.2.0 | arch arm64, 4K pages, va 52 on 48 | kaslr 0x12340000', armMemory, ...since60],
  ['release 7.2.0 | arch arm64, 16K pages, va 47', armMemory, ...since60],
  ['release 7.2.0 | arch arm64, 64K pages, va 52 | kaslr 0x12340000', armMemory, ...since60],
];

const describeKernel = ([machine, ...content]: readonly string[]): DescribedKernel =>
  describedKernel([...machine!.split(' | '), ...content].join('\n'));

function ramOf({ kernel }: DescribedKernel): number[] {
  const { pageSize } = kernel.memory;
  return kernel.ram.flatMap(({ start, end }) => numbers(start / pageSize, end / pageSize - 1));
}
const without = (all: readonly number[], some: readonly number[]): number[] => {
  const gone = new Set(some);
  return all.filter((pfn) => !gone.has(pfn));
};

function keptAt(described: DescribedKernel, level: number): number[] {
  const dump = described.kernel.dump();
  const pass = pageSelector(dump, described.kernel.kernel(), level)();
  const { kept } = pass.select({ start: asPfn(0), end: dump.memory.endPfn });
  assert.equal(pass.unjudged, 0);
  return [...kept.runs()].flatMap(({ start, end }) => numbers(start, end - 1));
}

for (const kernel of kernels) {
  describe(kernel[0].replace('release ', 'Linux '), () => {
    const described = describeKernel(kernel);
    const ram = ramOf(described);
    const { pageSize } = described.kernel.memory;

    it('has its pages kept or left out at each level as described', () => {
      // Bit 1 is decided when pages are copied.
      for (const level of [0, 2, 4, 8, 16, 30]) {
        assert.deepEqual(keptAt(described, level), without(ram, described.leftOut(level)), `level ${level}`);
      }
    });

    it('is dumped without reading what must never be read', async () => {
      const sink = new MemorySink();
      const result = await makedumpfile({
        dump: described.kernel.dump(),
        level: 31,
        format: { kind: 'kdump', codec: undefined },
        outputs: [sink],
        resources: { workers: 0, bitmapBytes: 2 ** 20 },
        progress: silentProgress,
      });
      // A page that must never be read cannot be: it would be lost. Zero pages stay, as one shared page.
      assert.deepEqual([result.lost, result.unjudged], [0, 0]);
      const written = openDump(new MemorySource(sink.bytes(), 'out'), { codecs: {}, cutShort: 'refuse' });
      const present = ram.filter((pfn) => written.memory.state(asPfn(pfn)) === 'present');
      assert.deepEqual(present, without(ram, described.leftOut(30)));
      const page = new Uint8Array(pageSize);
      written.memory.read(asPaddr((ram[0]! + 1) * pageSize), page);
      assert.deepEqual(page, numberedPage(ram[0]! + 1, pageSize));
    });

    it('tells its log, and where its symbols are', () => {
      const opened = described.kernel.kernel();
      const records = readPrintkRecords(opened).map(
        (record) => `${formatRecord(record, { caller: false })}\n`,
      );
      assert.equal(records.join(''), described.dmesg);
      const { description } = described;
      if (description.symbols.length === 0) return;
      const kallsyms = openKallsyms(opened);
      for (const { name, address } of description.symbols) {
        assert.equal(kallsyms.address(name), described.kernel.space.imageStart + address, name);
      }
    });
  });
}

describe('one kernel at all 32 levels', () => {
  const described = describeKernel(kernels.find(([machine]) => machine.includes('6.18.0'))!);
  const ram = ramOf(described);
  for (let level = 0; level < 32; level++) {
    it(`-d ${level}`, () => {
      assert.deepEqual(keptAt(described, level), without(ram, described.leftOut(level & ~1)));
    });
  }
});
