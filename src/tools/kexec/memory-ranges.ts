/** Ranges of physical memory, in bytes, from `start` up to but without `end`: what is left of them, and where something fits. */

export interface MemoryRange {
  readonly start: number;
  readonly end: number;
}

/** Sorted, with ranges that touch or overlap joined, empty ones left out. */
export function normalRanges(ranges: readonly MemoryRange[]): MemoryRange[] {
  const joined: { start: number; end: number }[] = [];
  for (const { start, end } of ranges.filter((range) => range.end > range.start).toSorted(byStart)) {
    const last = joined.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else joined.push({ start, end });
  }
  return joined;
}

const byStart = (a: MemoryRange, b: MemoryRange): number => a.start - b.start;

/** What is in `ranges` and not in `holes`. */
export function withoutRanges(ranges: readonly MemoryRange[], holes: readonly MemoryRange[]): MemoryRange[] {
  let left = normalRanges(ranges);
  for (const hole of holes) {
    left = left.flatMap(({ start, end }) => [
      { start, end: Math.min(end, hole.start) },
      { start: Math.max(start, hole.end), end },
    ]);
    left = left.filter(({ start, end }) => end > start);
  }
  return left;
}

export interface Placement {
  readonly size: number;
  /** A power of two. */
  readonly align: number;
  /** Nothing below, nothing from here on. */
  readonly min?: number;
  readonly max?: number;
  readonly from: 'bottom' | 'top';
}

/** The lowest or highest address where it fits; undefined when it does not. */
export function findPlace(free: readonly MemoryRange[], wanted: Placement): number | undefined {
  const { size, align, min = 0, max = Number.MAX_SAFE_INTEGER, from } = wanted;
  const inOrder = normalRanges(free);
  if (from === 'top') inOrder.reverse();
  for (const range of inOrder) {
    const start = Math.max(range.start, min);
    const end = Math.min(range.end, max);
    const at =
      from === 'bottom' ? Math.ceil(start / align) * align : Math.floor((end - size) / align) * align;
    if (at >= start && at + size <= end) return at;
  }
  return undefined;
}
