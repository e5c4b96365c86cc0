/**
 * Static variables of kernels that keep symbols of functions only (no CONFIG_KALLSYMS_ALL): where they must be, by what leads to them from exported ones
 * (ksymtab.ts). Nothing is guessed: each is checked against what it must hold.
 *
 *   runqueues    init_task.se.cfs_rq.rq is the run queue that the first CPU's idle task belongs to (CONFIG_FAIR_GROUP_SCHED)
 *   modules      a file system's owner (file_system_type.owner; next links all that were registered) is in the list of modules
 *   slab_caches  the caches of kmalloc (kmalloc_caches, exported) are in the list of caches
 *
 * A list's head is that of its nodes that lies in the kernel image: all others were allocated, or are in modules.
 * Source of truth: kernel/sched/{sched.h,fair.c}, fs/{super,filesystems}.c, mm/slab_common.c (Linux 5.10, 6.1, 7.2).
 */
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import { walkChain } from '../lists/lists.ts';
import { Missing } from '../missing.ts';
import { Struct, type StructSource } from '../struct.ts';
import type { Layouts } from '../types/layouts.ts';

export interface DerivationSources extends StructSource {
  readonly layouts: Layouts;
  /** Of exported data, and of functions. */
  symbol(name: string): Vaddr | undefined;
}

/** More than machines have mounted, or know. */
const maxFileSystems = 4096;

/** Undefined when nothing leads there, or what does is damaged. */
export function deriveSymbol(name: string, sources: DerivationSources): Vaddr | undefined {
  const derive = derivations.get(name);
  return derive === undefined ? undefined : new Missing().attempt('', () => derive(sources));
}

type Derivation = (sources: DerivationSources) => Vaddr | undefined;

const derivations: ReadonlyMap<string, Derivation> = new Map<string, Derivation>([
  ['runqueues', runQueues],
  ['modules', modules],
  ['slab_caches', slabCaches],
]);

function runQueues(sources: DerivationSources): Vaddr | undefined {
  const { kernel } = sources;
  const init = sources.symbol('init_task');
  const offsets = sources.symbol('__per_cpu_offset');
  if (init === undefined || offsets === undefined) return undefined;
  const queue = new Struct(sources, 'task_struct', init).struct('se').follow('cfs_rq')?.follow('rq');
  if (queue === undefined || queue.pointer('idle') !== init) return undefined;
  const cpu = queue.number('cpu');
  return asVaddr(queue.address - kernel.readPointer(asVaddr(offsets + BigInt(8 * cpu))));
}

function modules(sources: DerivationSources): Vaddr | undefined {
  const init = sources.symbol('init_task');
  if (init === undefined) return undefined;
  for (const type of fileSystems(sources, init)) {
    const owner = type.follow('owner', 'module');
    if (owner !== undefined) return headOf(sources.kernel, owner.addressOf('list'));
  }
  return undefined;
}

/** Types of all file systems that are mounted, and those that were registered after them. Each may come more than once. */
function* fileSystems(sources: DerivationSources, init: Vaddr): Generator<Struct> {
  const root = new Struct(sources, 'task_struct', init)
    .follow('fs')
    ?.struct('root')
    .follow('mnt')
    ?.follow('mnt_sb');
  if (root === undefined) return;
  const inBlock = BigInt(sources.layouts.requireOffset('super_block.s_list'));
  const first = root.addressOf('s_list');
  const nodes = walkChain(sources.kernel, sources.kernel.readPointer(first), 0, first);
  const seen = new Set<bigint>();
  for (const node of [first, ...nodes]) {
    if (isInImage(sources.kernel, node)) continue;
    let type = new Struct(sources, 'super_block', node - inBlock).follow('s_type');
    while (type !== undefined && !seen.has(type.address) && seen.size < maxFileSystems) {
      seen.add(type.address);
      yield type;
      type = type.has('next') ? type.follow('next') : undefined;
    }
  }
}

function slabCaches(sources: DerivationSources): Vaddr | undefined {
  const caches = sources.symbol('kmalloc_caches');
  if (caches === undefined) return undefined;
  // The first ones are for sizes that have none; the largest element of the array is behind these.
  for (let i = 0; i < 16; i++) {
    const cache = sources.kernel.readPointer(asVaddr(caches + BigInt(8 * i)));
    if (cache !== 0n)
      return headOf(sources.kernel, new Struct(sources, 'kmem_cache', cache).addressOf('list'));
  }
  return undefined;
}

/** The one node of a ring that lies in the kernel image; undefined when that is not one. */
function headOf(kernel: Kernel, node: Vaddr): Vaddr | undefined {
  const nodes = [...walkChain(kernel, kernel.readPointer(node), 0, node)];
  const heads = nodes.filter((other) => isInImage(kernel, other));
  return heads.length === 1 && heads[0] !== undefined ? asVaddr(heads[0]) : undefined;
}

/** The image is mapped in one piece; memory of modules is mapped page by page, the rest elsewhere. */
function isInImage(kernel: Kernel, address: bigint): boolean {
  const stext = kernel.info.symbol('_stext');
  if (stext === undefined || address < stext) return false;
  const [first, other] = [kernel.tryTranslate(stext), kernel.tryTranslate(asVaddr(address))];
  return first !== undefined && other !== undefined && BigInt(other.paddr - first.paddr) === address - stext;
}
