/**
 * The memory that batches of pages are compressed in: one block, shared by all threads, cut into slots.
 *
 *   64 unused bytes | scratch of thread 0 | scratch of thread 1 | … | slot 0 | slot 1 | …
 *   slot = input (whole pages) | output (packed results) | sizes (one u32 a page)
 *
 * A slot's state goes free → filled → done → free. Batches are numbered; batch n uses slot n modulo the number of slots, so that
 * the writer can take them in order. Threads claim batches by counting up `next`.
 */
import type { CodecName } from '../../../codecs/page-codec.ts';
import { scratchBytes, slackBytes } from '../../../codecs/wasm.ts';

/** Input bytes of a batch: one call into a codec for so many pages costs nothing beside the work. */
const batchBytes = 1 << 20;
const wasmPage = 65536;
/** The lowest offset that the codecs accept (codecs/wasm.ts). */
const lowestOffset = 64;

export const SlotState = { free: 0, filled: 1, done: 2 } as const;

/** Indices in the control words; states, page counts and bytes of results of the slots follow. */
export const Control = { next: 0, filled: 1, closed: 2, slots: 4 } as const;

/** What a thread must know; plain data, sent to workers as it is. */
export interface BatchJob {
  readonly codec: CodecName | undefined;
  readonly pageSize: number;
  /** Pages of zeros get size 0 and no bytes. */
  readonly zeros: 'share' | 'compress';
  readonly threads: number;
  readonly slots: number;
  readonly memory: WebAssembly.Memory;
  readonly control: SharedArrayBuffer;
}

/** What a worker is started with. */
export interface WorkerTask {
  readonly job: BatchJob;
  readonly thread: number;
}

export interface Slot {
  /** Byte offsets in the memory. */
  readonly input: number;
  readonly output: number;
  readonly sizes: number;
}

export const pagesPerBatch = (pageSize: number): number => Math.max(1, Math.floor(batchBytes / pageSize));

const slotBytes = (pageSize: number): number => {
  const bytes = 2 * pagesPerBatch(pageSize) * pageSize + slackBytes + 4 * pagesPerBatch(pageSize);
  return Math.ceil(bytes / 64) * 64;
};

const scratchSize = Math.ceil(scratchBytes / 64) * 64;

export function slotAt(job: Pick<BatchJob, 'pageSize' | 'threads'>, index: number): Slot {
  const input = lowestOffset + job.threads * scratchSize + index * slotBytes(job.pageSize);
  const bytes = pagesPerBatch(job.pageSize) * job.pageSize;
  const sizes = input + slotBytes(job.pageSize) - 4 * pagesPerBatch(job.pageSize);
  return { input, output: input + bytes, sizes: sizes - (sizes % 4) };
}

export const scratchAt = (thread: number): number => lowestOffset + thread * scratchSize;

/** `workers` threads besides the caller's. */
export function newBatchJob(
  codec: CodecName | undefined,
  pageSize: number,
  zeros: BatchJob['zeros'],
  workers: number,
): BatchJob {
  const threads = workers + 1;
  // One being filled, one being written, and two for each thread so that none waits for the other two.
  const slots = workers === 0 ? 1 : 2 + 2 * threads;
  const pages = Math.ceil((lowestOffset + threads * scratchSize + slots * slotBytes(pageSize)) / wasmPage);
  return {
    codec,
    pageSize,
    zeros,
    threads,
    slots,
    memory: new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }),
    control: new SharedArrayBuffer(4 * (Control.slots + 3 * slots)),
  };
}

/** Indices of a slot's state, of its page count, and of the bytes that its pages became, in the control words. */
export const stateIndex = (slot: number): number => Control.slots + 3 * slot;
export const countIndex = (slot: number): number => stateIndex(slot) + 1;
export const bytesIndex = (slot: number): number => stateIndex(slot) + 2;
