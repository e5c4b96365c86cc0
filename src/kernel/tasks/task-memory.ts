/**
 * How much memory a process has.
 *
 * Source of truth: include/linux/mm_types.h, mm_types_task.h and fs/proc/task_mmu.c (Linux 4.18, 6.1, 6.12, 7.2). rss_stat counts pages by kind: atomic
 * numbers before 6.2, to which each thread adds what it counted for itself (task_struct.rss_stat); percpu_counter since (f1a7941243c1).
 *
 * Bytes.
 */
import type { CrashedKernel } from '../crashed-kernel.ts';
import { readInt, readLong } from '../numbers.ts';
import type { Struct } from '../struct.ts';
import type { Task } from './tasks.ts';

export interface MemoryUse {
  /** Resident: MM_FILEPAGES, MM_ANONPAGES and MM_SHMEMPAGES, as VmRSS of /proc/PID/status. */
  readonly rss: number;
  readonly swapped: number;
  /** All of the address space, as VmSize. */
  readonly vsz: number;
}

/** enum mm_counter, without a name (since 4.5): file, anonymous, swap entries, shared memory. */
const counters = 4;
const swapEntries = 2;

/** What each thread counted for itself and did not yet add to its process, before 6.2: by the address of its mm_struct. */
export type UncountedPages = ReadonlyMap<bigint, readonly number[]>;

/** Empty on kernels where threads do not count. E_UNREADABLE when a task is not in the dump. */
export function uncountedPages(crashed: CrashedKernel, tasks: Iterable<Task>): UncountedPages {
  const pages = new Map<bigint, number[]>();
  for (const { struct } of tasks) {
    if (!struct.has('rss_stat.count')) break;
    const mm = struct.pointer('mm');
    if (mm === 0n) continue;
    const sum = pages.get(mm) ?? Array.from({ length: counters }, () => 0);
    const count = struct.addressOf('rss_stat.count');
    pages.set(
      mm,
      sum.map((value, i) => value + readInt(crashed.kernel, count + BigInt(4 * i))),
    );
  }
  return pages;
}

/** `mm`: a struct mm_struct. E_NO_INFO when types do not describe it, E_UNREADABLE when it is not in the dump. */
export function memoryUse(crashed: CrashedKernel, mm: Struct, uncounted: UncountedPages): MemoryUse {
  const { pageSize } = crashed.dump.memory;
  const own = uncounted.get(mm.address);
  const bytes = Array.from(
    { length: counters },
    (_, i) => Math.max(0, countOf(crashed, mm, i) + (own?.[i] ?? 0)) * pageSize,
  );
  const swapped = bytes[swapEntries] ?? 0;
  return {
    rss: bytes.reduce((sum, value) => sum + value, 0) - swapped,
    swapped,
    vsz: mm.number('total_vm') * pageSize,
  };
}

function countOf(crashed: CrashedKernel, mm: Struct, index: number): number {
  if (mm.has('rss_stat.count'))
    return readLong(crashed.kernel, mm.addressOf('rss_stat.count') + BigInt(8 * index));
  const size = BigInt(crashed.layouts.requireSize('percpu_counter'));
  const counter = crashed.struct('percpu_counter', mm.addressOf('rss_stat') + size * BigInt(index));
  const perCpu = counter.pointer('counters');
  const sum = counter.number('count');
  if (perCpu === 0n) return sum;
  return crashed.cpus.reduce(
    (total, cpu) => total + readInt(crashed.kernel, crashed.onCpu(perCpu, cpu)),
    sum,
  );
}
