/** Ranges of numbers, `end` excluded: ascending, merged where they touch or overlap. */

export interface Range {
  readonly start: number;
  readonly end: number;
}

export class Ranges {
  private readonly list: readonly Range[];

  /** In any order, overlapping or not; empty ones count for nothing. */
  constructor(ranges: Iterable<Range>) {
    const merged: { start: number; end: number }[] = [];
    for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start)) {
      const last = merged.at(-1);
      if (end <= start) continue;
      if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
      else merged.push({ start, end });
    }
    this.list = merged;
  }

  get isEmpty(): boolean {
    return this.list.length === 0;
  }

  [Symbol.iterator](): Iterator<Range> {
    return this.list[Symbol.iterator]();
  }

  /** What of [from, to) is in the ranges, ascending. */
  *within(from: number, to: number): Generator<Range> {
    if (to <= from) return;
    for (let i = this.firstEndingAfter(from); i < this.list.length; i++) {
      const { start, end } = this.list[i]!;
      if (start >= to) return;
      yield { start: Math.max(start, from), end: Math.min(end, to) };
    }
  }

  /** Is any of [from, to) in the ranges? */
  touches(from: number, to: number): boolean {
    return !this.within(from, to).next().done;
  }

  /** What of [from, to) is not, ascending. */
  *outside(from: number, to: number): Generator<Range> {
    let at = from;
    for (const { start, end } of this.within(from, to)) {
      if (start > at) yield { start: at, end: start };
      at = end;
    }
    if (at < to) yield { start: at, end: to };
  }

  private firstEndingAfter(value: number): number {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.list[middle]!.end > value) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
