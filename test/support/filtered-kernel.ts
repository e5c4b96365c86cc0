/**
 * A kernel with a few pages of every kind, for tests of the filter: 4096 page frames, all of them RAM but for a hole.
 *
 *   page frame   what
 *   100, 103     page cache; swap cache
 *   101          page cache with private data
 *   102          anonymous memory
 *   128 - 135    a free block of order 3; 130 in it is poisoned
 *   200          poisoned
 *   201          offline
 *   256 - 259    an anonymous large folio of order 2
 *   300          slab, with a mapping that looks anonymous
 *   384 - 391    a large folio of the page cache of order 3; 388 in it is poisoned
 *   512 - 1023   a hugetlb page of 2 MiB
 *   2048 on      what the builders put there: page tables, mem_map
 */
import { MemMap } from './mem-map.ts';
import { numberedPage } from './pages.ts';
import { SyntheticKernel } from './synthetic-kernel.ts';

export const filteredPages = 4096;
/** No RAM: page frames 1024 to 1087, in the middle of a section. */
export const hole = { start: 1024, end: 1088 };

export interface FilteredKernel {
  readonly kernel: SyntheticKernel;
  readonly memMap: MemMap;
}

export function filteredKernel(): FilteredKernel {
  const kernel = new SyntheticKernel({
    ram: [
      { start: 0, end: hole.start * 4096 },
      { start: hole.end * 4096, end: filteredPages * 4096 },
    ],
  });
  for (let pfn = 1; pfn < 600; pfn++) kernel.memory.put(pfn * 4096, numberedPage(pfn));
  const memMap = new MemMap('6.1')
    .set(100, { flags: ['lru'] })
    .set(101, { flags: ['lru', 'private'] })
    .set(102, { flags: ['lru', 'swapbacked'], mapping: 0xffff_8880_0000_1001n })
    .set(103, { flags: ['swapcache', 'swapbacked'] })
    .free(128, 3)
    .set(130, { flags: ['hwpoison'] })
    .set(200, { flags: ['hwpoison'] })
    .set(201, { type: 'offline' })
    .compound(256, 2, { flags: ['lru', 'swapbacked'], mapping: 0xffff_8880_0000_2001n })
    .set(300, { flags: ['slab'], mapping: 0xffff_8880_0000_3001n })
    .compound(384, 3, { flags: ['lru'] })
    .set(388, { tail: true, flags: ['hwpoison'] })
    .compound(512, 9, { hugetlb: true });
  memMap.placeIn(kernel, [0, 1, 2, 3]);
  return { kernel, memMap };
}

/** Numbers from `start` to `end`, both included. */
export const numbers = (start: number, end: number): number[] =>
  Array.from({ length: end - start + 1 }, (_, i) => start + i);

/** The page frames that a level leaves out, and why: worked out by hand from the table above. */
export const leftOut: Readonly<
  Record<number, { readonly pages: readonly number[]; readonly excluded: object }>
> = (() => {
  const none = { free: 0, cache: 0, cachePrivate: 0, user: 0, hwpoison: 0, offline: 1 };
  const cache = [100, 103, ...numbers(384, 391)];
  const user = [102, ...numbers(256, 259), ...numbers(512, 1023)];
  const free = numbers(128, 135);
  return {
    0: { pages: [130, 200, 201, 388], excluded: { ...none, hwpoison: 3 } },
    1: { pages: [130, 200, 201, 388], excluded: { ...none, hwpoison: 3 } },
    2: { pages: [...cache, 130, 200, 201], excluded: { ...none, cache: 10, hwpoison: 2 } },
    4: {
      pages: [...cache, 101, 130, 200, 201],
      excluded: { ...none, cache: 10, cachePrivate: 1, hwpoison: 2 },
    },
    8: { pages: [...user, 130, 200, 201, 388], excluded: { ...none, user: 517, hwpoison: 3 } },
    16: { pages: [...free, 200, 201, 388], excluded: { ...none, free: 8, hwpoison: 2 } },
    31: {
      pages: [...cache, 101, ...user, ...free, 200, 201],
      excluded: { free: 8, cache: 10, cachePrivate: 1, user: 517, hwpoison: 1, offline: 1 },
    },
  };
})();
