/** A dump's memory with damage: pages that are missing, and bytes that are not what they were. */

import { asPaddr, type Paddr, type Pfn } from '../../src/base/units.ts';
import type { Dump, PageState, PhysicalMemory } from '../../src/formats/dump.ts';

export interface Damage {
  /** Page frames that the dump has no more. */
  readonly missing?: ReadonlySet<number>;
  /** Other bytes for a whole page, by page frame. */
  readonly replaced?: ReadonlyMap<number, Uint8Array>;
}

export function damaged(dump: Dump, damage: Damage): Dump {
  return { ...dump, describe: () => dump.describe(), memory: new DamagedMemory(dump.memory, damage) };
}

class DamagedMemory implements PhysicalMemory {
  private readonly memory: PhysicalMemory;
  private readonly missing: ReadonlySet<number>;
  private readonly replaced: ReadonlyMap<number, Uint8Array>;

  constructor(memory: PhysicalMemory, { missing = new Set(), replaced = new Map() }: Damage) {
    this.memory = memory;
    this.missing = missing;
    this.replaced = replaced;
  }

  get pageSize(): number {
    return this.memory.pageSize;
  }

  get endPfn(): Pfn {
    return this.memory.endPfn;
  }

  read(paddr: Paddr, into: Uint8Array): number {
    const { pageSize } = this;
    let done = 0;
    while (done < into.length) {
      const at = paddr + done;
      const pfn = Math.floor(at / pageSize);
      if (this.missing.has(pfn)) return done;
      const inPage = at % pageSize;
      const piece = into.subarray(done, Math.min(into.length, done + pageSize - inPage));
      const other = this.replaced.get(pfn);
      if (other !== undefined) piece.set(other.subarray(inPage, inPage + piece.length));
      else {
        const got = this.memory.read(asPaddr(at), piece);
        if (got < piece.length) return done + got;
      }
      done += piece.length;
    }
    return done;
  }

  state(pfn: Pfn): PageState {
    return this.missing.has(pfn) ? 'lost' : this.memory.state(pfn);
  }

  markRam(into: Parameters<PhysicalMemory['markRam']>[0]): void {
    this.memory.markRam(into);
  }

  markPresent(into: Parameters<PhysicalMemory['markPresent']>[0]): void {
    this.memory.markPresent(into);
  }

  countPages(): ReturnType<PhysicalMemory['countPages']> {
    return this.memory.countPages();
  }

  ramRanges(): ReturnType<PhysicalMemory['ramRanges']> {
    return this.memory.ramRanges();
  }
}
