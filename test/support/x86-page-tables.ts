/** x86_64 page tables in synthetic memory (Intel SDM vol. 3, 4.5): 4 or 5 levels of 512 entries. */
import type { SparseMemory } from './sparse-memory.ts';

const present = 1n;
const writable = 2n;
const large = 0x80n;

/** Where the tables are put. */
type TableMemory = Pick<SparseMemory, 'putU64'>;

export interface X86TableOptions {
  readonly levels: 4 | 5;
  /** Bit that memory encryption sets in every entry; 0n for none. */
  readonly smeMask?: bigint;
}

/** What a leaf maps: bytes. The level follows from it. */
export type X86LeafSize = 0x1000 | 0x20_0000 | 0x4000_0000;

export class X86PageTables {
  /** Physical address of the top table. */
  readonly root: number;
  private readonly memory: TableMemory;
  private readonly allocatePage: () => number;
  private readonly options: X86TableOptions;
  /** Tables that exist, by "level:first address they cover". */
  private readonly tables = new Map<string, number>();

  /** `allocatePage` gives the physical address of a page of zeros. */
  constructor(memory: TableMemory, allocatePage: () => number, options: X86TableOptions) {
    this.memory = memory;
    this.allocatePage = allocatePage;
    this.options = options;
    this.root = allocatePage();
  }

  /** `extraBits` go into the leaf entry as they are (PAT, NX). */
  map(vaddr: bigint, paddr: number, size: X86LeafSize, extraBits = 0n): void {
    const leafLevel = Math.round((Math.log2(size) - 12) / 9) + 1;
    let table = this.root;
    for (let level = this.options.levels as number; level > leafLevel; level--) {
      table = this.tableBelow(table, vaddr, level);
    }
    this.putEntry(table, vaddr, leafLevel, BigInt(paddr) | (leafLevel > 1 ? large : 0n) | extraBits);
  }

  private tableBelow(table: number, vaddr: bigint, level: number): number {
    const key = `${level - 1}:${vaddr >> BigInt(12 + 9 * (level - 1))}`;
    let below = this.tables.get(key);
    if (below === undefined) {
      below = this.allocatePage();
      this.tables.set(key, below);
      this.putEntry(table, vaddr, level, BigInt(below));
    }
    return below;
  }

  private putEntry(table: number, vaddr: bigint, level: number, value: bigint): void {
    const index = Number((vaddr >> BigInt(12 + 9 * (level - 1))) & 0x1ffn);
    this.memory.putU64(table + 8 * index, value | present | writable | (this.options.smeMask ?? 0n));
  }
}
