/**
 * ELF output. All headers come before the data, so the runs to keep are found first, zero pages among them; then they are copied.
 */

import type { ByteSink } from '../../base/byte-sink.ts';
import { VmcoreError } from '../../base/errors.ts';
import { asPfn, type PfnRange } from '../../base/units.ts';
import { ElfWriter } from '../../formats/elf-writer.ts';
import { DumpLevel } from './dump-level.ts';
import type { Selection } from './filter.ts';
import type { KnownKernel, MakedumpfileJob, MakedumpfileResult } from './job.ts';
import { pause } from './pause.ts';
import { BatchReader } from './read-batch.ts';
import { withoutUnusedVmemmap } from './vmemmap.ts';
import { windowsOf } from './windows.ts';

/** Gaps shorter than this are copied too: a program header each would cost more (PFN_EXCLUDED in makedumpfile.c 1.7.9). */
const minGap = 256;
const batchBytes = 1 << 20;

/** Runs of pages to copy, grown in ascending order; short gaps that are RAM throughout are closed where that is allowed. */
class RunList {
  readonly runs: { start: number; end: number }[] = [];

  add(start: number, end: number, isRam: (from: number, to: number) => boolean): void {
    const last = this.runs.at(-1);
    const touches = last !== undefined && last.end === start;
    if (last !== undefined && (touches || (start - last.end < minGap && isRam(last.end, start))))
      last.end = end;
    else this.runs.push({ start, end });
  }

  get pages(): number {
    return this.runs.reduce((sum, { start, end }) => sum + end - start, 0);
  }
}

export async function writeElf(
  job: MakedumpfileJob,
  sink: ByteSink,
  known: KnownKernel,
): Promise<MakedumpfileResult> {
  const { dump, level, resources, progress } = job;
  const { pageSize, endPfn } = dump.memory;
  if (dump.segments.length === 0) {
    throw new VmcoreError('E_UNSUPPORTED', `cannot make ELF output from a ${dump.format} dump`, {
      file: dump.source.name,
      hint: 'give -E the ELF vmcore itself',
    });
  }
  const buffer = new Uint8Array(batchBytes);
  const leavesOutZeros = (level & DumpLevel.zero) !== 0;
  const windows = windowsOf(dump.memory, resources.bitmapBytes);
  const { newPass } = await withoutUnusedVmemmap(job, known, windows, async (selection) => {
    if (leavesOutZeros) await excludeZeroPages(selection);
  });
  const pass = newPass();
  const list = new RunList();
  let ram = 0;
  let zero = 0;
  progress.step('Excluding unnecessary pages', endPfn);
  for (const window of windows) {
    const selection = pass.select(window);
    ram += selection.ram.count();
    if (leavesOutZeros) zero += await excludeZeroPages(selection);
    const { hwpoison, offline } = pass.excluded;
    for (const { start, end } of selection.kept.runs()) {
      // Closing a gap reads what is in it: never across memory that must not be read, and never over a window's edge, where that
      // is not known any more.
      list.add(
        start,
        end,
        (from, to) =>
          hwpoison + offline === 0 &&
          !job.filters?.pages.drop.touches(from, to) &&
          selection.ram.start <= from &&
          selection.ram.nextGap(from, to) >= to,
      );
    }
    progress.advance(window.end);
    await pause(job.abort);
  }

  const runs = list.runs as PfnRange[];
  const total = list.pages;
  const writer = new ElfWriter(sink, {
    arch: dump.arch,
    pageSize,
    littleEndian: dump.littleEndian,
    notes: dump.notes,
    segments: dump.segments,
    runs,
  });
  let lost = 0;
  let done = 0;
  progress.step('Copying data', total);
  const reader = new BatchReader(dump.memory, runs);
  while (reader.next !== undefined) {
    const batch = reader.read(buffer);
    // ELF has no way to say that one page is missing: zeros stand for it, and the file as a whole stays marked incomplete.
    lost += batch.lost.size;
    writer.addPages(buffer.subarray(0, batch.count * pageSize));
    done += batch.count;
    progress.advance(done);
    await pause(job.abort);
  }
  writer.finish(lost === 0 ? 'complete' : 'incomplete');
  return {
    pageSize,
    ram,
    written: total - lost,
    zero,
    excluded: pass.excluded,
    dropped: pass.dropped,
    unusedVmemmap: pass.unusedVmemmap,
    lost,
    unjudged: pass.unjudged,
  };

  async function excludeZeroPages({ kept }: Selection): Promise<number> {
    const words = new Int32Array(buffer.buffer);
    const wordsPerPage = pageSize / 4;
    const found: number[] = [];
    for (const run of kept.runs()) {
      const pages = new BatchReader(dump.memory, [run]);
      for (let pfn = pages.next; pfn !== undefined; pfn = pages.next) {
        const { count, lost: unread } = pages.read(buffer);
        for (let i = 0; i < count; i++) {
          if (!unread.has(i) && isZeroAt(words, i * wordsPerPage, (i + 1) * wordsPerPage))
            found.push(asPfn(pfn + i));
        }
        await pause(job.abort);
      }
    }
    for (const pfn of found) kept.clearRange(pfn, pfn + 1);
    return found.length;
  }
}

function isZeroAt(words: Int32Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (words[i] !== 0) return false;
  return true;
}
