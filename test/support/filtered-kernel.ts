/** A kernel with a few pages of every kind, for tests of the filter: 4096 page frames, all of them RAM but for a hole. */
import { type DescribedKernel, describedKernel } from './described-kernel.ts';

export const filteredPages = 4096;
/** No RAM: page frames 1024 to 1087, in the middle of a section. */
export const hole = { start: 1024, end: 1088 };

const description = `
  release  6.1.0-test
  arch     x86_64, 4 levels
  memory   0x0-0x3fffff, 0x440000-0xffffff
  mem_map  sparse-extreme, sections of 2^22

  page 1-599     kernel                 -> kept
  page 100       cache                  -> out at 2 4
  page 101       cache private          -> out at 4
  page 102       anonymous              -> out at 8
  page 103       swapcache              -> out at 2 4
  page 128       buddy order 3          -> out at 16
  page 130       hwpoison               -> never read    # in that block
  page 200       hwpoison               -> never read
  page 201       offline                -> never read
  page 256       anonymous order 2      -> out at 8
  page 300       slab                   -> kept
  page 384       cache order 3          -> out at 2 4
  page 388       tail hwpoison          -> never read    # in that folio
  page 512       hugetlb order 9        -> out at 8
`;

export const filteredKernel = (): DescribedKernel => describedKernel(description);

/** Numbers from `start` to `end`, both included. */
export const numbers = (start: number, end: number): number[] =>
  Array.from({ length: end - start + 1 }, (_, i) => start + i);

/** The page frames that a level leaves out, and why: counted by hand from the table above. */
export const leftOut: Readonly<
  Record<number, { readonly pages: readonly number[]; readonly excluded: object }>
> = (() => {
  const { leftOut: pages } = filteredKernel();
  const none = { free: 0, cache: 0, cachePrivate: 0, user: 0, hwpoison: 0, offline: 1 };
  return {
    0: { pages: pages(0), excluded: { ...none, hwpoison: 3 } },
    1: { pages: pages(1), excluded: { ...none, hwpoison: 3 } },
    2: { pages: pages(2), excluded: { ...none, cache: 10, hwpoison: 2 } },
    4: { pages: pages(4), excluded: { ...none, cache: 10, cachePrivate: 1, hwpoison: 2 } },
    8: { pages: pages(8), excluded: { ...none, user: 517, hwpoison: 3 } },
    16: { pages: pages(16), excluded: { ...none, free: 8, hwpoison: 2 } },
    31: {
      pages: pages(31),
      excluded: { free: 8, cache: 10, cachePrivate: 1, user: 517, hwpoison: 1, offline: 1 },
    },
  };
})();
