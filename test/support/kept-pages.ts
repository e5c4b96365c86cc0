/** Comparing which pages two dumps of one machine hold, and with what bytes. */
import assert from 'node:assert/strict';
import { PfnBitmap } from '../../src/base/pfn-bitmap.ts';
import { asPaddr, asPfn } from '../../src/base/units.ts';
import type { Dump } from '../../src/formats/dump.ts';

export function presentPages(dump: Dump): PfnBitmap {
  const bitmap = new PfnBitmap(asPfn(0), dump.memory.endPfn);
  dump.memory.markPresent(bitmap);
  return bitmap;
}

/** Page frames in one of the two only. */
export function differences(
  ours: PfnBitmap,
  theirs: PfnBitmap,
): { onlyOurs: number[]; onlyTheirs: number[] } {
  const found = { onlyOurs: [] as number[], onlyTheirs: [] as number[] };
  for (let pfn = 0; pfn < Math.max(ours.end, theirs.end); pfn++) {
    if (ours.has(pfn) === theirs.has(pfn)) continue;
    (ours.has(pfn) ? found.onlyOurs : found.onlyTheirs).push(pfn);
  }
  return found;
}

/** Short enough for a failure message. */
export const someOf = (pfns: readonly number[]): string =>
  `${pfns.length} pages${pfns.length === 0 ? '' : `: ${pfns.slice(0, 20).join(' ')}`}`;

/** The first of `pages` whose bytes differ; undefined when all are equal. */
export function differingPage(ours: Dump, theirs: Dump, pages: PfnBitmap): number | undefined {
  const { pageSize } = ours.memory;
  const [a, b] = [new Uint8Array(pageSize), new Uint8Array(pageSize)];
  for (const { start, end } of pages.runs()) {
    for (let pfn: number = start; pfn < end; pfn++) {
      const paddr = asPaddr(pfn * pageSize);
      assert.equal(ours.memory.read(paddr, a), pageSize, `ours, page ${pfn}`);
      assert.equal(theirs.memory.read(paddr, b), pageSize, `theirs, page ${pfn}`);
      if (Buffer.compare(a, b) !== 0) return pfn;
    }
  }
  return undefined;
}
