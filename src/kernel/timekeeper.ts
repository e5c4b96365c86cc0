/**
 * What time it was, by the kernel's timekeeper: since boot, and of the day.
 *
 * Source of truth: struct timekeeper of include/linux/timekeeper_internal.h and kernel/time/timekeeping.c (Linux 6.1, 7.2). What moved:
 *   the core timekeeper   tk_core, of a structure without a name: a seqcount, then struct timekeeper; struct tk_data since 6.13; the first of
 *                         timekeeper_data[] since 6.17 (22c62b9a84b8)
 *   nanoseconds           tkr_mono.xtime_nsec >> tkr_mono.shift; coarse_nsec since 6.15 (b71f9804f66c)
 *
 * All are coarse: they stood still from the last tick on (1 to 10 ms), on a CPU that no longer ticked longer. Nanoseconds.
 */
import { alignUp } from '../base/bytes.ts';
import type { CrashedKernel } from './crashed-kernel.ts';
import type { Struct } from './struct.ts';

export interface KernelTimes {
  /** CLOCK_BOOTTIME: since boot, suspended time included. */
  readonly sinceBoot: bigint;
  /** CLOCK_REALTIME: since 1970, UTC. */
  readonly now: bigint;
  /** When it was booted, since 1970, UTC; moves when the clock is set. */
  readonly bootedAt: bigint;
}

/** E_NO_INFO without symbols and types, E_UNREADABLE when it is not in the dump. */
export function readTimes(crashed: CrashedKernel): KernelTimes {
  const timekeeper = coreTimekeeper(crashed);
  const nanoseconds = timekeeper.has('coarse_nsec')
    ? timekeeper.bigint('coarse_nsec')
    : timekeeper.bigint('tkr_mono.xtime_nsec') >> BigInt(timekeeper.number('tkr_mono.shift') & 63);
  const monotonic = timekeeper.bigint('tkr_mono.base') + nanoseconds;
  const toReal = timekeeper.bigint('offs_real');
  const toBoot = timekeeper.bigint('offs_boot');
  return { sinceBoot: monotonic + toBoot, now: monotonic + toReal, bootedAt: toReal - toBoot };
}

function coreTimekeeper(crashed: CrashedKernel): Struct {
  const { layouts, symbols } = crashed;
  const address = symbols.address('timekeeper_data') ?? symbols.require('tk_core');
  if (layouts.struct('tk_data') !== undefined) return crashed.struct('tk_data', address).struct('timekeeper');
  // A seqcount with its lock since 5.9 (025e82bcbc34).
  const seqcount = layouts.size('seqcount_raw_spinlock_t') ?? layouts.requireSize('seqcount_t');
  return crashed.struct('timekeeper', address + BigInt(alignUp(seqcount, 8)));
}
