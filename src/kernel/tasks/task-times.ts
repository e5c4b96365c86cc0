/**
 * When a task began, how long it ran, and when it ran last.
 *
 * Source of truth: include/linux/sched.h and kernel/sched/ (Linux 4.18, 6.1, 7.2). What moved, and what tells:
 *   began      task_struct.start_boottime, real_start_time before 5.5 (cf25e24db61c); nanoseconds of CLOCK_BOOTTIME
 *   ran last   task_struct.sched_info.last_arrival with CONFIG_SCHED_INFO, else se.exec_start; nanoseconds of the scheduler's clock
 *
 * Seconds.
 */
import type { CrashedKernel } from '../crashed-kernel.ts';
import { runQueue, type Task } from './tasks.ts';

export interface TaskTimes {
  /** Since boot. */
  readonly started: number;
  /** On a CPU, as the scheduler measured it. */
  readonly ran: number;
  /** In user space and in the kernel, as ticks counted it. */
  readonly user: number;
  readonly system: number;
  /** By the scheduler's clock (schedulerNow) when it was last given a CPU; 0 when it never was. */
  readonly lastRan: number;
}

const second = 1e9;

/** E_UNREADABLE when the task is not in the dump. */
export function taskTimes({ struct }: Task): TaskTimes {
  const seconds = (path: string): number => struct.number(path) / second;
  return {
    started: seconds(struct.has('start_boottime') ? 'start_boottime' : 'real_start_time'),
    ran: seconds('se.sum_exec_runtime'),
    user: seconds('utime'),
    system: seconds('stime'),
    lastRan: seconds(struct.has('sched_info.last_arrival') ? 'sched_info.last_arrival' : 'se.exec_start'),
  };
}

/** The scheduler's clock of the CPU that looked at it last. E_UNREADABLE when a run queue is not in the dump. */
export const schedulerNow = (crashed: CrashedKernel): number =>
  Math.max(0, ...crashed.cpus.map((cpu) => runQueue(crashed, cpu).number('clock') / second));
