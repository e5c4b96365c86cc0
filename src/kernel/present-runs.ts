/** The physical memory whose bytes a dump holds, as runs, in bounded memory however large the machine was. */
import { PfnBitmap } from '../base/pfn-bitmap.ts';
import { asPfn } from '../base/units.ts';
import type { Dump } from '../formats/dump.ts';

/** Page frames looked at in one go: a bitmap of 128 KiB. */
const windowPages = 2 ** 20;

/** Physical addresses, bytes, `end` excluded. */
export interface MemoryRun {
  readonly start: number;
  readonly end: number;
}

/** Runs of whole pages that overlap [start, end), ascending. Long runs come in parts. */
export function* presentRuns(dump: Dump, start: number, end: number): Generator<MemoryRun> {
  const { memory } = dump;
  const { pageSize } = memory;
  for (const range of memory.ramRanges()) {
    const last = Math.min(Math.ceil(end / pageSize), range.end);
    for (let at = Math.max(Math.floor(start / pageSize), range.start); at < last; at += windowPages) {
      const present = new PfnBitmap(asPfn(at), asPfn(Math.min(at + windowPages, last)));
      memory.markPresent(present);
      for (const run of present.runs()) yield { start: run.start * pageSize, end: run.end * pageSize };
    }
  }
}
