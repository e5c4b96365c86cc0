/**
 * makedumpfile -e: leaves out the parts of the vmemmap (the array of struct page) that describe only pages that are left out.
 *
 * Which page frames count follows find_unused_vmemmap_pages() of makedumpfile.c (1.7.9): runs of at least two 64-bit words of both bitmaps
 * that are RAM throughout and kept nowhere, cut at every 32768 page frames. Where their struct pages lie is found by the page tables, so that
 * holes in the vmemmap and five-level tables do not matter.
 *
 * What is left out may lie anywhere, in windows before and behind: all windows are looked at once before the first is written.
 */
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, type PfnRange, type Vaddr } from '../../base/units.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { type MemMapRun, readMemMap } from '../../kernel/memory/mem-map.ts';
import type { ExcludedCounts, Selection, SelectionPass } from './filter.ts';
import { Ranges } from './filters/ranges.ts';
import type { KnownKernel, MakedumpfileJob } from './job.ts';
import { pause } from './pause.ts';

/** Page frames in a word of the bitmaps. */
const wordPages = 64;
const wordBytes = wordPages / 8;
/** Page frames in a block of the original's bitmap file (BUFSIZE_BITMAP); windows begin at multiples of it. */
const blockPages = 32768;
const minWords = 2;
/** What one entry of a page middle directory maps on x86_64. */
const hugePage = 2n ** 21n;

/**
 * `known`, with passes that leave out the unused vmemmap too; as it is when the job does not ask for that, or nothing is known of the kernel. `refine` is what
 * happens to each window's pages after they were selected: pages that it takes out need no struct pages either.
 */
export async function withoutUnusedVmemmap(
  job: MakedumpfileJob,
  known: KnownKernel,
  windows: readonly PfnRange[],
  refine: (selection: Selection) => Promise<void> = async () => {},
): Promise<KnownKernel> {
  const { kernel, newPass } = known;
  if (job.vmemmap !== 'used' || kernel === undefined) return known;
  const search = new UnusedVmemmap(kernel);
  const pass = newPass();
  for (const window of windows) {
    const selection = pass.select(window);
    await refine(selection);
    search.look(selection);
    await pause(job.abort);
  }
  const unused = search.pages();
  const kept = job.filters?.pages.keep ?? new Ranges([]);
  return { kernel, newPass: () => new VmemmapPass(newPass(), unused, kept) };
}

/** Collects the pages of the vmemmap that are not needed, window by window. */
export class UnusedVmemmap {
  private readonly kernel: Kernel;
  private readonly structSize: bigint;
  private readonly memMap: readonly MemMapRun[];
  private readonly found: { start: number; end: number }[] = [];

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.structSize = BigInt(kernel.info.requireSize('page'));
    this.memMap = readMemMap(kernel);
  }

  look({ ram, kept }: Selection): void {
    const words = Math.floor((ram.end - ram.start) / wordPages);
    const blockWords = blockPages / wordPages;
    let first = 0;
    for (let word = 0; word <= words; word++) {
      const isUnused = word < words && isUnusedWord(ram.bytes, kept.bytes, word * wordBytes);
      if (isUnused && word % blockWords !== 0) continue;
      // A block ends the run before it, but may begin another.
      if (word - first >= minWords) this.add(ram.start + first * wordPages, ram.start + word * wordPages);
      first = isUnused ? word : word + 1;
    }
  }

  /** Page frames that hold nothing but struct pages of those that were found. */
  pages(): Ranges {
    return new Ranges(this.found);
  }

  private add(start: number, end: number): void {
    const run = this.memMap.find((candidate) => start >= candidate.start && end <= candidate.end);
    if (run === undefined) return;
    const pageSize = BigInt(this.kernel.dump.memory.pageSize);
    const structAt = (pfn: number): bigint => run.address + BigInt(pfn - run.start) * this.structSize;
    // Pages that also hold a struct page of another page frame stay.
    const from = ((structAt(start) + pageSize - 1n) / pageSize) * pageSize;
    const to = (structAt(end) / pageSize) * pageSize;
    if (this.kernel.dump.arch === 'x86_64' && to > this.lastHugePage(run)) return;
    for (let at = from; at < to; ) {
      const { paddr, length } = this.place(asVaddr(at));
      const bytes = Math.min(length, Number(to - at));
      if (paddr !== undefined) this.addPages(paddr / Number(pageSize), bytes / Number(pageSize));
      at += BigInt(bytes);
    }
  }

  /** As the original, which takes the end of the last huge page of the vmemmap for the beginning of it: what that describes stays. */
  private lastHugePage(run: MemMapRun): bigint {
    const { endPfn } = this.kernel.dump.memory;
    const last = run.address + BigInt(endPfn - 1 - run.start) * this.structSize;
    return (last / hugePage) * hugePage;
  }

  /** Undefined where the vmemmap is not mapped, or in a way in which its pages must stay; `length` is how far that goes. */
  private place(at: Vaddr): { readonly paddr: number | undefined; readonly length: number } {
    const isHuge = this.kernel.dump.arch === 'x86_64';
    // A page of its own for each 4 KiB of the vmemmap is how hugetlb shares the struct pages of tails (HVO, since 5.14): others may need it.
    const from = isHuge ? (at / hugePage) * hugePage : at;
    const mapping = this.translate(asVaddr(from));
    const into = Number(at - from);
    const none = isHuge ? Number(hugePage) - into : this.kernel.dump.memory.pageSize;
    if (mapping === undefined || (isHuge && mapping.length < Number(hugePage)))
      return { paddr: undefined, length: none };
    return { paddr: mapping.paddr + into, length: mapping.length - into };
  }

  private translate(at: Vaddr): ReturnType<Kernel['tryTranslate']> {
    try {
      return this.kernel.tryTranslate(at);
    } catch (error) {
      if (error instanceof VmcoreError && error.code === 'E_UNREADABLE') return undefined;
      throw error;
    }
  }

  private addPages(start: number, count: number): void {
    const last = this.found.at(-1);
    if (last?.end === start) last.end = start + count;
    else this.found.push({ start, end: start + count });
  }
}

function isUnusedWord(ram: Uint8Array, kept: Uint8Array, at: number): boolean {
  for (let i = at; i < at + wordBytes; i++) if (kept[i] !== 0 || ram[i] !== 0xff) return false;
  return true;
}

class VmemmapPass implements SelectionPass {
  unusedVmemmap = 0;
  private readonly pass: SelectionPass;
  private readonly unused: Ranges;
  private readonly keep: Ranges;

  /** `keep`: page frames that the user's filters want. */
  constructor(pass: SelectionPass, unused: Ranges, keep: Ranges) {
    this.pass = pass;
    this.unused = unused;
    this.keep = keep;
  }

  get excluded(): ExcludedCounts {
    return this.pass.excluded;
  }

  get dropped(): number {
    return this.pass.dropped;
  }

  get unjudged(): number {
    return this.pass.unjudged;
  }

  select(window: PfnRange): Selection {
    const selection = this.pass.select(window);
    for (const { start, end } of this.unused.within(window.start, window.end)) {
      for (const part of this.keep.outside(start, end))
        this.unusedVmemmap += selection.kept.clearRange(part.start, part.end);
    }
    return selection;
  }
}
