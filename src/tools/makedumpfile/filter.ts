/**
 * Which pages of a dump to keep: all of RAM, less the kinds that the dump level leaves out.
 *
 * Zero pages are not decided here: they are seen when pages are copied.
 */

import { VmcoreError } from '../../base/errors.ts';
import { PfnBitmap } from '../../base/pfn-bitmap.ts';
import type { Progress } from '../../base/progress.ts';
import { asPfn, asVaddr } from '../../base/units.ts';
import type { Dump } from '../../formats/dump.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { type MemMapRun, readMemMap } from '../../kernel/mem-map.ts';
import {
  PageJudge,
  PageKind,
  type PageLayout,
  pageKindNames,
  pageLayoutOf,
  tailPage,
} from '../../kernel/page-kind.ts';
import { excludedKinds } from './dump-level.ts';

/** Page frames left out, by the kind that was the reason. */
export type ExcludedCounts = Readonly<Record<Exclude<keyof typeof PageKind, 'kept'>, number>>;

export interface Selection {
  /** Page frames that are RAM. */
  readonly ram: PfnBitmap;
  /** Page frames to copy. */
  readonly kept: PfnBitmap;
  readonly excluded: ExcludedCounts;
  /** Page frames whose struct page was not in the dump: kept, because nothing is known of them. */
  readonly unjudged: number;
}

/** struct pages judged at a time: 1 MiB of them, and a power of two, so that compound heads and their second pages stay together. */
const chunkPages = 16384;

/** Can the level be done without knowing the kernel? (0 and 1 can.) */
export const needsKernel = (level: number): boolean => excludedKinds(level) !== excludedKinds(0);

/**
 * Decides for every page frame. Without `kernel` nothing is excluded, poisoned pages neither: only for dumps without vmcoreinfo.
 * E_NO_INFO when the kernel's vmcoreinfo is not enough to judge pages.
 */
export function selectPages(
  dump: Dump,
  kernel: Kernel | undefined,
  level: number,
  progress: Progress,
): Selection {
  const window = (): PfnBitmap => new PfnBitmap(asPfn(0), dump.memory.endPfn);
  const ram = window();
  const kept = window();
  dump.memory.markRam(ram);
  dump.memory.markPresent(kept);
  const filter = kernel === undefined ? undefined : new PageFilter(kernel, level, ram, kept);
  filter?.run(progress);
  return { ram, kept, excluded: filter?.excluded ?? noneExcluded, unjudged: filter?.unjudged ?? 0 };
}

const toCounts = (counts: ArrayLike<number>): ExcludedCounts => ({
  free: counts[PageKind.free] ?? 0,
  cache: counts[PageKind.cache] ?? 0,
  cachePrivate: counts[PageKind.cachePrivate] ?? 0,
  user: counts[PageKind.user] ?? 0,
  hwpoison: counts[PageKind.hwpoison] ?? 0,
  offline: counts[PageKind.offline] ?? 0,
});
const noneExcluded = toCounts([]);

/** Walks the mem_map once and clears what is excluded from `kept`. */
class PageFilter {
  unjudged = 0;
  private readonly counts = new Float64Array(pageKindNames.length);
  private readonly kernel: Kernel;
  private readonly layout: PageLayout;
  private readonly judge: PageJudge;
  private readonly excludedKinds: number;
  private readonly ram: PfnBitmap;
  private readonly kept: PfnBitmap;
  private readonly chunk: Uint8Array;

  constructor(kernel: Kernel, level: number, ram: PfnBitmap, kept: PfnBitmap) {
    this.kernel = kernel;
    this.layout = pageLayoutOf(kernel);
    this.judge = new PageJudge(this.layout);
    this.excludedKinds = excludedKinds(level);
    this.ram = ram;
    this.kept = kept;
    this.chunk = new Uint8Array(chunkPages * this.layout.words * 4);
  }

  get excluded(): ExcludedCounts {
    return toCounts(this.counts);
  }

  run(progress: Progress): void {
    const runs = readMemMap(this.kernel);
    if (runs.length === 0) {
      throw new VmcoreError('E_NO_INFO', 'its mem_map has no section with struct pages', {
        file: this.kernel.dump.source.name,
      });
    }
    progress.step('Excluding pages', this.ram.end);
    for (const run of runs) {
      for (let pfn: number = run.start; pfn < run.end; ) {
        const end = Math.min(run.end, pfn + chunkPages - (pfn % chunkPages));
        // Holes between RAM have no struct pages worth reading, and not always any.
        if (this.ram.next(pfn) < end) this.judgeChunk(run, pfn, end);
        progress.advance(end);
        pfn = end;
      }
    }
  }

  private judgeChunk(run: MemMapRun, start: number, end: number): void {
    const structSize = this.layout.words * 4;
    const bytes = this.chunk.subarray(0, (end - start) * structSize);
    try {
      this.kernel.readBulk(asVaddr(run.address + BigInt((start - run.start) * structSize)), bytes);
    } catch (error) {
      if (!(error instanceof VmcoreError) || error.code !== 'E_UNREADABLE') throw error;
      this.judgeInHalves(run, start, end);
      return;
    }
    this.judgePages(new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4), start, end);
  }

  /** Some struct pages are missing: find out which, and keep their pages. Halves stay even, for compound heads. */
  private judgeInHalves(run: MemMapRun, start: number, end: number): void {
    if (end - start <= 2) {
      this.unjudged += this.ram.countRange(start, end);
      return;
    }
    const middle = start + Math.ceil((end - start) / 4) * 2;
    for (const [from, to] of [
      [start, middle],
      [middle, end],
    ] as const) {
      if (this.ram.next(from) < to) this.judgeChunk(run, from, to);
    }
  }

  private judgePages(words: Uint32Array, start: number, end: number): void {
    const { judge, layout, kept, ram, excludedKinds } = this;
    for (let pfn = start; pfn < end; pfn++) {
      if (!ram.has(pfn)) continue;
      judge.judge(words, (pfn - start) * layout.words, pfn);
      let { kind, pages } = judge;
      if (kind === tailPage) continue;
      if ((excludedKinds & (1 << kind)) === 0) {
        if (!judge.poisoned) continue;
        // The level would keep it, but reading poisoned memory can stop the machine. A free block is poisoned page by page.
        if (kind === PageKind.free) pages = 1;
        kind = PageKind.hwpoison;
      }
      this.counts[kind] = this.counts[kind]! + kept.clearRange(pfn, pfn + pages);
      pfn += pages - 1;
    }
  }
}
