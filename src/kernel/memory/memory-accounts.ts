/**
 * What the kernel keeps account of apart from its counters (vmstat.ts): all RAM, buffers, swap, commitments, huge pages, vmalloc.
 *
 * Source of truth: fs/proc/meminfo.c and what it calls (Linux 4.18, 6.1, 7.2): mm/page_alloc.c, mm/swapfile.c, mm/util.c, mm/hugetlb.c, block/bdev.c,
 * mm/vmalloc.c, mm/percpu.c. What moved is told at each. Pages.
 */
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import { walkList } from '../lists/lists.ts';
import type { Missing } from '../missing.ts';
import { readInt, readLong, readUnsignedInt, readUnsignedLong } from '../numbers.ts';
import type { Struct } from '../struct.ts';
import { pathText } from '../vfs/paths.ts';
import type { VmCounters } from './vmstat.ts';

/** RAM that the kernel had for itself and for users. An atomic number of another name since 5.0 (ca79b0c211af). */
export function totalRamPages(crashed: CrashedKernel): number {
  const { symbols, kernel } = crashed;
  return readLong(kernel, symbols.address('_totalram_pages') ?? symbols.require('totalram_pages'));
}

/** The page cache of block devices themselves: inodes of blockdev_superblock, since 5.11 (22ae8ce8b892); before, all_bdevs. */
export function bufferPages(crashed: CrashedKernel): number {
  const { symbols, kernel, layouts } = crashed;
  const devices = symbols.address('all_bdevs');
  if (devices !== undefined) {
    const inList = BigInt(layouts.requireOffset('block_device.bd_list'));
    return sum(walkList(kernel, devices), (node) => {
      const device = crashed.struct('block_device', node - inList);
      return device.follow('bd_inode')?.follow('i_mapping')?.number('nrpages') ?? 0;
    });
  }
  const superblock = crashed.struct(
    'super_block',
    kernel.readPointer(symbols.require('blockdev_superblock')),
  );
  const inList = BigInt(layouts.requireOffset('inode.i_sb_list'));
  return sum(walkList(kernel, superblock.addressOf('s_inodes')), (node) => {
    const inode = crashed.struct('inode', node - inList);
    return inode.follow('i_mapping')?.number('nrpages') ?? 0;
  });
}

function sum<T>(items: Iterable<T>, value: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += value(item);
  return total;
}

export interface SwapPages {
  readonly total: number;
  readonly free: number;
}

/** SWP_USED and SWP_WRITEOK of include/linux/swap.h. */
const swapUsed = 1;
const swapWritable = 2;
/** MAX_SWAPFILES is less. */
const maxSwapFiles = 64;
/** SWAP_USAGE_OFFLIST_BIT (6.13): not a part of the number. */
const swapOffList = 1n << 62n;

/**
 * A variable that kernels without some option do not have: undefined. E_NO_INFO when that is not to be known: kernels without CONFIG_KALLSYMS_ALL tell of no
 * variable.
 */
function optional(crashed: CrashedKernel, name: string): Vaddr | undefined {
  const address = crashed.symbols.address(name);
  // All kernels have this one.
  if (address === undefined) crashed.symbols.require('vm_node_stat');
  return address;
}

/** As si_swapinfo(): what is being swapped off counts until it is. Both 0 in kernels without CONFIG_SWAP. */
export function swapPages(crashed: CrashedKernel): SwapPages {
  const totalAt = optional(crashed, 'total_swap_pages');
  if (totalAt === undefined) return { total: 0, free: 0 };
  const leaving = sum(swapInfos(crashed), (file) =>
    (file.number('flags') & swapWritable) === 0 ? pagesInUse(file) : 0,
  );
  return {
    total: readLong(crashed.kernel, totalAt) + leaving,
    free: readLong(crashed.kernel, crashed.symbols.require('nr_swap_pages')) + leaving,
  };
}

export interface SwapFile {
  /** Of the partition or file; it begins with "…" where its directories could not be followed. */
  readonly path: string;
  readonly pages: number;
  readonly used: number;
  /** The highest is used first. */
  readonly priority: number;
}

/** What the kernel swapped to, as /proc/swaps. One that cannot be read is noted. E_NO_INFO as swapPages. */
export function swapFiles(crashed: CrashedKernel, missing: Missing): SwapFile[] {
  return [...missing.drain('the swap files', swapInfos(crashed))].flatMap(
    (file) =>
      missing.attempt('a swap file', () => {
        const path = file.follow('swap_file')?.struct('f_path', 'path');
        return {
          path: path === undefined ? '' : pathText(crashed, path, missing),
          pages: file.number('pages'),
          used: pagesInUse(file),
          priority: file.number('prio'),
        };
      }) ?? [],
  );
}

/** struct swap_info_struct, of those in use. */
function* swapInfos(crashed: CrashedKernel): Generator<Struct> {
  const { symbols, kernel } = crashed;
  const info = optional(crashed, 'swap_info');
  if (info === undefined) return;
  const count = Math.min(readUnsignedInt(kernel, symbols.require('nr_swapfiles')), maxSwapFiles);
  for (let i = 0; i < count; i++) {
    const pointer = kernel.readPointer(asVaddr(info + BigInt(8 * i)));
    if (pointer === 0n) continue;
    const file = crashed.struct('swap_info_struct', pointer);
    if ((file.number('flags') & swapUsed) !== 0) yield file;
  }
}

const pagesInUse = (file: Struct): number => Number(file.bigint('inuse_pages') & ~swapOffList);

export interface Commitment {
  /** What may be promised when vm.overcommit_memory is 2. */
  readonly limit: number;
  readonly committed: number;
}

/** As vm_commit_limit() and vm_committed_as with what each CPU has yet to add to it, as /proc/meminfo does since 5.9 (4e2c82a40911). */
export function commitment(crashed: CrashedKernel, hugePagesTotal: number): Commitment {
  const { symbols, kernel, dump } = crashed;
  const kibibytes = readUnsignedLong(kernel, symbols.require('sysctl_overcommit_kbytes'));
  const ratio = readInt(kernel, symbols.require('sysctl_overcommit_ratio'));
  const allowed =
    kibibytes !== 0
      ? Math.floor((kibibytes * 1024) / dump.memory.pageSize)
      : Math.floor(((totalRamPages(crashed) - hugePagesTotal) * ratio) / 100);
  const counter = crashed.global('vm_committed_as', 'percpu_counter');
  const perCpu = counter.pointer('counters');
  const pending = sum(crashed.cpus, (cpu) => readInt(kernel, crashed.onCpu(perCpu, cpu)));
  return {
    limit: allowed + swapPages(crashed).total,
    committed: Math.max(0, counter.number('count') + pending),
  };
}

export interface HugePages {
  /** Pages of the usual size in one. */
  readonly pagesEach: number;
  /** In numbers of huge pages. */
  readonly total: number;
  readonly free: number;
  readonly reserved: number;
  readonly surplus: number;
}

/** HUGE_MAX_HSTATE is 4 on arm64. */
const maxSizes = 16;

/** One for each size. None in kernels without CONFIG_HUGETLB_PAGE. */
export function hugePages(crashed: CrashedKernel): HugePages[] {
  const { kernel, layouts } = crashed;
  const states = optional(crashed, 'hstates');
  const countAt = optional(crashed, 'hugetlb_max_hstate');
  if (states === undefined || countAt === undefined) return [];
  const size = layouts.requireSize('hstate');
  return Array.from({ length: Math.min(readUnsignedInt(kernel, countAt), maxSizes) }, (_, i) => {
    const state = crashed.struct('hstate', states + BigInt(i * size));
    return {
      pagesEach: 2 ** (state.number('order') & 63),
      total: state.number('nr_huge_pages'),
      free: state.number('free_huge_pages'),
      reserved: state.number('resv_huge_pages'),
      surplus: state.number('surplus_huge_pages'),
    };
  });
}

/** Behind vmalloc areas: a counter of its own since 6.19, NR_VMALLOC. */
export const vmallocPages = (crashed: CrashedKernel, counters: VmCounters): number =>
  counters.get('NR_VMALLOC') ?? readLong(crashed.kernel, crashed.symbols.require('nr_vmalloc_pages'));

/** Of per-CPU memory, as pcpu_nr_pages(). */
export const perCpuPages = (crashed: CrashedKernel): number =>
  readLong(crashed.kernel, crashed.symbols.require('pcpu_nr_populated')) *
  readInt(crashed.kernel, crashed.symbols.require('pcpu_nr_units'));

/** What zones keep for the kernel: totalreserve_pages of mm/page_alloc.c. */
export const reservedPages = (crashed: CrashedKernel): number =>
  readUnsignedLong(crashed.kernel, crashed.symbols.require('totalreserve_pages'));
