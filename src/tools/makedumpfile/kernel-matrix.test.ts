/** Every corner of the kernel matrix, against what its description says: test/support/kernel-matrix.ts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DescribedKernel, describedKernel } from '../../../test/support/described-kernel.ts';
import { numbers } from '../../../test/support/filtered-kernel.ts';
import { matrix, nameOf, textOf } from '../../../test/support/kernel-matrix.ts';
import { MemorySink } from '../../../test/support/memory-sink.ts';
import { numberedPage } from '../../../test/support/pages.ts';
import { MemorySource } from '../../base/byte-source.ts';
import { silentProgress } from '../../base/progress.ts';
import { asPaddr, asPfn } from '../../base/units.ts';
import { openDump } from '../../formats/open.ts';
import { formatRecord, readPrintkRecords } from '../../kernel/log/printk.ts';
import { openKallsyms } from '../../kernel/symbols/kallsyms.ts';
import { readUtsname } from '../../kernel/utsname.ts';
import { pageSelector } from './filter.ts';
import { makedumpfile } from './makedumpfile.ts';
import { windowsOf } from './windows.ts';

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
  const kept = windowsOf(dump.memory, 2 ** 20).flatMap((window) =>
    [...pass.select(window).kept.runs()].flatMap(({ start, end }) => numbers(start, end - 1)),
  );
  assert.equal(pass.unjudged, 0);
  return kept;
}

for (const kernel of matrix) {
  describe(`Linux ${nameOf(kernel)}`, () => {
    const described = describedKernel(textOf(kernel));
    const ram = ramOf(described);
    const { pageSize } = described.kernel.memory;

    it('has its pages kept or left out at each level as described', () => {
      // Bit 1 is decided when pages are copied.
      for (const level of [0, 2, 4, 8, 16, 30]) {
        assert.deepEqual(keptAt(described, level), without(ram, described.leftOut(level)), `level ${level}`);
      }
    });

    // The bitmaps of a kdump file begin at page frame 0: for memory far above, ELF.
    const isHigh = described.kernel.memory.endPfn > 2 ** 20;

    it('is dumped without reading what must never be read', async () => {
      const sink = new MemorySink();
      const result = await makedumpfile({
        dump: described.kernel.dump(),
        level: 31,
        format: isHigh ? { kind: 'elf' } : { kind: 'kdump', codec: undefined },
        outputs: [sink],
        resources: { workers: 0, bitmapBytes: 2 ** 20 },
        progress: silentProgress,
      });
      // A page that must never be read cannot be: it would be lost. Zero pages stay, as one shared page.
      assert.deepEqual([result.lost, result.unjudged], [0, 0]);
      const written = openDump(new MemorySource(sink.bytes(), 'out'), { codecs: {}, cutShort: 'refuse' });
      const present = ram.filter((pfn) => written.memory.state(asPfn(pfn)) === 'present');
      const kept = without(ram, described.leftOut(30));
      if (isHigh) assert.deepEqual(without(present, kept), []);
      else assert.deepEqual(present, kept);
      const page = new Uint8Array(pageSize);
      written.memory.read(asPaddr((ram[0]! + 1) * pageSize), page);
      assert.deepEqual(page, numberedPage(ram[0]! + 1, pageSize));
    });

    it('tells its name, its log, and where its symbols are', () => {
      const opened = described.kernel.kernel();
      assert.equal(readUtsname(opened).release, described.description.release);
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
  const described = describedKernel(textOf(matrix.find((kernel) => nameOf(kernel).startsWith('6.18.0'))!));
  const ram = ramOf(described);
  for (let level = 0; level < 32; level++) {
    it(`-d ${level}`, () => {
      assert.deepEqual(keptAt(described, level), without(ram, described.leftOut(level & ~1)));
    });
  }
});
