/**
 * makedumpfile --mem-usage: how many pages there are of each kind, in the running kernel (/proc/kcore) or in a dump. Tells what each
 * dump level would leave out.
 */
import { isZero } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import type { PfnBitmap } from '../../base/pfn-bitmap.ts';
import type { Progress } from '../../base/progress.ts';
import { asPaddr, type PfnRange } from '../../base/units.ts';
import type { Dump, PhysicalMemory } from '../../formats/dump.ts';
import { Kernel } from '../../kernel/kernel.ts';
import { maxDumpLevel } from './dump-level.ts';
import { pageSelector } from './filter.ts';
import { withCompleteInfo } from './vmcoreinfo/complete.ts';
import { windowsOf } from './windows.ts';

/** Page frames. */
export interface MemUsage {
  readonly pageSize: number;
  readonly total: number;
  readonly zero: number;
  readonly cache: number;
  readonly cachePrivate: number;
  readonly user: number;
  readonly free: number;
  /** The rest: what every dump holds. In a dump that was filtered before, what was left out then is in no row. */
  readonly kernelData: number;
}

export interface MemUsageRequest {
  readonly dump: Dump;
  /** Page frames that are not counted: the memory reserved for the crash kernel. */
  readonly reserved: readonly PfnRange[];
  /** Bytes of bitmaps held at a time. */
  readonly bitmapBytes: number;
  readonly progress: Progress;
}

/** E_NO_INFO when the kernel's vmcoreinfo is not enough to judge pages. */
export function memUsage({ dump, reserved, bitmapBytes, progress }: MemUsageRequest): MemUsage {
  const { memory } = dump;
  const pass = pageSelector(dump, new Kernel(withCompleteInfo(dump)), maxDumpLevel)();
  const zeros = new ZeroCounter(memory);
  let total = 0;
  let kept = 0;
  progress.step('Excluding unnecessary pages', memory.endPfn);
  for (const window of windowsOf(memory, bitmapBytes)) {
    const selection = pass.select(window);
    for (const { start, end } of reserved) {
      selection.ram.clearRange(start, end);
      selection.kept.clearRange(start, end);
    }
    total += selection.ram.count();
    kept += selection.kept.count();
    zeros.count(selection.kept);
    progress.advance(window.end);
  }
  const { cache, cachePrivate, user, free } = pass.excluded;
  const { zero } = zeros;
  return {
    pageSize: memory.pageSize,
    total,
    zero,
    cache,
    cachePrivate,
    user,
    free,
    kernelData: kept - zero,
  };
}

const batchPages = 256;

class ZeroCounter {
  zero = 0;
  private readonly memory: PhysicalMemory;
  private readonly batch: Uint8Array;

  constructor(memory: PhysicalMemory) {
    this.memory = memory;
    this.batch = new Uint8Array(batchPages * memory.pageSize);
  }

  /** Pages that cannot be read are not zero. */
  count(pages: PfnBitmap): void {
    for (const run of pages.runs()) {
      for (let pfn: number = run.start; pfn < run.end; ) {
        const want = Math.min(batchPages, run.end - pfn);
        const got = this.read(pfn, want);
        this.countIn(got);
        pfn += got;
        if (got === want) continue;
        // The page that could not be read may only have ended the batch.
        this.countIn(this.read(pfn, 1));
        pfn++;
      }
    }
  }

  private countIn(pages: number): void {
    const { pageSize } = this.memory;
    for (let i = 0; i < pages; i++) {
      if (isZero(new Int32Array(this.batch.buffer, i * pageSize, pageSize / 4))) this.zero++;
    }
  }

  /** Whole pages read. */
  private read(pfn: number, pages: number): number {
    const { pageSize } = this.memory;
    try {
      const got = this.memory.read(asPaddr(pfn * pageSize), this.batch.subarray(0, pages * pageSize));
      return Math.floor(got / pageSize);
    } catch (error) {
      // /proc/kcore answers EFAULT or EIO for memory that the machine cannot read.
      if (error instanceof VmcoreError && error.code === 'E_IO') return 0;
      throw error;
    }
  }
}

/** The table, in the form that the original prints (print_mem_usage() of makedumpfile.c 1.7.9). */
export function memUsageText(usage: MemUsage): string {
  const row = (type: string, pages: number, excludable: 'yes' | 'no', description: string): string =>
    `${type}${pages.toString().padEnd(16)}\t${excludable}\t\t${description}`;
  const lines = [
    '',
    'TYPE\t\tPAGES\t\t\tEXCLUDABLE\tDESCRIPTION',
    '-'.repeat(70),
    row('ZERO\t\t', usage.zero, 'yes', 'Pages filled with zero'),
    row('NON_PRI_CACHE\t', usage.cache, 'yes', 'Cache pages without private flag'),
    row('PRI_CACHE\t', usage.cachePrivate, 'yes', 'Cache pages with private flag'),
    row('USER\t\t', usage.user, 'yes', 'User process pages'),
    row('FREE\t\t', usage.free, 'yes', 'Free pages'),
    row('KERN_DATA\t', usage.kernelData, 'no', 'Dumpable kernel data '),
    '',
    `page size:\t\t${usage.pageSize.toString().padEnd(16)}`,
    `Total pages on system:\t${usage.total.toString().padEnd(16)}`,
    `Total size on system:\t${(usage.total * usage.pageSize).toString().padEnd(16)} Byte`,
  ];
  return `${lines.join('\n')}\n`;
}
