/** The `runq` view: what ran on each CPU, and what waited for it. */
import { hex } from '../../base/units.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import { Missing } from '../../kernel/missing.ts';
import type { Struct } from '../../kernel/struct.ts';
import { type QueuedTask, readRunQueue, type SchedulingClass } from '../../kernel/tasks/run-queues.ts';
import { currentTask, readTasks, runQueue, type Task } from '../../kernel/tasks/tasks.ts';

export interface RunnableTask {
  readonly pid: number;
  readonly comm: string;
  readonly class: SchedulingClass;
  /** 0 to 99 are real time, the lower the sooner; 100 to 139 are nice -20 to 19. */
  readonly priority: number;
  /** Of its task_struct. */
  readonly address: string;
}

export interface CpuQueue {
  readonly cpu: number;
  readonly current: { readonly pid: number; readonly comm: string; readonly address: string } | null;
  /** As the kernel counts them, what runs included; null where it could not be read. */
  readonly counts: {
    readonly running: number;
    readonly fair: number;
    readonly realTime: number;
    readonly deadline: number;
    /** Switches since boot. */
    readonly switches: number;
    /** The average load of fair tasks; 1024 is one that always runs. */
    readonly load: number | null;
  } | null;
  readonly queued: readonly RunnableTask[];
  /** Of its struct rq. */
  readonly address: string;
}

export interface RunQueues {
  readonly cpus: readonly CpuQueue[];
  readonly missing: readonly string[];
}

/** Of all CPUs that were up. (arm64 marks those that it stopped as offline: the mask does not tell.) E_NO_INFO when symbols or types do not tell where run queues are. */
export function readRunQueues(crashed: CrashedKernel): RunQueues {
  const missing = new Missing();
  const tasks = new Map<bigint, Task>();
  for (const task of readTasks(crashed, { idle: 'with', missing })) tasks.set(task.address, task);
  const cpus = crashed.cpus.flatMap((cpu) => {
    const queue = missing.attempt(`the run queue of CPU ${cpu}`, () => {
      const found = runQueue(crashed, cpu);
      const isUp = !found.has('online') || found.number('online') !== 0;
      return isUp && found.pointer('idle') !== 0n ? found : undefined;
    });
    return queue === undefined ? [] : [cpuQueue(crashed, cpu, queue, tasks, missing)];
  });
  return { cpus, missing: missing.lines };
}

function cpuQueue(
  crashed: CrashedKernel,
  cpu: number,
  queue: Struct,
  tasks: ReadonlyMap<bigint, Task>,
  missing: Missing,
): CpuQueue {
  const current = missing.attempt(`what ran on CPU ${cpu}`, () => currentTask(crashed, cpu));
  const queued = [...readRunQueue(crashed, queue, tasks, missing)].filter(
    ({ task }) => task.address !== current?.address,
  );
  const counts = missing.attempt(`the counts of CPU ${cpu}`, () => countsOf(queue));
  return {
    cpu,
    current: current === undefined ? null : named(current),
    counts: counts ?? null,
    queued: queued.map(runnable),
    address: hex(queue.address),
  };
}

/** cfs_rq.h_nr_running is h_nr_queued since 6.14 (7b8a702d9438). */
const countsOf = (queue: Struct): CpuQueue['counts'] => ({
  running: queue.number('nr_running'),
  fair: queue.number(queue.has('cfs.h_nr_queued') ? 'cfs.h_nr_queued' : 'cfs.h_nr_running'),
  realTime: queue.number('rt.rt_nr_running'),
  deadline: queue.number('dl.dl_nr_running'),
  switches: queue.number('nr_switches'),
  load: queue.has('cfs.avg.load_avg') ? queue.number('cfs.avg.load_avg') : null,
});

const named = ({ pid, comm, address }: Task): { pid: number; comm: string; address: string } => ({
  pid,
  comm,
  address: hex(address),
});

const runnable = ({ task, class: schedulingClass, priority }: QueuedTask): RunnableTask => ({
  ...named(task),
  class: schedulingClass,
  priority,
});
