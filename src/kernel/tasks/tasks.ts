/**
 * The tasks of a crashed kernel: processes, their threads, kernel threads and the idle tasks of the CPUs.
 *
 * Source of truth: include/linux/sched.h, sched/signal.h and kernel/sched/sched.h (Linux 4.18, 6.1, 6.12, 7.2). Processes are linked from init_task by
 * task_struct.tasks, their threads from signal_struct.thread_head by task_struct.thread_node (thread_group is gone since 6.7, 8e1f385104ac); idle tasks
 * are in neither and stand in their CPU's run queue. What moved, and what tells:
 *   state   task_struct.state is __state since 5.14 (2f064a59a11f)
 *   cpu     task_struct.cpu is in thread_info since 5.16 on most architectures (bcf9033e5449)
 *
 * A task list that is broken gives what can be found by both directions of its links and by the table of pids (task-pids.ts), and says so.
 */
import { VmcoreError } from '../../base/errors.ts';
import { hex, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import { walkDamagedList } from '../lists/damaged-list.ts';
import { Missing } from '../missing.ts';
import type { Struct } from '../struct.ts';
import { taskAddressesByPid } from './task-pids.ts';
import { type TaskState, taskState } from './task-state.ts';

/** PF_KTHREAD of include/linux/sched.h. */
const kernelThread = 0x0020_0000;

export interface Task {
  /** Its task_struct. */
  readonly struct: Struct;
  readonly address: Vaddr;
  /** As the first pid namespace numbers it; 0 for idle tasks. What user space calls a thread id. */
  readonly pid: number;
  /** Of its process. */
  readonly tgid: number;
  /** The process of its parent; undefined when the parent's memory is not in the dump. */
  readonly ppid: number | undefined;
  readonly comm: string;
  readonly state: TaskState;
  /** On which it runs, or ran last. */
  readonly cpu: number;
  /** It was running when the machine stopped. */
  readonly onCpu: boolean;
  readonly isKernelThread: boolean;
}

export interface TaskSelection {
  readonly idle: 'with' | 'without';
  /** Takes down what of the task list could not be read. */
  readonly missing: Missing;
}

/** The task whose task_struct is at an address. E_UNREADABLE when it is not in the dump, E_NO_INFO when types do not describe it. */
export function readTask(crashed: CrashedKernel, address: bigint): Task {
  const struct = crashed.struct('task_struct', address);
  const state = struct.number(struct.has('__state') ? '__state' : 'state');
  // Without SMP there is neither.
  const cpu = ['cpu', 'thread_info.cpu'].find((path) => struct.has(path));
  return {
    struct,
    address: struct.address,
    pid: struct.number('pid'),
    tgid: struct.number('tgid'),
    ppid: new Missing().attempt('', () => struct.follow('real_parent')?.number('tgid')),
    comm: struct.text('comm'),
    state: taskState(state, struct.number('exit_state')),
    cpu: cpu === undefined ? 0 : struct.number(cpu),
    onCpu: struct.has('on_cpu') && struct.number('on_cpu') !== 0,
    isKernelThread: (struct.number('flags') & kernelThread) !== 0,
  };
}

/**
 * All tasks, each once: idle ones first, then each process with its threads, in the order of the kernel's lists. Damage is noted in `missing`, and what
 * is beyond it given too. E_NO_INFO when symbols or types do not tell where tasks are.
 */
export function* readTasks(crashed: CrashedKernel, { idle, missing }: TaskSelection): Generator<Task> {
  const seen = new Set<bigint>();
  for (const task of idle === 'with' ? idleTasks(crashed, missing) : []) {
    if (seen.has(task.address)) continue;
    seen.add(task.address);
    yield task;
  }
  // Of this walk alone: whether anything is wrong with the lists decides what is done next.
  const ofLists = new Missing();
  try {
    for (const address of taskAddresses(crashed, ofLists)) {
      if (seen.has(address)) continue;
      seen.add(address);
      const task = ofLists.attempt('a task', () => readTask(crashed, address));
      if (task !== undefined) yield task;
    }
  } finally {
    for (const line of ofLists.lines) missing.note(line);
  }
  if (ofLists.lines.length > 0) yield* tasksByPid(crashed, seen, missing);
}

/** Those that the lists did not come to. */
function* tasksByPid(crashed: CrashedKernel, seen: Set<bigint>, missing: Missing): Generator<Task> {
  let found = 0;
  for (const address of taskAddressesByPid(crashed, missing)) {
    if (seen.has(address)) continue;
    seen.add(address);
    const task = missing.attempt('a task', () => readTask(crashed, address));
    if (task === undefined) continue;
    found++;
    yield task;
  }
  if (found > 0)
    missing.note(
      `the lists of tasks: ${found} more ${found === 1 ? 'was' : 'were'} found by the table of pids`,
    );
}

/** What ran on a CPU when the machine stopped; an idle task when nothing did. E_CORRUPT when it says that it ran elsewhere. */
export function currentTask(crashed: CrashedKernel, cpu: number): Task {
  const task = readTask(crashed, runQueue(crashed, cpu).pointer('curr'));
  if (task.cpu === cpu) return task;
  throw corrupt(crashed, `what ran on CPU ${cpu} says that it ran on CPU ${task.cpu}`);
}

/** By its pid (a thread's own, not its process's); of the idle tasks, pid 0, that of the first CPU. `missing`: as readTasks. */
export function findTask(crashed: CrashedKernel, pid: number, missing: Missing): Task | undefined {
  for (const task of readTasks(crashed, { idle: pid === 0 ? 'with' : 'without', missing }))
    if (task.pid === pid) return task;
  return undefined;
}

/** A CPU's struct rq. E_CORRUPT when it is another's: then there is no such CPU, or per-CPU memory is not where it is said to be. */
export function runQueue(crashed: CrashedKernel, cpu: number): Struct {
  const queue = crashed.struct('rq', crashed.perCpu('runqueues', cpu));
  if (!queue.has('cpu') || queue.number('cpu') === cpu) return queue;
  throw corrupt(crashed, `the run queue of CPU ${cpu} says that it is of CPU ${queue.number('cpu')}`);
}

const corrupt = (crashed: CrashedKernel, what: string): VmcoreError =>
  new VmcoreError('E_CORRUPT', what, { file: crashed.dump.source.name });

function* idleTasks(crashed: CrashedKernel, missing: Missing): Generator<Task> {
  const idleClass = crashed.symbols.address('idle_sched_class');
  for (const cpu of missing.attempt('the CPUs', () => crashed.cpus) ?? []) {
    const idle = missing.attempt(`the idle task of CPU ${cpu}`, () => {
      const address = runQueue(crashed, cpu).pointer('idle');
      // A CPU that was never brought up has none.
      if (address === 0n) return undefined;
      const task = readTask(crashed, address);
      const hasClass = idleClass !== undefined && task.struct.has('sched_class');
      const isIdle = !hasClass || task.struct.pointer('sched_class') === idleClass;
      if (isIdle && task.pid === 0 && task.cpu === cpu) return task;
      throw corrupt(crashed, `what is at ${hex(address)} is none`);
    });
    if (idle !== undefined) yield idle;
  }
}

function* taskAddresses(crashed: CrashedKernel, missing: Missing): Generator<bigint> {
  const { kernel, layouts } = crashed;
  const inTasks = BigInt(layouts.requireOffset('task_struct.tasks'));
  const first = crashed.symbols.require('init_task');
  const processes = walkDamagedList(kernel, first + inTasks, 'the list of processes', missing);
  for (const node of processes) {
    const leader = node - inTasks;
    yield leader;
    const signal = missing.attempt('the threads of a process', () =>
      crashed.struct('task_struct', leader).follow('signal'),
    );
    if (signal !== undefined) yield* threadAddresses(crashed, signal, missing);
  }
}

/** Of a signal_struct, which a process has one of: a thread says that it is its own. */
function* threadAddresses(crashed: CrashedKernel, signal: Struct, missing: Missing): Generator<bigint> {
  const what = 'the threads of a process';
  const inThreads = BigInt(crashed.layouts.requireOffset('task_struct.thread_node'));
  for (const node of walkDamagedList(crashed.kernel, signal.addressOf('thread_head'), what, missing)) {
    const thread = crashed.struct('task_struct', node - inThreads);
    const own = missing.attempt(what, () => thread.pointer('signal') === signal.address);
    if (own === true) yield thread.address;
    else if (own === false) missing.note(`${what}: what is at ${hex(thread.address)} is none`);
  }
}
