/**
 * The `mem` view: how the memory was used, as /proc/meminfo would have told.
 *
 * Each number is made as fs/proc/meminfo.c makes it (Linux 6.1, 7.2; si_mem_available() of mm/show_mem.c), `used` as crash's kmem -i does: all that is not
 * free. The kernel's counters lack what each CPU has yet to add to them: up to some hundred pages a CPU. Bytes.
 */
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import {
  bufferPages,
  commitment,
  hugePages,
  perCpuPages,
  reservedPages,
  swapFiles,
  swapPages,
  totalRamPages,
  vmallocPages,
} from '../../kernel/memory/memory-accounts.ts';
import { type MemoryNode, readNodes } from '../../kernel/memory/memory-nodes.ts';
import { readVmCounters, type VmCounters } from '../../kernel/memory/vmstat.ts';
import { Missing } from '../../kernel/missing.ts';

export interface MemoryUse {
  /** Bytes, all of these; null where the dump does not tell. */
  readonly total: number | null;
  readonly free: number | null;
  /** What programs could have had without swapping, as the kernel guesses it. */
  readonly available: number | null;
  /** total - free. */
  readonly used: number | null;
  /** tmpfs and shared memory. */
  readonly shared: number | null;
  /** Page cache of block devices. */
  readonly buffers: number | null;
  /** Page cache of files, tmpfs included. */
  readonly cached: number | null;
  readonly anonymous: number | null;
  readonly mapped: number | null;
  readonly dirty: number | null;
  readonly writeback: number | null;
  readonly slab: number | null;
  readonly slabReclaimable: number | null;
  readonly slabUnreclaimable: number | null;
  readonly kernelStack: number | null;
  readonly pageTables: number | null;
  readonly vmalloc: number | null;
  readonly perCpu: number | null;
  readonly swap: { readonly total: number; readonly free: number; readonly used: number } | null;
  /** What it swapped to, as /proc/swaps. */
  readonly swapFiles: readonly {
    readonly path: string;
    readonly size: number;
    readonly used: number;
    readonly priority: number;
  }[];
  readonly commit: { readonly limit: number; readonly committed: number } | null;
  /** By size. */
  readonly hugePages:
    | readonly {
        readonly size: number;
        /** Numbers of huge pages. */
        readonly total: number;
        readonly free: number;
        readonly reserved: number;
        readonly surplus: number;
      }[]
    | null;
  readonly nodes: readonly NodeUse[];
  /** All counters of the kernel by name; pages, or KiB where the name ends in _KB. */
  readonly counters: Readonly<Record<string, number>>;
  readonly missing: readonly string[];
}

export interface NodeUse {
  readonly node: number;
  readonly startPfn: number;
  /** Pages, all of these. */
  readonly spannedPages: number;
  readonly presentPages: number;
  readonly zones: readonly {
    readonly name: string;
    readonly startPfn: number;
    readonly spannedPages: number;
    readonly presentPages: number;
    readonly managedPages: number;
    readonly freePages: number | null;
    readonly watermarks: { readonly min: number; readonly low: number; readonly high: number };
    /** Free blocks of 2^0, 2^1, … pages. */
    readonly freeBlocks: readonly number[];
  }[];
}

/** Never fails: what cannot be read is null, and `missing` says why. */
export function describeMemory(crashed: CrashedKernel): MemoryUse {
  const missing = new Missing();
  const { pageSize } = crashed.dump.memory;
  const attempt = <T>(what: string, read: () => T): T | null => missing.attempt(what, read) ?? null;
  const counters = missing.attempt('the counters of memory', () => readVmCounters(crashed)) ?? new Map();
  const nodes = readNodes(crashed, missing);
  const total = attempt('all RAM', () => totalRamPages(crashed));
  const buffers = attempt('the buffers', () => bufferPages(crashed));
  const swap = attempt('the swap', () => swapPages(crashed));
  const huge = attempt('the huge pages', () => hugePages(crashed));
  const hugeTotal = (huge ?? []).reduce((pages, size) => pages + size.total * size.pagesEach, 0);
  const commit = attempt('what is committed', () => commitment(crashed, hugeTotal));
  const bytes = (pages: number | null): number | null => (pages === null ? null : pages * pageSize);
  const counted = (...names: string[]): number | null => counter(counters, names);
  const free = counted('NR_FREE_PAGES');
  const kernelStack = counted('NR_KERNEL_STACK_KB');
  // Bytes within control groups, but pages here, since 5.9 (d42f3245c7e2).
  const slabReclaimable = counted('NR_SLAB_RECLAIMABLE_B', 'NR_SLAB_RECLAIMABLE');
  const slabUnreclaimable = counted('NR_SLAB_UNRECLAIMABLE_B', 'NR_SLAB_UNRECLAIMABLE');
  const reserved = attempt('the reserved pages', () => reservedPages(crashed));
  return {
    total: bytes(total),
    free: bytes(free),
    available: bytes(availablePages(counters, nodes, reserved)),
    used: bytes(minus(total, free)),
    shared: bytes(counted('NR_SHMEM')),
    buffers: bytes(buffers),
    cached: bytes(minus(minus(counted('NR_FILE_PAGES'), buffers), counted('NR_SWAPCACHE') ?? 0)),
    anonymous: bytes(counted('NR_ANON_MAPPED')),
    mapped: bytes(counted('NR_FILE_MAPPED')),
    dirty: bytes(counted('NR_FILE_DIRTY')),
    writeback: bytes(counted('NR_WRITEBACK')),
    slab: slabReclaimable === null ? null : bytes(slabReclaimable + (slabUnreclaimable ?? 0)),
    slabReclaimable: bytes(slabReclaimable),
    slabUnreclaimable: bytes(slabUnreclaimable),
    kernelStack: kernelStack === null ? null : kernelStack * 1024,
    pageTables: bytes(counted('NR_PAGETABLE')),
    vmalloc: bytes(attempt('vmalloc', () => vmallocPages(crashed, counters))),
    perCpu: bytes(attempt('per-CPU memory', () => perCpuPages(crashed))),
    swap: swap && {
      total: swap.total * pageSize,
      free: swap.free * pageSize,
      used: (swap.total - swap.free) * pageSize,
    },
    swapFiles: swapFiles(crashed, missing).map(({ path, pages, used, priority }) => ({
      path,
      size: pages * pageSize,
      used: used * pageSize,
      priority,
    })),
    commit: commit && { limit: commit.limit * pageSize, committed: commit.committed * pageSize },
    hugePages: huge?.map(({ pagesEach, ...numbers }) => ({ size: pagesEach * pageSize, ...numbers })) ?? null,
    nodes: nodes.map(nodeUse),
    counters: Object.fromEntries(counters),
    missing: missing.lines,
  };
}

/** The first of these names that the kernel has. */
function counter(counters: VmCounters, names: readonly string[]): number | null {
  for (const name of names) {
    const value = counters.get(name);
    if (value !== undefined) return value;
  }
  return null;
}

const minus = (value: number | null, less: number | null): number | null =>
  value === null || less === null ? null : Math.max(0, value - less);

/** si_mem_available(): free pages and half of what can be reclaimed, or all of it but what zones want to have free. */
function availablePages(
  counters: VmCounters,
  nodes: readonly MemoryNode[],
  reserved: number | null,
): number | null {
  const free = counters.get('NR_FREE_PAGES');
  const active = counters.get('NR_ACTIVE_FILE');
  const inactive = counters.get('NR_INACTIVE_FILE');
  const slab = counter(counters, ['NR_SLAB_RECLAIMABLE_B', 'NR_SLAB_RECLAIMABLE']);
  if (free === undefined || active === undefined || inactive === undefined) return null;
  if (slab === null || reserved === null || nodes.length === 0) return null;
  const low = nodes
    .flatMap(({ zones }) => zones)
    .reduce((pages, { watermarks }) => pages + watermarks.low, 0);
  const spare = (pages: number): number => pages - Math.min(Math.floor(pages / 2), low);
  const reclaimable = slab + (counters.get('NR_KERNEL_MISC_RECLAIMABLE') ?? 0);
  return Math.max(0, free - reserved + spare(active + inactive) + spare(reclaimable));
}

const nodeUse = ({ zones, ...node }: MemoryNode): NodeUse => ({
  ...node,
  zones: zones.map(({ counters, ...zone }) => ({
    ...zone,
    freePages: counters.get('NR_FREE_PAGES') ?? null,
  })),
});
