/** What every thread does with a batch: claim it, compress it, say that it is done. */
import { batchCompressor, type CompressBatch } from '../../../codecs/native-batch.ts';
import {
  type BatchJob,
  bytesIndex,
  Control,
  countIndex,
  SlotState,
  scratchAt,
  slotAt,
  stateIndex,
} from './batch-memory.ts';

export class BatchThread {
  private readonly job: BatchJob;
  private readonly control: Int32Array;
  private readonly compress: CompressBatch;

  /** `thread`: its number, 0 for the main thread. */
  constructor(job: BatchJob, thread: number) {
    this.job = job;
    this.control = new Int32Array(job.control);
    this.compress = batchCompressor({ ...job, scratch: scratchAt(thread) });
  }

  /** Compresses batch `ticket`, which is claimed and filled. */
  work(ticket: number): void {
    const index = ticket % this.job.slots;
    const { input, output, sizes } = slotAt(this.job, index);
    const count = this.control[countIndex(index)]!;
    this.control[bytesIndex(index)] = this.compress(input, count, output, sizes);
    Atomics.store(this.control, stateIndex(index), SlotState.done);
    Atomics.notify(this.control, stateIndex(index));
  }

  /** Claims the next batch, waits until it is filled and compresses it, again and again until the job is closed. */
  workUntilClosed(): void {
    for (;;) {
      const ticket = Atomics.add(this.control, Control.next, 1);
      for (;;) {
        const filled = Atomics.load(this.control, Control.filled);
        if (filled > ticket) break;
        if (Atomics.load(this.control, Control.closed) !== 0) return;
        Atomics.wait(this.control, Control.filled, filled);
      }
      this.work(ticket);
    }
  }

  /** Compresses a filled batch that nobody has claimed; false when there is none. */
  workOnce(): boolean {
    for (;;) {
      const ticket = Atomics.load(this.control, Control.next);
      if (ticket >= Atomics.load(this.control, Control.filled)) return false;
      if (Atomics.compareExchange(this.control, Control.next, ticket, ticket + 1) !== ticket) continue;
      this.work(ticket);
      return true;
    }
  }
}
