/**
 * What one page frame is used for, in words, with what it belongs to: a slab cache, a file, a process's memory, the page allocator.
 *
 * Source of truth: include/linux/page-flags.h (PAGE_MAPPING_ANON and _MOVABLE are bits 0 and 1 of page.mapping, Linux 4.18-7.2), mm/slab.h, fs.h.
 */
import { asPfn, asVaddr, hex, type Pfn } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import type { Missing } from '../missing.ts';
import type { Struct } from '../struct.ts';
import { treePath } from '../vfs/paths.ts';
import type { CompoundPage, PageStructs } from './page-struct.ts';
import { readSlabCache, slabStruct } from './slab.ts';

export type PageUse =
  /** Of a block of 2^order pages; null when it is free, but in no block: kept at hand by a CPU. */
  | { readonly kind: 'free'; readonly block: CompoundPage | null }
  | { readonly kind: 'slab'; readonly slab: SlabOfPage }
  | {
      readonly kind: 'anonymous';
      readonly anonVma: string;
      readonly swapCache: boolean;
      readonly ksm: boolean;
    }
  | { readonly kind: 'file'; readonly file: FileOfPage }
  | { readonly kind: 'movable' }
  | { readonly kind: 'kernel image'; readonly part: 'text' | 'rodata' | 'data' }
  | { readonly kind: 'crash kernel' }
  | { readonly kind: 'reserved' }
  /** By a type of its own: "table" (page tables), "hugetlb", "offline", "guard", "zsmalloc", "unaccepted". */
  | { readonly kind: 'typed'; readonly type: string }
  /** Allocated; by whom is not recorded: stacks, vmalloc, per-CPU memory, page tables of old kernels, drivers. */
  | { readonly kind: 'kernel' };

export interface SlabOfPage {
  readonly cache: string;
  /** Of the struct kmem_cache. */
  readonly address: string;
  readonly objectSize: number;
  readonly objects: number;
  readonly inUse: number;
}

export interface FileOfPage {
  /** Of the struct address_space. */
  readonly mapping: string;
  readonly inode: number;
  /** "ext4", "tmpfs". */
  readonly fileSystem: string;
  /** Device or name of the file system: "sda1", "tmpfs". */
  readonly device: string;
  /** Within its file system; null when no name of it is at hand. */
  readonly path: string | null;
}

/** Of a page and the head of its compound page, which is itself when it has none. */
export interface JudgedPage {
  readonly pfn: Pfn;
  readonly page: Struct;
  readonly head: Struct;
}

const mappingBits = 3n;
const anonymousBit = 1n;
const movableBit = 2n;

/** What cannot be found out is noted in `missing`. E_UNREADABLE when a struct page is not in the dump. */
export function pageUse(
  crashed: CrashedKernel,
  pages: PageStructs,
  { pfn, page, head }: JudgedPage,
  missing: Missing,
): PageUse {
  const type = pages.type(head);
  const flags = pages.flags(head);
  if (type === 'slab' || flags.includes('slab')) {
    const slab = missing.attempt('the slab', () => slabOf(crashed, head, missing));
    return slab === undefined ? { kind: 'typed', type: 'slab' } : { kind: 'slab', slab };
  }
  if (type !== undefined && type !== 'buddy') return { kind: 'typed', type };
  if (flags.includes('reserved')) return reservedUse(crashed, pfn, missing);
  const isOwn = head.address === page.address;
  if (type === 'buddy' || (isOwn && page.number('_refcount') === 0))
    return { kind: 'free', block: pages.freeBlock(pfn) ?? null };
  const mapping = head.pointer('mapping');
  const bits = mapping & mappingBits;
  if (mapping === 0n) return { kind: 'kernel' };
  if ((bits & anonymousBit) !== 0n)
    return {
      kind: 'anonymous',
      anonVma: hex(mapping & ~mappingBits),
      swapCache: isSwapCache(crashed, head),
      ksm: bits === mappingBits,
    };
  if (bits === movableBit) return { kind: 'movable' };
  const file = missing.attempt('the file', () => fileOf(crashed, mapping, missing));
  return file === undefined ? { kind: 'typed', type: 'file' } : { kind: 'file', file };
}

/** PG_swapcache shares its bit with flags of pages that are no swap's: only with PG_swapbacked it means this. */
function isSwapCache(crashed: CrashedKernel, head: Struct): boolean {
  const bit = (name: string): bigint | undefined => {
    const number = crashed.layouts.enumValue('pageflags', name);
    return number === undefined ? undefined : 1n << BigInt(number);
  };
  const swapCache = bit('PG_swapcache');
  const swapBacked = bit('PG_swapbacked');
  if (swapCache === undefined || swapBacked === undefined) return false;
  const both = swapCache | swapBacked;
  return (head.bigint('flags') & both) === both;
}

function slabOf(crashed: CrashedKernel, head: Struct, missing: Missing): SlabOfPage {
  const slab = crashed.struct(slabStruct(crashed), head.address);
  const cache = readSlabCache(crashed, slab.pointer('slab_cache'), missing);
  return {
    cache: cache.name,
    address: hex(cache.address),
    objectSize: cache.size,
    // SLAB counts those in use, and all of its slabs have as many.
    objects: slab.has('objects') ? slab.number('objects') : (cache.slab?.objects ?? 0),
    inUse: slab.number(slab.has('inuse') ? 'inuse' : 'active'),
  };
}

function fileOf(crashed: CrashedKernel, mapping: bigint, missing: Missing): FileOfPage {
  const inode = crashed.struct('address_space', mapping).follow('host');
  if (inode === undefined)
    // The swap cache, and other mappings without a file.
    return { mapping: hex(mapping), inode: 0, fileSystem: '', device: '', path: null };
  const superblock = inode.follow('i_sb');
  return {
    mapping: hex(mapping),
    inode: inode.number('i_ino'),
    fileSystem: superblock?.follow('s_type')?.text('name') ?? '',
    device: superblock?.text('s_id') ?? '',
    path: missing.attempt('the path of the file', () => aName(crashed, inode, missing)) ?? null,
  };
}

/** By the first of its names that is at hand. */
function aName(crashed: CrashedKernel, inode: Struct, missing: Missing): string | null {
  const first = inode.pointer('i_dentry.first');
  if (first === 0n) return null;
  const { layouts } = crashed;
  const inDentry = layouts.offset('dentry.d_u.d_alias') ?? layouts.requireOffset('dentry.d_alias');
  return treePath(crashed, 0n, crashed.struct('dentry', first - BigInt(inDentry)), missing);
}

function reservedUse(crashed: CrashedKernel, pfn: Pfn, missing: Missing): PageUse {
  const part = missing.attempt('the kernel image', () => imagePart(crashed, pfn));
  if (part !== undefined) return { kind: 'kernel image', part };
  return isCrashKernel(crashed, pfn) ? { kind: 'crash kernel' } : { kind: 'reserved' };
}

/** The image lies in physical memory as it does in virtual, in one piece. */
function imagePart(crashed: CrashedKernel, pfn: Pfn): 'text' | 'rodata' | 'data' | undefined {
  const { symbols, kernel, dump } = crashed;
  const start = symbols.address('_text') ?? symbols.require('_stext');
  const end = symbols.address('_end');
  const offset = pfn * dump.memory.pageSize - kernel.translate(start).paddr;
  const address = asVaddr(start + BigInt(Math.max(0, offset)));
  if (offset < 0 || end === undefined || address >= end) return undefined;
  if (address < (symbols.address('_etext') ?? start)) return 'text';
  const rodataEnd = symbols.address('__end_rodata');
  return rodataEnd !== undefined && address < rodataEnd ? 'rodata' : 'data';
}

/** What crashkernel= set aside; its low part is crashk_low_res (kernel/crash_reserve.c, kexec_core.c until 6.8). */
function isCrashKernel(crashed: CrashedKernel, pfn: Pfn): boolean {
  const { pageSize } = crashed.dump.memory;
  return ['crashk_res', 'crashk_low_res'].some((name) => {
    const address = crashed.symbols.address(name);
    if (address === undefined || crashed.layouts.size('resource') === undefined) return false;
    const resource = crashed.struct('resource', address);
    const [start, end] = [resource.number('start'), resource.number('end')];
    return end > 0 && pfn >= asPfn(Math.floor(start / pageSize)) && pfn * pageSize <= end;
  });
}
