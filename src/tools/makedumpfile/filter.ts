/**
 * Which pages of a dump to keep: all of RAM, less the kinds that the dump level leaves out.
 *
 * Physical memory is looked at window by window, ascending, so that the bitmaps of a machine of any size fit in what memory there is
 * (the "cyclic" mode of makedumpfile). Zero pages are not decided here: they are seen when pages are copied.
 *
 * The order of who decides: what must never be read (poisoned, offline); pages that the user's filters keep; the level; pages that they drop.
 */
import { alignUp } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { PfnBitmap } from '../../base/pfn-bitmap.ts';
import { asVaddr, type PfnRange } from '../../base/units.ts';
import type { Dump } from '../../formats/dump.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { type MemMapRun, readMemMap } from '../../kernel/memory/mem-map.ts';
import { PageJudge } from '../../kernel/memory/page-judge.ts';
import { type EmitRun, PageKind, pageKindNames, pageLayoutOf } from '../../kernel/memory/page-kind.ts';
import { excludedKinds } from './dump-level.ts';
import type { PageChoice } from './filters/plan.ts';

/** Page frames left out, by the kind that was the reason. */
export type ExcludedCounts = Readonly<Record<Exclude<keyof typeof PageKind, 'kept'>, number>>;

/** The answer for one window, lent until the pass is asked for the next one. */
export interface Selection {
  /** Page frames that are RAM. */
  readonly ram: PfnBitmap;
  /** Page frames to copy. */
  readonly kept: PfnBitmap;
}

/** Bytes of struct pages judged at a time: what stays in the processor's cache between being read and being looked at. */
const chunkBytes = 256 << 10;

/** Can the level be done without knowing the kernel? (0 and 1 can.) */
export const needsKernel = (level: number): boolean => excludedKinds(level) !== excludedKinds(0);

/** One pass over physical memory: windows are asked for in ascending order, with nothing but holes between them. */
export interface SelectionPass {
  select(window: PfnRange): Selection;
  /** So far, over all windows. */
  readonly excluded: ExcludedCounts;
  /** Page frames that the user's filters left out, and the level would not have. */
  readonly dropped: number;
  /** Page frames whose struct page was not in the dump: kept, because nothing is known of them. */
  readonly unjudged: number;
  /** Page frames of the vmemmap that were left out because no kept page needs them (vmemmap.ts). */
  readonly unusedVmemmap: number;
}

/**
 * Prepares the filtering of a dump. `choice`: pages that the user keeps or drops. Without `kernel` nothing is excluded, poisoned pages neither: only for dumps without vmcoreinfo.
 * E_NO_INFO when the kernel's vmcoreinfo is not enough to judge pages.
 */
export function pageSelector(
  dump: Dump,
  kernel: Kernel | undefined,
  level: number,
  choice?: PageChoice,
): () => SelectionPass {
  const filter = kernel === undefined ? undefined : new PageFilter(kernel, level);
  if (choice === undefined) return () => new Pass(dump, filter);
  const unreadable = filter === undefined || choice.keep.isEmpty ? undefined : new PageFilter(kernel!, 0);
  return () => new Pass(dump, filter, { ...choice, unreadable });
}

/** The user's pages, and what finds those among them that must not be read all the same. */
interface Choice extends PageChoice {
  readonly unreadable: PageFilter | undefined;
}

class Pass implements SelectionPass {
  readonly unusedVmemmap = 0;
  dropped = 0;
  unjudged = 0;
  private readonly dump: Dump;
  private readonly filter: PageFilter | undefined;
  private readonly choice: Choice | undefined;
  private readonly counts = new Float64Array(pageKindNames.length);
  /** The bytes of both bitmaps, window after window: new ones would pile up until a garbage collection. */
  private bitmapBytes = new Uint8Array(0);
  /** A block that reached beyond its window: the rest is left out of the next ones. */
  private pending: { readonly end: number; readonly kind: PageKind } = { end: 0, kind: PageKind.kept };

  constructor(dump: Dump, filter: PageFilter | undefined, choice?: Choice) {
    this.dump = dump;
    this.filter = filter;
    this.choice = choice;
  }

  get excluded(): ExcludedCounts {
    const { counts } = this;
    return {
      free: counts[PageKind.free]!,
      cache: counts[PageKind.cache]!,
      cachePrivate: counts[PageKind.cachePrivate]!,
      user: counts[PageKind.user]!,
      hwpoison: counts[PageKind.hwpoison]!,
      offline: counts[PageKind.offline]!,
    };
  }

  select({ start, end }: PfnRange): Selection {
    const size = Math.ceil((end - start) / 8);
    // Both begin at a word.
    const room = alignUp(size, 4);
    if (this.bitmapBytes.length < 2 * room) this.bitmapBytes = new Uint8Array(2 * room);
    else this.bitmapBytes.fill(0);
    const ram = new PfnBitmap(start, end, this.bitmapBytes.subarray(0, size));
    const kept = new PfnBitmap(start, end, this.bitmapBytes.subarray(room, room + size));
    this.dump.memory.markRam(ram);
    this.dump.memory.markPresent(kept);
    const { choice } = this;
    const clear = (from: number, to: number, kind: PageKind): void => {
      this.counts[kind] = this.counts[kind]! + kept.clearRange(from, to);
    };
    const exclude = (from: number, to: number, kind: PageKind): void => {
      if (choice === undefined) clear(from, to, kind);
      else for (const part of choice.keep.outside(from, to)) clear(part.start, part.end, kind);
      if (to > end) this.pending = { end: to, kind };
    };
    if (this.pending.end > start) exclude(start, this.pending.end, this.pending.kind);
    if (this.filter !== undefined) {
      this.unjudged += this.filter.run(Math.max(start, this.pending.end), end, { ram, kept }, exclude);
    }
    if (choice !== undefined) {
      for (const part of choice.keep.within(start, end))
        choice.unreadable?.run(part.start, part.end, { ram, kept }, clear);
      for (const part of choice.drop.within(start, end)) {
        for (const { start: from, end: to } of choice.keep.outside(part.start, part.end))
          this.dropped += kept.clearRange(from, to);
      }
    }
    return { ram, kept };
  }
}

/** Knows the mem_map, and walks parts of it. */
class PageFilter {
  private readonly kernel: Kernel;
  private readonly structSize: number;
  private readonly judge: PageJudge;
  private readonly memMap: readonly MemMapRun[];
  /** struct pages judged at a time: a power of two, so that compound heads and their second pages stay together. */
  private readonly chunkPages: number;

  constructor(kernel: Kernel, level: number) {
    this.kernel = kernel;
    const layout = pageLayoutOf(kernel);
    this.structSize = layout.words * 4;
    this.chunkPages = 2 ** Math.floor(Math.log2(chunkBytes / this.structSize));
    this.judge = new PageJudge(layout, excludedKinds(level), this.chunkPages * this.structSize);
    this.memMap = readMemMap(kernel);
    if (this.memMap.length === 0) {
      throw new VmcoreError('E_NO_INFO', 'its mem_map has no section with struct pages', {
        file: kernel.dump.source.name,
      });
    }
  }

  /** Judges the RAM in [start, end), where any of it is kept so far, and returns how many of its page frames could not be. */
  run(start: number, end: number, pages: Selection, exclude: EmitRun): number {
    const { chunkPages } = this;
    let unjudged = 0;
    let next = start;
    for (const run of this.memMap) {
      next = Math.max(next, run.start);
      while (next < Math.min(end, run.end)) {
        const chunkEnd = Math.min(end, run.end, next + chunkPages - (next % chunkPages));
        const chunk = this.judgeChunk(run, next, chunkEnd, pages, exclude);
        unjudged += chunk.unjudged;
        next = Math.max(chunkEnd, chunk.next);
      }
    }
    return unjudged;
  }

  /** `next`: where to go on, when a block reaches beyond the chunk. */
  private judgeChunk(
    run: MemMapRun,
    start: number,
    end: number,
    pages: Selection,
    exclude: EmitRun,
  ): { next: number; unjudged: number } {
    const { ram, kept } = pages;
    // Holes between RAM have no struct pages worth reading, and not always any. Pages that the dump does not hold need not be judged: one made
    // with -e lacks their struct pages.
    if (kept.next(start, end) >= end) return { next: end, unjudged: 0 };
    // From an even page frame to an even one: a compound head and its second page stay together.
    const first = start - (start % 2);
    const last = Math.min(run.end, end + (end % 2));
    const structs = this.judge.room.subarray(0, (last - first) * this.structSize);
    try {
      this.kernel.readBulk(asVaddr(run.address + BigInt((first - run.start) * this.structSize)), structs);
    } catch (error) {
      if (!(error instanceof VmcoreError) || error.code !== 'E_UNREADABLE') throw error;
      return this.judgeHalves(run, start, end, pages, exclude);
    }
    let next = start;
    for (let from = ram.next(next, end); from < end; from = ram.next(next, end)) {
      next = this.judge.judge(structs, first, from, ram.nextGap(from, end), exclude);
    }
    return { next, unjudged: 0 };
  }

  /** Some struct pages are missing: find out which, and keep their pages. */
  private judgeHalves(
    run: MemMapRun,
    start: number,
    end: number,
    pages: Selection,
    exclude: EmitRun,
  ): { next: number; unjudged: number } {
    if (end - start <= 2) return { next: end, unjudged: pages.kept.countRange(start, end) };
    const middle = start + Math.ceil((end - start) / 4) * 2;
    const low = this.judgeChunk(run, start, middle, pages, exclude);
    if (low.next >= end) return low;
    const high = this.judgeChunk(run, Math.max(middle, low.next), end, pages, exclude);
    return { next: high.next, unjudged: low.unjudged + high.unjudged };
  }
}
