/** How many threads, and how much memory for bitmaps: what the machine has, less what must be left to it. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { formatSize } from '../../base/units.ts';
import type { Resources } from './job.ts';
import { defaultBitmapBytes } from './windows.ts';

/** A compression thread: a V8 isolate, and its share of the batches. Measured with Node 26: 8 to 9 MiB and 8 MiB. */
const workerBytes = 20 * 2 ** 20;
/** Of the memory that is free, so much may be used (the original takes 60% for its bitmaps). */
const usableShare = 0.6;

export interface ResourceLimits {
  /** --num-threads: threads that compress, the calling one included; undefined: as many as there are processors. */
  readonly threads: number | undefined;
  /** --cyclic-buffer, bytes of one bitmap; undefined: what fits. */
  readonly cyclicBuffer: number | undefined;
}

/** Bytes that can be had without swapping: MemAvailable of /proc/meminfo (since Linux 3.14); undefined on other systems. */
export function availableMemory(): number | undefined {
  try {
    const kib = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'latin1'))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}

export function chooseResources(limits: ResourceLimits, available = availableMemory()): Resources {
  const usable = (available ?? Number.POSITIVE_INFINITY) * usableShare;
  const wanted = (limits.threads ?? availableParallelism()) - 1;
  const bitmapBytes =
    limits.cyclicBuffer === undefined ? Math.min(defaultBitmapBytes, usable / 4) : 2 * limits.cyclicBuffer;
  return {
    workers: Math.max(0, Math.min(wanted, Math.floor((usable - bitmapBytes) / workerBytes))),
    bitmapBytes,
  };
}

/** What was chosen, for people. */
export const describeResources = ({ workers, bitmapBytes }: Resources): string =>
  `${workers + 1} thread${workers === 0 ? '' : 's'}, ${formatSize(bitmapBytes)} of bitmaps at a time`;
