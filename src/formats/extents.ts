/** Extents of a file that was written piece by piece, where later pieces overwrite earlier ones. */

/** Bytes `start` to `end` (excluded) of the file; `tag` says where they come from. */
export interface Extent {
  readonly start: number;
  readonly end: number;
  readonly tag: number;
}

/**
 * What is visible in the end: ascending extents that do not overlap. `extents` are in the order in which they were written. An extent
 * that is cut keeps its tag, so the caller must know the beginning of the original one by the tag.
 */
export function visibleExtents(extents: readonly Extent[]): Extent[] {
  const order = extents.map((_, i) => i).sort((a, b) => extents[a]!.start - extents[b]!.start || a - b);
  const visible: Extent[] = [];
  /** Indices into `extents` that reach into what is being laid out, oldest first. Rarely more than two. */
  let active: number[] = [];
  let at = 0;
  const layOut = (until: number): void => {
    while (at < until) {
      active = active.filter((i) => extents[i]!.end > at);
      const newest = active.at(-1);
      if (newest === undefined) break;
      const { end, tag } = extents[newest]!;
      const stop = Math.min(end, until);
      const last = visible.at(-1);
      if (last?.end === at && last.tag === tag) visible[visible.length - 1] = { ...last, end: stop };
      else visible.push({ start: at, end: stop, tag });
      at = stop;
    }
    at = until;
  };
  for (const i of order) {
    layOut(extents[i]!.start);
    const after = active.findIndex((other) => other > i);
    active.splice(after < 0 ? active.length : after, 0, i);
  }
  layOut(Infinity);
  return visible;
}

/** Index of the first extent that ends after `position`, in ascending extents that do not overlap. */
export function firstEndingAfter(extents: readonly Extent[], position: number): number {
  let low = 0;
  let high = extents.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (extents[middle]!.end > position) high = middle;
    else low = middle + 1;
  }
  return low;
}
