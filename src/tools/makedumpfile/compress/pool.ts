/**
 * Compresses batches of pages on all processors, and hands them back in order.
 *
 * The caller fills a batch, submits it, and goes on filling; when no slot is free, it compresses a batch itself or waits for the
 * oldest, and gets that one delivered. With no workers (one processor, as in most capture kernels) the same code runs
 * in the caller's thread alone. Should a worker not start or die, its share is done here.
 */
import type { Worker } from 'node:worker_threads';
import type { CodecName } from '../../../codecs/page-codec.ts';
import type { PageBatch } from '../../../formats/kdump-writer.ts';
import { nodeWorkerThreads } from '../../../sys/late-modules.ts';
import {
  type BatchJob,
  bytesIndex,
  Control,
  countIndex,
  newBatchJob,
  pagesPerBatch,
  SlotState,
  slotAt,
  stateIndex,
  type WorkerTask,
} from './batch-memory.ts';
import { BatchThread } from './claim.ts';
import { workerFile } from './worker-file.ts';

/** A worker that has claimed a batch and is silent for so long is taken to be gone. */
const patience = 30_000;
const none: ReadonlySet<number> = new Set();

export class CompressPool {
  /** Pages of a full batch. */
  readonly batchPages: number;
  private readonly job: BatchJob;
  private readonly control: Int32Array;
  private readonly thread: BatchThread;
  private readonly deliver: (batch: PageBatch) => void;
  private readonly workers: readonly Worker[];
  private readonly lost = new Map<number, ReadonlySet<number>>();
  /** Numbers of the batch that is filled next, and of the one that is delivered next. */
  private filling = 0;
  private delivering = 0;

  constructor(
    codec: CodecName | undefined,
    pageSize: number,
    zeros: BatchJob['zeros'],
    workers: number,
    deliver: (batch: PageBatch) => void,
  ) {
    this.batchPages = pagesPerBatch(pageSize);
    this.job = newBatchJob(codec, pageSize, zeros, workers);
    this.control = new Int32Array(this.job.control);
    this.thread = new BatchThread(this.job, 0);
    this.deliver = deliver;
    this.workers = Array.from({ length: workers }, (_, i) => startWorker({ job: this.job, thread: i + 1 }));
  }

  /** Where the pages of the next batch go: room for `batchPages`. Delivers older batches when all slots are taken. */
  input(): Uint8Array {
    while (this.filling - this.delivering >= this.job.slots) this.deliverOldest();
    const { input } = slotAt(this.job, this.filling % this.job.slots);
    return new Uint8Array(this.job.memory.buffer, input, this.batchPages * this.job.pageSize);
  }

  /** The first `count` pages of `input` are there. */
  submit(count: number, lost: ReadonlySet<number> = none): void {
    const index = this.filling % this.job.slots;
    if (lost.size > 0) this.lost.set(this.filling, lost);
    this.control[countIndex(index)] = count;
    Atomics.store(this.control, stateIndex(index), SlotState.filled);
    this.filling++;
    Atomics.store(this.control, Control.filled, this.filling);
    Atomics.notify(this.control, Control.filled);
  }

  /** Delivers everything that was submitted. */
  drain(): void {
    while (this.delivering < this.filling) this.deliverOldest();
  }

  /** Ends the workers. Batches that were not delivered are dropped. */
  async close(): Promise<void> {
    Atomics.store(this.control, Control.closed, 1);
    Atomics.notify(this.control, Control.filled);
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }

  private deliverOldest(): void {
    const number = this.delivering;
    const index = number % this.job.slots;
    const state = stateIndex(index);
    while (Atomics.load(this.control, state) !== SlotState.done) {
      if (this.thread.workOnce()) continue;
      // Claimed by a worker. It does not take long, unless it is gone: then the batch is compressed here, over whatever it did.
      if (Atomics.wait(this.control, state, SlotState.filled, patience) === 'timed-out')
        this.thread.work(number);
    }
    const { output, sizes } = slotAt(this.job, index);
    const { buffer } = this.job.memory;
    const table = new Uint32Array(buffer, sizes, this.control[countIndex(index)]!);
    const length = this.control[bytesIndex(index)]!;
    const lost = this.lost.get(number) ?? none;
    this.lost.delete(number);
    this.deliver({ sizes: table, data: new Uint8Array(buffer, output, length), lost });
    Atomics.store(this.control, state, SlotState.free);
    this.delivering++;
  }
}

function startWorker(task: WorkerTask): Worker {
  const worker = new (nodeWorkerThreads().Worker)(workerFile(), { workerData: task });
  // The work is shared out by claims: a worker that fails to start claims nothing, and its share is done by the others.
  worker.on('error', () => {});
  worker.unref();
  return worker;
}
