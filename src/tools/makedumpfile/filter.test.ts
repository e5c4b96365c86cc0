import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DescribedKernel } from '../../../test/support/described-kernel.ts';
import { failsWith } from '../../../test/support/expect-error.ts';
import { fakeDump } from '../../../test/support/fake-dump.ts';
import {
  filteredKernel,
  filteredPages,
  hole,
  leftOut,
  numbers,
} from '../../../test/support/filtered-kernel.ts';
import { SyntheticKernel } from '../../../test/support/synthetic-kernel.ts';
import { asPfn } from '../../base/units.ts';
import { Kernel } from '../../kernel/kernel.ts';
import { needsKernel, pageSelector } from './filter.ts';

interface Answer {
  readonly kept: number[];
  readonly ram: number;
  readonly excluded: object;
  readonly unjudged: number;
}

function select({ kernel }: DescribedKernel, level: number, windowPages = filteredPages): Answer {
  const dump = kernel.dump();
  const pass = pageSelector(dump, new Kernel(dump), level)();
  const kept: number[] = [];
  let ram = 0;
  for (let start = 0; start < filteredPages; start += windowPages) {
    const window = { start: asPfn(start), end: asPfn(Math.min(filteredPages, start + windowPages)) };
    const selection = pass.select(window);
    ram += selection.ram.count();
    for (const run of selection.kept.runs()) kept.push(...numbers(run.start, run.end - 1));
  }
  return { kept, ram, excluded: pass.excluded, unjudged: pass.unjudged };
}

const allRam = numbers(0, filteredPages - 1).filter((pfn) => pfn < hole.start || pfn >= hole.end);

describe('filtering by dump level', () => {
  for (const [level, { pages, excluded }] of Object.entries(leftOut)) {
    it(`-d ${level} keeps all of RAM but what the level names, and what must never be read`, () => {
      const answer = select(filteredKernel(), Number(level));
      assert.equal(answer.ram, allRam.length);
      assert.deepEqual(answer.excluded, excluded);
      assert.deepEqual(
        answer.kept,
        allRam.filter((pfn) => !pages.includes(pfn)),
      );
      assert.equal(answer.unjudged, 0);
    });
  }

  it('keeps the same pages whatever the windows, though blocks lie across their edges', () => {
    const whole = select(filteredKernel(), 31);
    for (const windowPages of [64, 136, 264, 520, 2048]) {
      assert.deepEqual(select(filteredKernel(), 31, windowPages), whole, `windows of ${windowPages} pages`);
    }
  });

  it('keeps pages whose struct page is missing, and counts them', () => {
    const filtered = filteredKernel();
    // The page of the mem_map that holds the struct pages 64 to 127.
    filtered.kernel.memory.lose(Math.floor(filtered.memMap.structPages.get(100)! / 4096), 'excluded');
    const answer = select(filtered, 31);
    assert.equal(answer.unjudged, 64);
    for (const pfn of [64, 100, 101, 102, 103, 127]) assert.ok(answer.kept.includes(pfn), `page ${pfn}`);
    for (const pfn of [128, 200, 256, 512, 1023]) assert.ok(!answer.kept.includes(pfn), `page ${pfn}`);
    assert.deepEqual(answer.excluded, {
      free: 8,
      cache: 8,
      cachePrivate: 0,
      user: 516,
      hwpoison: 1,
      offline: 1,
    });
  });

  it('neither keeps nor counts pages that an earlier filter left out already', () => {
    const filtered = filteredKernel();
    for (const pfn of [100, 128, 129, 600]) filtered.kernel.memory.lose(pfn, 'excluded');
    const answer = select(filtered, 31);
    assert.deepEqual(answer.excluded, {
      free: 6,
      cache: 9,
      cachePrivate: 1,
      user: 516,
      hwpoison: 1,
      offline: 1,
    });
    assert.ok(!answer.kept.includes(100));
  });

  it('keeps everything without a kernel', () => {
    const { memory } = filteredKernel().kernel;
    const pass = pageSelector(fakeDump({ memory }), undefined, 1)();
    const { kept } = pass.select({ start: asPfn(0), end: asPfn(filteredPages) });
    assert.equal(kept.count(), allRam.length);
    assert.equal(pass.unjudged, 0);
  });

  it('needs the kernel from level 2 on', () => {
    assert.deepEqual([0, 1, 2, 3, 4, 8, 16, 31].map(needsKernel), [
      false,
      false,
      true,
      true,
      true,
      true,
      true,
      true,
    ]);
  });

  it('cannot be done on a kernel that does not describe its memory', () => {
    const kernel = new SyntheticKernel();
    assert.throws(() => pageSelector(kernel.dump(), kernel.kernel(), 31), failsWith('E_NO_INFO', /page/));
  });
});
