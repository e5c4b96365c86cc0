/** How much memory the capture kernel has, the least there was while it worked, and the most that this program took. */

import { readFileSync } from 'node:fs';
import { milliseconds } from '../../sys/clock.ts';

export interface MemoryHeadroom {
  /** Bytes the capture kernel manages. */
  readonly total: number;
  /** The least MemAvailable seen, bytes. */
  readonly lowestAvailable: number;
  /** The most memory that this process ever had in RAM, with its share of program files: VmHWM of proc(5), bytes. */
  readonly peakResident: number;
}

export interface MemoryWatch {
  /** Takes a sample, if the last one is old enough. Cheap: call it often. */
  sample(): void;
  headroom(): MemoryHeadroom;
}

/** Milliseconds. A sample takes three of them in an emulated capture kernel. */
const sampleEvery = 250;

export function watchMemory(meminfo = '/proc/meminfo', status = '/proc/self/status'): MemoryWatch {
  let last = -Infinity;
  let { total, available } = readMeminfo(meminfo);
  return {
    sample() {
      const now = milliseconds();
      if (now - last < sampleEvery) return;
      last = now;
      available = Math.min(available, readMeminfo(meminfo).available);
    },
    headroom() {
      const now = readMeminfo(meminfo);
      total = now.total;
      available = Math.min(available, now.available);
      return { total, lowestAvailable: available, peakResident: readPeakResident(status) };
    },
  };
}

/** MemTotal and MemAvailable, bytes (proc(5); values are in KiB). */
export function readMeminfo(path: string): { total: number; available: number } {
  const text = readFileSync(path, 'latin1');
  return { total: bytesOf(text, 'MemTotal'), available: bytesOf(text, 'MemAvailable') };
}

/** VmHWM of /proc/PID/status, bytes (KiB there too). */
export const readPeakResident = (path: string): number => bytesOf(readFileSync(path, 'latin1'), 'VmHWM');

const bytesOf = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
