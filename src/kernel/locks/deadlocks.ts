/** Circles of tasks of which each waits for the next: none of them will ever run again. */

/** `waitsFor`: of each task that waits, the one it waits for. Each circle once, beginning with the task that comes first in the map. */
export function findCircles<T>(waitsFor: ReadonlyMap<T, T>): T[][] {
  const circles: T[][] = [];
  const done = new Set<T>();
  for (const start of waitsFor.keys()) {
    const path: T[] = [];
    let at: T | undefined = start;
    while (at !== undefined && !done.has(at)) {
      done.add(at);
      path.push(at);
      at = waitsFor.get(at);
    }
    const begin = at === undefined ? -1 : path.indexOf(at);
    if (begin >= 0) circles.push(path.slice(begin));
  }
  return circles;
}
