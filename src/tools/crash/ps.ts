/** The `ps` view: every task with its state, its memory and its times. Sizes are bytes, times seconds. */
import { hex } from '../../base/units.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import { Missing } from '../../kernel/missing.ts';
import { type MemoryUse, memoryUse, uncountedPages } from '../../kernel/tasks/task-memory.ts';
import type { TaskState } from '../../kernel/tasks/task-state.ts';
import { schedulerNow, taskTimes } from '../../kernel/tasks/task-times.ts';
import { readTasks, type Task } from '../../kernel/tasks/tasks.ts';
import { readTimes } from '../../kernel/timekeeper.ts';

export interface TaskInfo {
  readonly pid: number;
  readonly tgid: number;
  /** null: the parent's memory is not in the dump. */
  readonly ppid: number | null;
  readonly comm: string;
  readonly state: TaskState;
  /** On which it ran, or ran last. */
  readonly cpu: number;
  /** It was running when the machine stopped. */
  readonly onCpu: boolean;
  readonly kernelThread: boolean;
  /** Of its task_struct. */
  readonly address: string;
  /** Of its process; null for kernel threads, and where it could not be read. */
  readonly memory: MemoryUse | null;
  /** null: they could not be read. */
  readonly times: {
    /** Since boot. */
    readonly started: number;
    /** On a CPU, as the scheduler measured it. */
    readonly ran: number;
    /** In user space and in the kernel, as ticks counted it (/proc scales these to `ran`). */
    readonly user: number;
    readonly system: number;
    /** How long it was there. */
    readonly age: number | null;
    /** Since it was last given a CPU; null when it never was. */
    readonly idle: number | null;
  } | null;
}

export interface TaskList {
  readonly tasks: readonly TaskInfo[];
  readonly missing: readonly string[];
}

/** All tasks: the idle ones, then each process with its threads. */
export function listTasks(crashed: CrashedKernel): TaskList {
  const missing = new Missing();
  const tasks = [...readTasks(crashed, { idle: 'with', missing })];
  const memory = memoryOf(crashed, tasks, missing);
  const sinceBoot = missing.attempt(
    'the time of the crash',
    () => Number(readTimes(crashed).sinceBoot) / 1e9,
  );
  const now = missing.attempt("the scheduler's clock", () => schedulerNow(crashed));
  const since = (then: number, clock: number | undefined): number | null =>
    clock === undefined ? null : Math.max(0, clock - then);
  const infos = tasks.map((task): TaskInfo => {
    const times = missing.attempt(`the times of task ${task.pid}`, () => taskTimes(task));
    return {
      pid: task.pid,
      tgid: task.tgid,
      ppid: task.ppid ?? null,
      comm: task.comm,
      state: task.state,
      cpu: task.cpu,
      onCpu: task.onCpu,
      kernelThread: task.isKernelThread,
      address: hex(task.address),
      memory: memory(task) ?? null,
      times:
        times === undefined
          ? null
          : {
              started: times.started,
              ran: times.ran,
              user: times.user,
              system: times.system,
              age: since(times.started, sinceBoot),
              idle: times.lastRan === 0 ? null : since(times.lastRan, now),
            },
    };
  });
  return { tasks: infos, missing: missing.lines };
}

/** Each address space is read once, however many threads have it. */
function memoryOf(
  crashed: CrashedKernel,
  tasks: readonly Task[],
  missing: Missing,
): (task: Task) => MemoryUse | undefined {
  const uncounted = missing.attempt('pages counted by threads', () => uncountedPages(crashed, tasks));
  const known = new Map<bigint, MemoryUse | undefined>();
  return (task) =>
    missing.attempt(`the memory of task ${task.pid}`, () => {
      const mm = task.isKernelThread ? undefined : task.struct.follow('mm');
      if (mm === undefined) return undefined;
      if (!known.has(mm.address)) {
        known.set(mm.address, undefined);
        known.set(mm.address, memoryUse(crashed, mm, uncounted ?? new Map()));
      }
      return known.get(mm.address);
    });
}

/** How many tasks are in each state, the most common first. */
export function countStates(tasks: readonly TaskInfo[]): { state: TaskState; tasks: number }[] {
  const counts = new Map<TaskState, number>();
  for (const { state } of tasks) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts]
    .map(([state, count]) => ({ state, tasks: count }))
    .sort((a, b) => b.tasks - a.tasks || a.state.localeCompare(b.state));
}
