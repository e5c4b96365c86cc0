import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { filteredKernel, filteredPages, hole } from '../../../test/support/filtered-kernel.ts';
import { silentProgress } from '../../base/progress.ts';
import { asPfn, type PfnRange } from '../../base/units.ts';
import { type MemUsage, memUsage, memUsageText } from './mem-usage.ts';

const usageOf = (reserved: readonly PfnRange[], damage?: (lose: (pfn: number) => void) => void): MemUsage => {
  const { kernel } = filteredKernel();
  damage?.((pfn) => kernel.memory.failAt(pfn));
  return memUsage({ dump: kernel.dump(), reserved, bitmapBytes: 2 ** 20, progress: silentProgress });
};
const ram = filteredPages - (hole.end - hole.start);

describe('--mem-usage', () => {
  it('counts every page of RAM once, by kind', () => {
    const usage = usageOf([]);
    // Page frames of filtered-kernel.ts: poisoned and offline ones are in no row of the table.
    assert.equal(usage.total, ram);
    assert.equal(usage.cachePrivate, 1);
    assert.equal(usage.user, 1 + 4 + 512);
    assert.equal(usage.free, 8);
    assert.equal(usage.cache, 2 + 8);
    const unnamed = 2;
    const { zero, cache, cachePrivate, user, free, kernelData } = usage;
    assert.equal(zero + cache + cachePrivate + user + free + kernelData + unnamed, ram);
    // 1 to 599 are not zero; 600 to 1023 and 1088 to 2047 are, but for the hugetlb page.
    assert.ok(zero >= 960 && zero < ram - 599, `${zero} zero pages`);
  });

  it('leaves out what is reserved', () => {
    const all = usageOf([]);
    const less = usageOf([{ start: asPfn(20), end: asPfn(60) }]);
    assert.equal(all.total - less.total, 40);
    assert.equal(all.kernelData - less.kernelData, 40);
    assert.equal(all.zero, less.zero);
  });

  it('takes pages that cannot be read for data', () => {
    const usage = usageOf([], (fail) => {
      for (const pfn of [1100, 1101, 1150]) fail(pfn);
    });
    const all = usageOf([]);
    assert.equal(all.zero - usage.zero, 3);
    assert.equal(usage.kernelData - all.kernelData, 3);
  });

  it('is shown in the table of the original', () => {
    const usage = {
      pageSize: 4096,
      total: 100,
      zero: 1,
      cache: 2,
      cachePrivate: 3,
      user: 4,
      free: 5,
      kernelData: 85,
    };
    const lines = memUsageText(usage).split('\n');
    assert.equal(lines[1], 'TYPE\t\tPAGES\t\t\tEXCLUDABLE\tDESCRIPTION');
    assert.equal(lines[3], 'ZERO\t\t1               \tyes\t\tPages filled with zero');
    assert.equal(lines[4], 'NON_PRI_CACHE\t2               \tyes\t\tCache pages without private flag');
    assert.equal(lines[8], 'KERN_DATA\t85              \tno\t\tDumpable kernel data ');
    assert.equal(lines.at(-2), 'Total size on system:\t409600           Byte');
  });
});
