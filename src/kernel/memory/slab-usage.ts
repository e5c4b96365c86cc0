/**
 * How many slabs and objects a cache has, and how many of them are free.
 *
 * Source of truth: mm/slub.c and mm/slab.h (Linux 4.18, 6.1, 6.12, 7.2), mm/slab.c (5.10). SLUB counts slabs and objects of a node (CONFIG_SLUB_DEBUG), but
 * not those that are free. They are
 *   in partly used slabs    of nodes (kmem_cache_node.partial) and, until 6.19, of CPUs (kmem_cache_cpu.partial): objects - inuse of each slab
 *   on a CPU's free list    of the slab it takes from, until 6.19 (kmem_cache_cpu.freelist; kmem_cache_cpu is gone since 7.0, 32c894c7274b); what others
 *                           freed of that slab is not there, but objects - inuse
 *   in sheaves              since 6.18 (2d517aa09bbc): a CPU's main and spare one, and the full ones of a node's barn
 * What moved:
 *   nodes       kmem_cache.node[] until 7.0; kmem_cache.per_node[].node, and .barn beside it, since 7.1 (5ba6bc27b1f9)
 *   a slab      struct page until 5.16 (bb192ed9aa71): kmem_cache_cpu.page is kmem_cache_cpu.slab since then; page.slab_list (4.18), page.lru before
 */
import { VmcoreError } from '../../base/errors.ts';
import { hex } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import { walkList } from '../lists/lists.ts';
import { readUnsignedInt } from '../numbers.ts';
import type { Struct } from '../struct.ts';
import { type SlabCache, slabAllocator, slabStruct } from './slab.ts';
import { walkFreelist } from './slab-freelist.ts';

/** Of a slab: MAX_OBJS_PER_PAGE of mm/slub.c. */
const maxObjects = 32767;

export interface SlabCounts {
  readonly slabs: number;
  readonly objects: number;
}

/** Slabs and objects, by the kernel's counters. E_NO_INFO when it does not count them. */
export function countSlabs(crashed: CrashedKernel, cache: SlabCache): SlabCounts {
  const allocator = slabAllocator(crashed);
  if (allocator === 'SLOB') throw notCounted(crashed);
  let slabs = 0;
  let objects = 0;
  for (const { node } of nodesOf(crashed, cache)) {
    if (allocator === 'SLAB') slabs += node.number('total_slabs');
    else {
      if (!node.has('nr_slabs')) throw notCounted(crashed);
      slabs += node.number('nr_slabs');
      objects += node.number('total_objects');
    }
  }
  if (allocator === 'SLAB') objects = slabs * (cache.slab?.objects ?? 0);
  if (slabs < 0 || objects < 0 || slabs > crashed.dump.memory.endPfn || objects > slabs * maxObjects)
    throw smashed(crashed, `${cache.name} counts ${slabs} slabs and ${objects} objects`);
  return { slabs, objects };
}

/**
 * Free objects, on all CPUs that could be there. E_CORRUPT when a list of slabs or of objects is broken, E_UNREADABLE when a part of it is not in the dump:
 * then their number is not known.
 */
export function countFree(crashed: CrashedKernel, cache: SlabCache): number {
  if (slabAllocator(crashed) === 'SLAB') return freeInSlab(crashed, cache);
  let free = 0;
  for (const { node, barn } of nodesOf(crashed, cache)) {
    free += freeInPartial(crashed, node);
    if (barn !== undefined) free += inFullSheaves(crashed, barn);
  }
  for (const cpu of crashed.cpus) free += freeOnCpu(crashed, cache, cpu);
  return free;
}

export interface CacheNode {
  /** kmem_cache_node. */
  readonly node: Struct;
  /** node_barn. */
  readonly barn: Struct | undefined;
}

/** More nodes than Linux can be built for (NODES_SHIFT is 10). */
const maxNodes = 1024;

/** Of each node of memory that the cache has slabs on. */
export function* nodesOf(crashed: CrashedKernel, { struct }: SlabCache): Generator<CacheNode> {
  const { layouts, symbols, kernel } = crashed;
  const isApart = struct.has('per_node');
  const array = struct.addressOf(isApart ? 'per_node' : 'node');
  const length = layouts.length(`kmem_cache.${isApart ? 'per_node' : 'node'}`) ?? 1;
  // Not a variable of kernels that have one node.
  const ids = symbols.address('nr_node_ids');
  const count = Math.min(ids === undefined ? 1 : readUnsignedInt(kernel, ids), length, maxNodes);
  const step = isApart ? layouts.requireSize('kmem_cache_per_node_ptrs') : 8;
  for (let nid = 0; nid < count; nid++) {
    const at = array + BigInt(nid * step);
    if (isApart) {
      const pointers = crashed.struct('kmem_cache_per_node_ptrs', at);
      const node = pointers.follow('node');
      if (node !== undefined) yield { node, barn: pointers.follow('barn') };
    } else {
      const pointer = kernel.readPointer(at as typeof array);
      if (pointer === 0n) continue;
      const node = crashed.struct('kmem_cache_node', pointer);
      yield { node, barn: node.has('barn') ? node.follow('barn') : undefined };
    }
  }
}

function freeInPartial(crashed: CrashedKernel, node: Struct): number {
  const type = slabStruct(crashed);
  const list = crashed.layouts.offset(`${type}.slab_list`) === undefined ? 'lru' : 'slab_list';
  const inSlab = BigInt(crashed.layouts.requireOffset(`${type}.${list}`));
  let free = 0;
  for (const link of walkList(crashed.kernel, node.addressOf('partial')))
    free += freeInSlabOf(crashed, crashed.struct(type, link - inSlab));
  return free;
}

function freeInSlabOf(crashed: CrashedKernel, slab: Struct): number {
  const objects = slab.number('objects');
  const used = slab.number('inuse');
  if (used > objects)
    throw smashed(crashed, `the slab at ${hex(slab.address)} has ${used} of ${objects} objects in use`);
  return objects - used;
}

function inFullSheaves(crashed: CrashedKernel, barn: Struct): number {
  let free = 0;
  for (const sheaf of fullSheaves(crashed, barn)) free += sheaf.number('size');
  return free;
}

/** Of a node: struct slab_sheaf. */
export function* fullSheaves(crashed: CrashedKernel, barn: Struct): Generator<Struct> {
  const inSheaf = BigInt(crashed.layouts.requireOffset('slab_sheaf.barn_list'));
  for (const link of walkList(crashed.kernel, barn.addressOf('sheaves_full')))
    yield crashed.struct('slab_sheaf', link - inSheaf);
}

/** Of a CPU: struct slab_sheaf. None before 6.18. */
export function cpuSheaves(crashed: CrashedKernel, { struct }: SlabCache, cpu: number): Struct[] {
  const sheaves = struct.has('cpu_sheaves') ? struct.pointer('cpu_sheaves') : 0n;
  if (sheaves === 0n) return [];
  const own = crashed.struct('slub_percpu_sheaves', crashed.onCpu(struct.pointer('cpu_sheaves'), cpu));
  return ['main', 'spare'].flatMap((which) => own.follow(which) ?? []);
}

/** Of a CPU: the slab it takes from, and the free objects of it that only this CPU may take. Undefined since 7.0, and with CONFIG_SLUB_TINY. */
export function cpuSlab(
  crashed: CrashedKernel,
  { struct }: SlabCache,
  cpu: number,
): { readonly own: Struct; readonly slab: Struct | undefined } | undefined {
  if (!struct.has('cpu_slab')) return undefined;
  const own = crashed.struct('kmem_cache_cpu', crashed.onCpu(struct.pointer('cpu_slab'), cpu));
  return { own, slab: own.follow(own.has('slab') ? 'slab' : 'page') };
}

function freeOnCpu(crashed: CrashedKernel, cache: SlabCache, cpu: number): number {
  let free = cpuSheaves(crashed, cache, cpu).reduce((sum, sheaf) => sum + sheaf.number('size'), 0);
  const current = cpuSlab(crashed, cache, cpu);
  if (current === undefined) return free;
  const { own, slab } = current;
  if (slab !== undefined) {
    for (const _ of walkFreelist(crashed, cache, own.pointer('freelist'))) free++;
    free += freeInSlabOf(crashed, slab);
  }
  return own.has('partial') ? free + freeInPartialOfCpu(crashed, cache, own) : free;
}

/** A CPU's partly used slabs: each knows how many it is the first of, which is what ends a chain that goes round. */
function freeInPartialOfCpu(crashed: CrashedKernel, cache: SlabCache, own: Struct): number {
  let free = 0;
  let slab = own.follow('partial');
  for (let left = Number.POSITIVE_INFINITY; slab !== undefined; slab = slab.follow('next')) {
    const count = slab.number(slab.has('slabs') ? 'slabs' : 'pages');
    if (count >= left) throw smashed(crashed, `the partly used slabs of ${cache.name} go round`);
    left = count;
    free += freeInSlabOf(crashed, slab);
  }
  return free;
}

/** The allocator called SLAB: counted in nodes, but for what CPUs and other nodes keep at hand in arrays. */
function freeInSlab(crashed: CrashedKernel, cache: SlabCache): number {
  let free = 0;
  for (const cpu of crashed.cpus)
    free += crashed
      .struct('array_cache', crashed.onCpu(cache.struct.pointer('cpu_cache'), cpu))
      .number('avail');
  for (const { node } of nodesOf(crashed, cache)) {
    free += node.number('free_objects') + (node.follow('shared')?.number('avail') ?? 0);
  }
  return free;
}

const smashed = (crashed: CrashedKernel, what: string): VmcoreError =>
  new VmcoreError('E_CORRUPT', what, {
    file: crashed.dump.source.name,
    hint: 'the kernel smashed its slabs',
  });

const notCounted = (crashed: CrashedKernel): VmcoreError =>
  new VmcoreError(
    'E_NO_INFO',
    'this kernel does not count its slabs (CONFIG_SLUB_DEBUG is not set, or it has SLOB)',
    {
      file: crashed.dump.source.name,
      hint: 'mem tells how much memory all slabs take',
    },
  );
