/**
 * The way of one address through the page tables, entry by entry: for people who want to see it. kernel.ts translates.
 *
 * Source of truth for names of bits: Intel SDM vol. 3 ch. 4.5; ARM ARM D8.3.
 */
import { viewOf } from '../../base/bytes.ts';
import type { Paddr, Vaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import { unreadable } from '../page-cache.ts';
import type { Paging, ReadEntry } from './paging.ts';
import { Arm64Paging } from './paging-arm64.ts';
import { X86Paging } from './paging-x86_64.ts';

export interface WalkStep {
  /** The table, as Linux calls it on x86_64 (pgd, p4d, pud, pmd, pte), as ARM does (level 0 to 3). */
  readonly table: string;
  /** Where the entry is, physical. */
  readonly at: Paddr;
  readonly entry: bigint;
  /** Names of the bits that are set. */
  readonly flags: readonly string[];
}

export interface PageWalk {
  /** None for addresses that arithmetic translates: the linear map of arm64. */
  readonly steps: readonly WalkStep[];
  /** Undefined when the address is not mapped. */
  readonly paddr: Paddr | undefined;
}

/** By the kernel's own tables, or by those of a process: `pgd` is mm_struct.pgd. E_UNREADABLE when a table is not in the dump. */
export function walkPageTables(kernel: Kernel, vaddr: Vaddr, pgd?: Vaddr): PageWalk {
  const { dump, info } = kernel;
  const read: { readonly at: Paddr; readonly entry: bigint }[] = [];
  const readEntry: ReadEntry = (at) => {
    const bytes = new Uint8Array(8);
    if (dump.memory.read(at, bytes) < bytes.length)
      throw unreadable(dump, Math.floor(at / dump.memory.pageSize));
    const entry = viewOf(bytes).getBigUint64(0, dump.littleEndian);
    read.push({ at, entry });
    return entry;
  };
  const root = pgd === undefined ? undefined : kernel.translate(pgd).paddr;
  const isX86 = dump.arch === 'x86_64';
  const paging: Paging = isX86
    ? new X86Paging(info, readEntry, root)
    : new Arm64Paging(info, dump.memory.pageSize, readEntry, root);
  const mapping = paging.translate(vaddr);
  const names = isX86 ? x86Tables(paging.levels) : armTables(paging.levels);
  const steps = read.map(({ at, entry }, i): WalkStep => {
    const isLeaf = mapping !== undefined && i === read.length - 1;
    return {
      table: names[i] ?? '?',
      at,
      entry,
      flags: isX86 ? x86Flags(entry, isLeaf) : armFlags(entry, isLeaf),
    };
  });
  return { steps, paddr: mapping?.paddr };
}

const x86Tables = (levels: number): string[] =>
  levels === 5 ? ['pgd', 'p4d', 'pud', 'pmd', 'pte'] : ['pgd', 'pud', 'pmd', 'pte'];
const armTables = (levels: number): string[] =>
  Array.from({ length: levels }, (_, i) => `level ${4 - levels + i}`);

type Bit = readonly [bit: number, name: string];
const x86Bits: readonly Bit[] = [
  [0, 'present'],
  [1, 'writable'],
  [2, 'user'],
  [3, 'write-through'],
  [4, 'cache-disabled'],
  [5, 'accessed'],
];
const x86LeafBits: readonly Bit[] = [
  [6, 'dirty'],
  [8, 'global'],
];
const armLeafBits: readonly Bit[] = [
  [6, 'user'],
  [7, 'read-only'],
  [10, 'accessed'],
  [11, 'not-global'],
  [51, 'dirty-modifier'],
  [52, 'contiguous'],
  [53, 'no-execute-privileged'],
  [54, 'no-execute-user'],
];

const namesOf = (entry: bigint, bits: readonly Bit[]): string[] =>
  bits.filter(([bit]) => ((entry >> BigInt(bit)) & 1n) === 1n).map(([, name]) => name);

function x86Flags(entry: bigint, isLeaf: boolean): string[] {
  const flags = [...namesOf(entry, x86Bits), ...(isLeaf ? namesOf(entry, x86LeafBits) : [])];
  return [...flags, ...namesOf(entry, [[63, 'no-execute']])];
}

const armFlags = (entry: bigint, isLeaf: boolean): string[] => [
  ...namesOf(entry, [[0, 'valid']]),
  ...(isLeaf ? [`attributes ${(entry >> 2n) & 7n}`, ...namesOf(entry, armLeafBits)] : []),
];
