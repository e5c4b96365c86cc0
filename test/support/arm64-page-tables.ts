/** arm64 translation tables in synthetic memory (Arm ARM D8.3), for any granule. */
import type { SparseMemory } from './sparse-memory.ts';

/** Where descriptors keep the physical address bits above 47: nowhere, in bits 15:12 (64K granule), in bits 9:8 (LPA2). */
export type HighAddressBits = 'none' | 'bits-15:12' | 'bits-9:8';

export interface Arm64TableOptions {
  /** Number of levels that the walk takes. */
  readonly levels: number;
  /** Virtual address bits that the top table resolves up to. */
  readonly topBits: number;
  readonly highBits: HighAddressBits;
}

const accessFlag = 1n << 10n;

export class Arm64PageTables {
  /** Physical address of the top table. */
  readonly root: number;
  private readonly memory: SparseMemory;
  private readonly allocatePage: () => number;
  private readonly options: Arm64TableOptions;
  private readonly pageShift: number;
  private readonly tables = new Map<string, number>();

  constructor(memory: SparseMemory, allocatePage: () => number, options: Arm64TableOptions) {
    this.memory = memory;
    this.allocatePage = allocatePage;
    this.options = options;
    this.pageShift = Math.log2(memory.pageSize);
    this.root = allocatePage();
  }

  /** Level 1 is a page, 2 the smallest block. */
  map(vaddr: bigint, paddr: bigint, leafLevel = 1): void {
    let table = this.root;
    for (let level = this.options.levels; level > leafLevel; level--) {
      const key = `${level - 1}:${vaddr >> this.shiftOf(level)}`;
      let below = this.tables.get(key);
      if (below === undefined) {
        below = this.allocatePage();
        this.tables.set(key, below);
        this.putEntry(table, vaddr, level, this.descriptor(BigInt(below)) | 3n);
      }
      table = below;
    }
    this.putEntry(table, vaddr, leafLevel, this.descriptor(paddr) | (leafLevel === 1 ? 3n : 1n) | accessFlag);
  }

  private descriptor(paddr: bigint): bigint {
    const low = paddr & ((1n << 48n) - 1n);
    switch (this.options.highBits) {
      case 'none':
        return low;
      case 'bits-15:12':
        return low | ((paddr >> 48n) << 12n);
      case 'bits-9:8':
        return (paddr & ((1n << 50n) - 1n)) | ((paddr >> 50n) << 8n);
    }
  }

  private shiftOf(level: number): bigint {
    return BigInt(this.pageShift + (this.pageShift - 3) * (level - 1));
  }

  private putEntry(table: number, vaddr: bigint, level: number, value: bigint): void {
    const { levels, topBits } = this.options;
    const shift = this.shiftOf(level);
    const bits = level === levels ? BigInt(topBits) - shift : BigInt(this.pageShift - 3);
    const index = Number((vaddr >> shift) & ((1n << bits) - 1n));
    this.memory.putU64(table + 8 * index, value);
  }
}
