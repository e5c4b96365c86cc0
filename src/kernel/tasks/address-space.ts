/**
 * The address space of a process: its areas of memory (vm_area_struct).
 *
 * Source of truth: include/linux/mm_types.h, mm.h and fs/proc/task_mmu.c (Linux 4.18, 6.1, 6.12, 7.2). The areas are in the list mm_struct.mmap and the
 * tree mm_rb before 6.1, in the maple tree mm_mt since (524e00b36e8c, 763ecb035029).
 *
 * Addresses are those of the process. Bytes.
 */
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import { walkChain } from '../lists/lists.ts';
import { walkMapleTree } from '../lists/maple-tree.ts';
import { walkRbtree } from '../lists/rbtree.ts';
import type { Missing } from '../missing.ts';
import type { Struct } from '../struct.ts';
import { pathText } from '../vfs/paths.ts';

export interface MemoryArea {
  /** Of its vm_area_struct. */
  readonly address: Vaddr;
  readonly start: bigint;
  /** One past its last byte. */
  readonly end: bigint;
  /** As in /proc/PID/maps: "r-xp". */
  readonly permissions: string;
  /** VM_READ and so on: all of vm_flags. */
  readonly flags: bigint;
  /** In the file, bytes; 0 where there is none. */
  readonly offset: number;
  /** "/bin/sh", "[heap]", "[stack]", "[vdso]"; empty for anonymous memory. */
  readonly name: string;
}

/** Of include/linux/mm.h, macros; unchanged since 4.18. */
const read = 0x1n;
const write = 0x2n;
const execute = 0x4n;
const mayShare = 0x80n;

/** The areas of an mm_struct, ascending. What is damaged is noted in `missing`. E_NO_INFO when types do not describe them. */
export function* readMemoryAreas(
  crashed: CrashedKernel,
  mm: Struct,
  missing: Missing,
): Generator<MemoryArea> {
  for (const address of mm.has('mm_mt') ? mapped(crashed, mm, missing) : linked(crashed, mm, missing)) {
    const area = missing.attempt('an area of memory', () => readArea(crashed, mm, address, missing));
    if (area !== undefined) yield area;
  }
}

/** An area that does not say the range under which it was found is given, and told. */
function* mapped(crashed: CrashedKernel, mm: Struct, missing: Missing): Generator<bigint> {
  const ranges = walkMapleTree(crashed, mm.struct('mm_mt'), 'the tree of areas of memory', missing);
  for (const { first, last, entry } of ranges) {
    const area = crashed.struct('vm_area_struct', entry);
    const fits = missing.attempt('an area of memory', () => {
      return area.bigint('vm_start') === first && area.bigint('vm_end') === last + 1n;
    });
    if (fits === false)
      missing.note(`an area of memory: that at 0x${first.toString(16)} says of itself that it is elsewhere`);
    if (fits !== undefined) yield entry;
  }
}

/** The list, and when it breaks what of the tree it did not come to. */
function* linked(crashed: CrashedKernel, mm: Struct, missing: Missing): Generator<bigint> {
  const { kernel, layouts } = crashed;
  const before = missing.lines.length;
  const seen = new Set<bigint>();
  const first = missing.attempt('the list of areas of memory', () => mm.pointer('mmap'));
  if (first !== undefined) {
    const chain = walkChain(kernel, first, layouts.requireOffset('vm_area_struct.vm_next'), 0n);
    for (const area of missing.drain('the list of areas of memory', chain)) {
      seen.add(area);
      yield area;
    }
  }
  if (missing.lines.length === before) return;
  const inArea = BigInt(layouts.requireOffset('vm_area_struct.vm_rb'));
  for (const node of walkRbtree(kernel, mm.addressOf('mm_rb'), 'the tree of areas of memory', missing))
    if (!seen.has(node - inArea)) yield node - inArea;
}

function readArea(crashed: CrashedKernel, mm: Struct, address: bigint, missing: Missing): MemoryArea {
  const area = crashed.struct('vm_area_struct', address);
  const flags = area.bigint('vm_flags');
  const letter = (flag: bigint, set: string, unset: string): string => ((flags & flag) !== 0n ? set : unset);
  const file = area.follow('vm_file');
  const range = { start: area.bigint('vm_start'), end: area.bigint('vm_end') };
  return {
    address: asVaddr(address),
    ...range,
    permissions:
      letter(read, 'r', '-') +
      letter(write, 'w', '-') +
      letter(execute, 'x', '-') +
      letter(mayShare, 's', 'p'),
    flags,
    offset: file === undefined ? 0 : area.number('vm_pgoff') * crashed.dump.memory.pageSize,
    name:
      file === undefined
        ? (missing.attempt('the name of an area of memory', () => anonymousName(crashed, mm, area, range)) ??
          '')
        : pathText(crashed, file.struct('f_path'), missing),
  };
}

/** As get_vma_name() of fs/proc/task_mmu.c. */
function anonymousName(
  crashed: CrashedKernel,
  mm: Struct,
  area: Struct,
  { start, end }: { readonly start: bigint; readonly end: bigint },
): string {
  if (isSpecialMapping(crashed, area))
    return area.follow('vm_private_data', 'vm_special_mapping')?.text('name') ?? '';
  if (start <= mm.bigint('brk') && end >= mm.bigint('start_brk')) return '[heap]';
  const stack = mm.bigint('start_stack');
  if (start <= stack && end >= stack) return '[stack]';
  const given = area.has('anon_name') ? area.follow('anon_name') : undefined;
  if (given === undefined) return '';
  // A char[] without a length, behind the counter.
  const bytes = crashed.kernel.read(given.addressOf('name'), givenNameBytes);
  return `[anon:${String.fromCharCode(...bytes).replace(/\0.*$/s, '')}]`;
}

/** By its operations; where variables have no names (no CONFIG_KALLSYMS_ALL), by the function in them that gives its name. */
function isSpecialMapping({ symbols }: CrashedKernel, area: Struct): boolean {
  const special = symbols.address('special_mapping_vmops');
  if (special !== undefined) return area.pointer('vm_ops') === special;
  const naming = symbols.address('special_mapping_name');
  if (naming === undefined) return false;
  const operations = area.follow('vm_ops', 'vm_operations_struct');
  return operations?.has('name') === true && operations.pointer('name') === naming;
}

/** ANON_VMA_NAME_MAX_LEN. */
const givenNameBytes = 80;
