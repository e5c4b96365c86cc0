/** What the architectures' page tables have in common: a walk that ends in a run of physical memory, or a reason. */
import type { Paddr, Vaddr } from '../../base/units.ts';

/** Where a virtual address lies, and how far the mapping goes on unbroken from there, bytes. */
export interface Mapping {
  readonly paddr: Paddr;
  readonly length: number;
}

export interface Paging {
  /** Tables from the top one to that of pages. */
  readonly levels: number;
  /** Undefined when the address is not mapped. E_UNREADABLE when a table is not in the dump. */
  translate(vaddr: Vaddr): Mapping | undefined;
}

/** Reads one 8-byte table entry at a physical address. */
export type ReadEntry = (paddr: Paddr) => bigint;
