/** Brings the kept pages of a dump, batch by batch, to whoever writes them. */
import { VmcoreError } from '../../base/errors.ts';
import type { PfnBitmap } from '../../base/pfn-bitmap.ts';
import type { Progress } from '../../base/progress.ts';
import { asPaddr } from '../../base/units.ts';
import type { PhysicalMemory } from '../../formats/dump.ts';

/** 1 MiB of 4 KiB pages: large enough that the read costs nothing beside the copy, small enough to stay in the cache. */
const batchPages = 256;

export interface PageSink {
  /** A page and its words (the same bytes), in pfn order. Both are only lent for the call. */
  page(page: Uint8Array, words: Int32Array): void;
  /** A page whose bytes could not be had. */
  lost(): void;
}

/** Calls `sink` once for every member of `kept`, ascending. Reading errors cost the page they are on, never the dump. */
export function copyPages(memory: PhysicalMemory, kept: PfnBitmap, sink: PageSink, progress: Progress): void {
  const { pageSize } = memory;
  const buffer = new Uint8Array(batchPages * pageSize);
  const pages = Array.from({ length: batchPages }, (_, i) =>
    buffer.subarray(i * pageSize, (i + 1) * pageSize),
  );
  const words = pages.map((page) => new Int32Array(page.buffer, page.byteOffset, pageSize / 4));
  const emit = (from: number, to: number): void => {
    for (let i = from; i < to; i++) sink.page(pages[i]!, words[i]!);
  };

  let done = 0;
  for (const run of kept.runs()) {
    for (let pfn: number = run.start; pfn < run.end; ) {
      const count = Math.min(batchPages, run.end - pfn);
      const got = tryRead(memory, pfn, buffer.subarray(0, count * pageSize));
      emit(0, got);
      pfn += got;
      if (got < count) {
        // The page after the last good one; what follows it is tried again.
        if (tryRead(memory, pfn, pages[0]!) === 1) emit(0, 1);
        else sink.lost();
        pfn++;
      }
      done += Math.min(count, got + 1);
      progress.advance(done);
    }
  }
}

/** Whole pages read from `pfn` on. */
function tryRead(memory: PhysicalMemory, pfn: number, into: Uint8Array): number {
  try {
    return Math.floor(memory.read(asPaddr(pfn * memory.pageSize), into) / memory.pageSize);
  } catch (error) {
    // /proc/vmcore answers EIO or EFAULT for memory that the machine cannot read any more.
    if (error instanceof VmcoreError && error.code === 'E_IO') return 0;
    throw error;
  }
}
