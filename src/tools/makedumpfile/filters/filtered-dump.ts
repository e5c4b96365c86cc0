/** A dump as it is to be written: with erased bytes overwritten wherever they are read, and the erasures told in its notes. */
import { latin1 } from '../../../base/bytes.ts';
import type { PfnBitmap } from '../../../base/pfn-bitmap.ts';
import type { Paddr, Pfn, PfnRange } from '../../../base/units.ts';
import {
  type Dump,
  noteNames,
  type PageCounts,
  type PageState,
  type PhysicalMemory,
} from '../../../formats/dump.ts';
import type { Note } from '../../../formats/elf.ts';
import type { FilterPlan } from './plan.ts';
import type { Ranges } from './ranges.ts';

export const filteredDump = (dump: Dump, plan: FilterPlan): Dump => ({
  ...dump,
  memory: new ErasedMemory(dump.memory, plan),
  notes: withEraseinfo(dump.notes, plan.eraseinfo),
});

const fills = [
  ['X', 0x58],
  ['zeros', 0],
] as const;

class ErasedMemory implements PhysicalMemory {
  readonly pageSize: number;
  readonly endPfn: Pfn;
  private readonly memory: PhysicalMemory;
  private readonly fills: readonly (readonly [Ranges, number])[];

  constructor(memory: PhysicalMemory, { erased }: FilterPlan) {
    this.memory = memory;
    this.pageSize = memory.pageSize;
    this.endPfn = memory.endPfn;
    this.fills = fills.map(([filling, byte]) => [erased[filling], byte]);
  }

  read(paddr: Paddr, into: Uint8Array): number {
    const length = this.memory.read(paddr, into);
    for (const [ranges, byte] of this.fills) {
      for (const { start, end } of ranges.within(paddr, paddr + length)) {
        into.fill(byte, start - paddr, end - paddr);
      }
    }
    return length;
  }

  state(pfn: Pfn): PageState {
    return this.memory.state(pfn);
  }

  markRam(into: PfnBitmap): void {
    this.memory.markRam(into);
  }

  markPresent(into: PfnBitmap): void {
    this.memory.markPresent(into);
  }

  countPages(): PageCounts {
    return this.memory.countPages();
  }

  ramRanges(): Iterable<PfnRange> {
    return this.memory.ramRanges();
  }
}

/** What an earlier run erased stays told. */
function withEraseinfo(notes: readonly Note[], text: string): readonly Note[] {
  if (text === '') return notes;
  const isErase = (note: Note): boolean => note.name === noteNames.eraseinfo;
  const before = notes.filter(isErase).map(({ data }) => latin1(data).replaceAll('\0', ''));
  const data = Uint8Array.from([...before, text].join(''), (char) => char.charCodeAt(0));
  return [...notes.filter((note) => !isErase(note)), { name: noteNames.eraseinfo, type: 0, data }];
}
