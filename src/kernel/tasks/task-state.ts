/**
 * The letter of a task's state, as ps and /proc/PID/stat show it.
 *
 * Source of truth: __task_state_index() and task_index_to_char() of include/linux/sched.h (Linux 4.18, 6.12, 7.2). The numbers are macros, which no types
 * tell; they are the same since 4.14 (8ef9925b02c2). What came later is above TASK_REPORT: TASK_RTLOCK_WAIT (5.16) and TASK_FROZEN (6.1, f5d39b020809),
 * both shown as D.
 */

/** Running, sleeping, in uninterruptible sleep, stopped, traced, dead, a zombie, parked, idle (a kernel thread's D that is no load). */
export const taskStates = ['R', 'S', 'D', 'T', 't', 'X', 'Z', 'P', 'I'] as const;
export type TaskState = (typeof taskStates)[number];

const report = 0x7f;
const uninterruptible = 0x2;
const idle = 0x402;
const rtLockWait = 0x1000;
const frozen = 0x8000;

/** Of task_struct.__state (`state` before 5.14, 2f064a59a11f) and task_struct.exit_state. */
export function taskState(state: number, exitState: number): TaskState {
  if (exitState === 0 && (state & idle) === idle) return 'I';
  let shown = (state | exitState) & report;
  if ((state & (rtLockWait | frozen)) !== 0 && exitState === 0) shown = uninterruptible;
  // The highest bit counts.
  return taskStates[32 - Math.clz32(shown)] ?? 'R';
}
