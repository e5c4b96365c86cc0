/** How much memory the capture kernel has, and the least there was while it worked. */
import { readFileSync } from 'node:fs';

export interface MemoryHeadroom {
  /** Bytes the capture kernel manages. */
  readonly total: number;
  /** The least MemAvailable seen, bytes. */
  readonly lowestAvailable: number;
}

export interface MemoryWatch {
  /** Takes a sample, if the last one is old enough. Cheap: call it often. */
  sample(): void;
  headroom(): MemoryHeadroom;
}

const sampleEvery = 100;

export function watchMemory(meminfo = '/proc/meminfo'): MemoryWatch {
  let last = -Infinity;
  let { total, available } = readMeminfo(meminfo);
  return {
    sample() {
      const now = performance.now();
      if (now - last < sampleEvery) return;
      last = now;
      available = Math.min(available, readMeminfo(meminfo).available);
    },
    headroom() {
      const now = readMeminfo(meminfo);
      total = now.total;
      available = Math.min(available, now.available);
      return { total, lowestAvailable: available };
    },
  };
}

/** MemTotal and MemAvailable, bytes (proc(5); values are in KiB). */
export function readMeminfo(path: string): { total: number; available: number } {
  const text = readFileSync(path, 'latin1');
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
  return { total: field('MemTotal'), available: field('MemAvailable') };
}
