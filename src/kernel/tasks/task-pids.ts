/**
 * Tasks by the table of pids: the second source when the lists of tasks are broken.
 *
 * Source of truth: include/linux/pid.h, pid_namespace.h (Linux 4.18, 6.1, 7.2). pid_namespace.idr since 4.15 (95846ecf9dac) has a struct pid for each
 * number; pid.tasks[PIDTYPE_PID] begins the list of at most one task, linked by task_struct.pid_links[] since 4.19 (2c4704756cab), pids[].node before. The
 * task says which struct pid is its own: thread_pid, pids[].pid before.
 */
import type { CrashedKernel } from '../crashed-kernel.ts';
import { walkXarray } from '../lists/xarray.ts';
import type { Missing } from '../missing.ts';

/** The addresses of the task_structs of all tasks with a pid, by their pids. A number whose task does not say that it is its own is left out. */
export function* taskAddressesByPid(crashed: CrashedKernel, missing: Missing): Generator<bigint> {
  const what = 'the table of pids';
  const namespace = missing.attempt(what, () => crashed.global('init_pid_ns', 'pid_namespace'));
  const table = namespace && missing.attempt(what, () => namespace.struct('idr.idr_rt'));
  if (table === undefined) return;
  for (const { entry } of walkXarray(crashed, table, what, missing)) {
    const address = missing.attempt(what, () => taskOf(crashed, entry));
    if (address !== undefined) yield address;
  }
}

/** PIDTYPE_PID is 0: the first of each array. Undefined for a number that is only kept for a process group or a session. */
function taskOf(crashed: CrashedKernel, pid: bigint): bigint | undefined {
  const { layouts } = crashed;
  const node = crashed.struct('pid', pid).pointer('tasks');
  if (node === 0n) return undefined;
  const links = layouts.offset('task_struct.pid_links') ?? layouts.requireOffset('task_struct.pids');
  const task = crashed.struct('task_struct', node - BigInt(links));
  const own = task.has('thread_pid')
    ? task.pointer('thread_pid')
    : crashed.struct('pid_link', task.addressOf('pids')).pointer('pid');
  return own === pid ? task.address : undefined;
}
