/** Brings the kept pages of a dump, batch by batch, in pfn order. Reading errors cost the page they are on, never the dump. */
import { VmcoreError } from '../../base/errors.ts';
import { asPaddr, type PfnRange } from '../../base/units.ts';
import type { PhysicalMemory } from '../../formats/dump.ts';

export interface Batch {
  /** Whole pages read. */
  readonly count: number;
  /** Those of them, by their index in the batch, that could not be read; their bytes are zeros. */
  readonly lost: ReadonlySet<number>;
}

const none: ReadonlySet<number> = new Set();

export class BatchReader {
  private readonly memory: PhysicalMemory;
  private readonly runs: Iterator<PfnRange>;
  private cursor = 0;
  private runEnd = 0;

  /** `runs` are the page frames to read, ascending. */
  constructor(memory: PhysicalMemory, runs: Iterable<PfnRange>) {
    this.memory = memory;
    this.runs = runs[Symbol.iterator]();
    this.nextRun();
  }

  /** The page frame that the next batch begins with; undefined when all are read. */
  get next(): number | undefined {
    return this.cursor < this.runEnd ? this.cursor : undefined;
  }

  /** Fills `into` with as many pages as fit, but none at or beyond `end`. */
  read(into: Uint8Array, end = Number.POSITIVE_INFINITY): Batch {
    const { pageSize } = this.memory;
    const room = Math.floor(into.length / pageSize);
    let lost: Set<number> | undefined;
    let count = 0;
    while (count < room && this.cursor < Math.min(this.runEnd, end)) {
      const want = Math.min(this.runEnd - this.cursor, end - this.cursor, room - count);
      const got = this.tryRead(into.subarray(count * pageSize, (count + want) * pageSize));
      count += got;
      this.cursor += got;
      if (got < want) {
        // The page after the last good one; what follows it is tried again.
        const page = into.subarray(count * pageSize, (count + 1) * pageSize);
        if (this.tryRead(page) === 0) {
          page.fill(0);
          lost ??= new Set();
          lost.add(count);
        }
        count++;
        this.cursor++;
      }
      if (this.cursor === this.runEnd) this.nextRun();
    }
    return { count, lost: lost ?? none };
  }

  private nextRun(): void {
    const run = this.runs.next();
    if (run.done) return;
    this.cursor = run.value.start;
    this.runEnd = run.value.end;
  }

  /** Whole pages read from the cursor on. */
  private tryRead(into: Uint8Array): number {
    const { memory } = this;
    try {
      return Math.floor(memory.read(asPaddr(this.cursor * memory.pageSize), into) / memory.pageSize);
    } catch (error) {
      // /proc/vmcore answers EIO or EFAULT for memory that the machine cannot read any more.
      if (error instanceof VmcoreError && error.code === 'E_IO') return 0;
      throw error;
    }
  }
}
