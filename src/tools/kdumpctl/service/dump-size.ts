/** How large a dump of this machine would be now, at most: for a warning in time. */
import { readFileSync } from 'node:fs';
import { DumpLevel } from '../../makedumpfile/dump-level.ts';
import type { Collector } from '../conf/collector.ts';

/**
 * Bytes before compression, by the kernel's own account of its memory (/proc/meminfo). The last level counts: it is what is tried when the ones
 * before did not fit.
 */
export function largestDump(collector: Collector, meminfo = readFileSync('/proc/meminfo', 'latin1')): number {
  const bytes = (name: string): number =>
    1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0);
  const total = bytes('MemTotal');
  if (collector.kind === 'copy') return total;
  const level = collector.levels.at(-1) ?? 0;
  const excluded = (bit: number, size: number): number => ((level & bit) === 0 ? 0 : size);
  const leftOut =
    excluded(DumpLevel.free, bytes('MemFree')) +
    excluded(DumpLevel.user, bytes('AnonPages')) +
    // Cached has shared memory in it, which is user data too; what has private buffers is another bit.
    excluded(DumpLevel.cache, bytes('Cached') - bytes('Shmem')) +
    excluded(DumpLevel.cachePrivate, bytes('Buffers'));
  return Math.max(0, total - leftOut);
}
