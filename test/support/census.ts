/** Counts page frames by marks that a filter has no use for: slab and hugetlb, from every struct page of a dump. */
import { asVaddr } from '../../src/base/units.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { readMemMap } from '../../src/kernel/memory/mem-map.ts';
import { type PageLayout, pageLayoutOf } from '../../src/kernel/memory/page-kind.ts';

export interface Census {
  readonly slab: number;
  readonly hugetlb: number;
  /** Marked as broken hardware, whatever else they are. */
  readonly hwpoison: number;
}

const chunkPages = 4096;

export function countMarks(kernel: Kernel): Census {
  const layout = pageLayoutOf(kernel);
  const counts = { slab: 0, hugetlb: 0, hwpoison: 0 };
  const { memory } = kernel.dump;
  /** What the last head said: it holds for the tails that follow it. */
  let head: 'slab' | 'hugetlb' | undefined;
  for (const run of readMemMap(kernel)) {
    const end = Math.min(run.end, memory.endPfn);
    for (let first = run.start as number; first < end; first += chunkPages) {
      const count = Math.min(chunkPages, end - first);
      const address = asVaddr(run.address + BigInt((first - run.start) * layout.words * 4));
      const bytes = kernel.read(address, count * layout.words * 4);
      const words = new Int32Array(bytes.slice().buffer);
      for (let at = 0; at < words.length; at += layout.words) {
        if ((words[at + layout.compoundHead]! & 1) === 0) head = markOf(words, at, layout);
        if (head !== undefined) counts[head]++;
        if ((words[at + layout.flags]! & layout.hwpoison) !== 0) counts.hwpoison++;
      }
    }
  }
  return counts;
}

function markOf(words: Int32Array, at: number, layout: PageLayout): 'slab' | 'hugetlb' | undefined {
  const flags = words[at + layout.flags]!;
  const type = words[at + layout.mapcount]!;
  if ((flags & layout.slabFlag) !== 0 || type === layout.slabType) return 'slab';
  const { compound } = layout;
  if ((flags & layout.head) === 0) return undefined;
  const second = at + layout.words;
  if (compound.kind === 'page-type') return type === compound.hugetlb ? 'hugetlb' : undefined;
  if (compound.kind === 'flags-1') {
    return (words[second + layout.flags]! & compound.hugetlb) !== 0 ? 'hugetlb' : undefined;
  }
  const dtor = (words[second + (compound.dtor >> 2)]! >>> ((compound.dtor & 3) * 8)) & 0xff;
  return dtor === compound.hugetlb ? 'hugetlb' : undefined;
}
