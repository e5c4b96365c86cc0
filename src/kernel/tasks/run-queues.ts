/**
 * The run queues: which tasks were waiting for a CPU, by scheduling class, in the order in which they would have had it.
 *
 * Source of truth: kernel/sched/sched.h, fair.c, rt.c, deadline.c, ext.c (Linux 4.18, 6.1, 6.12, 7.2). What moved, and what tells:
 *   fair      cfs_rq.tasks_timeline, rb_root_cached, of sched_entity.run_node; groups nest by sched_entity.my_q (CONFIG_FAIR_GROUP_SCHED). By virtual
 *             run time before 6.6, by deadline among those eligible since (EEVDF, 147f3efaa241): in the tree's order here. What runs is not in the tree
 *   real time rt_rq.active.queue[], a list for each priority
 *   deadline  dl_rq.root (dl_rq.rb_root before 4.14); a server of another class has an entity there too since 6.8 (63ba8422f876)
 *   ext       scx_rq.runnable_list since 6.12
 */
import { hex } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import { walkDamagedList } from '../lists/damaged-list.ts';
import { walkRbtree } from '../lists/rbtree.ts';
import type { Missing } from '../missing.ts';
import type { Struct } from '../struct.ts';
import type { Task } from './tasks.ts';

export type SchedulingClass = 'deadline' | 'real time' | 'fair' | 'ext';

export interface QueuedTask {
  readonly task: Task;
  readonly class: SchedulingClass;
  /** 0 to 99 are real time, the lower the sooner; 100 to 139 are nice -20 to 19. */
  readonly priority: number;
}

/** Deeper nesting of control groups than any machine has. */
const maxGroups = 64;

/**
 * The tasks that wait in a struct rq, without the one that runs. `tasks`: all there are, by address; what is none of them is not taken, and ends the walk of
 * its class. What is damaged is noted in `missing`.
 */
export function* readRunQueue(
  crashed: CrashedKernel,
  queue: Struct,
  tasks: ReadonlyMap<bigint, Task>,
  missing: Missing,
): Generator<QueuedTask> {
  const classes = [
    ['deadline', deadlineTasks],
    ['real time', realTimeTasks],
    ['fair', fairTasks],
    ['ext', extTasks],
  ] as const;
  for (const [schedulingClass, walk] of classes) {
    const what = `the ${schedulingClass} tasks of a run queue`;
    for (const address of missing.drain(what, walk(crashed, queue, what, missing))) {
      const task = tasks.get(address);
      if (task === undefined) {
        missing.note(`${what}: what is at ${hex(address)} is no task`);
        break;
      }
      const priority = missing.attempt(what, () => task.struct.number('prio'));
      if (priority !== undefined) yield { task, class: schedulingClass, priority };
    }
  }
}

type Walk = (crashed: CrashedKernel, queue: Struct, what: string, missing: Missing) => Generator<bigint>;

const deadlineTasks: Walk = function* (crashed, queue, what, missing) {
  const inEntity = BigInt(crashed.layouts.requireOffset('sched_dl_entity.rb_node'));
  const inTask = BigInt(crashed.layouts.requireOffset('task_struct.dl'));
  for (const node of walkRbtree(crashed.kernel, queue.addressOf('dl.root'), what, missing)) {
    const entity = crashed.struct('sched_dl_entity', node - inEntity);
    const isServer = missing.attempt(what, () => entity.has('dl_server') && entity.number('dl_server') !== 0);
    if (isServer === false) yield entity.address - inTask;
  }
};

const realTimeTasks: Walk = function* (crashed, queue, what, missing) {
  yield* realTimeQueue(crashed, queue.struct('rt'), what, missing, 0);
};

function* realTimeQueue(
  crashed: CrashedKernel,
  queue: Struct,
  what: string,
  missing: Missing,
  depth: number,
): Generator<bigint> {
  const { kernel, layouts } = crashed;
  const inEntity = BigInt(layouts.requireOffset('sched_rt_entity.run_list'));
  const inTask = BigInt(layouts.requireOffset('task_struct.rt'));
  const priorities = layouts.length('rt_prio_array.queue') ?? 0;
  const lists = queue.addressOf('active.queue');
  for (let priority = 0; priority < priorities; priority++) {
    const head = lists + BigInt(16 * priority);
    for (const node of walkDamagedList(kernel, head, what, missing)) {
      const entity = crashed.struct('sched_rt_entity', node - inEntity);
      const group = entity.has('my_q') ? missing.attempt(what, () => entity.follow('my_q')) : undefined;
      if (group === undefined) yield entity.address - inTask;
      else if (depth < maxGroups) yield* realTimeQueue(crashed, group, what, missing, depth + 1);
    }
  }
}

const fairTasks: Walk = function* (crashed, queue, what, missing) {
  yield* fairQueue(crashed, queue.struct('cfs'), what, missing, new Set());
};

/** `above`: the queues that this one is in. The running entity of a group is in no tree, but its group may have others. */
function* fairQueue(
  crashed: CrashedKernel,
  queue: Struct,
  what: string,
  missing: Missing,
  above: ReadonlySet<bigint>,
): Generator<bigint> {
  if (above.has(queue.address) || above.size > maxGroups) {
    missing.note(`${what}: its groups go round in a circle`);
    return;
  }
  const within = new Set([...above, queue.address]);
  const inEntity = BigInt(crashed.layouts.requireOffset('sched_entity.run_node'));
  const inTask = BigInt(crashed.layouts.requireOffset('task_struct.se'));
  const groupOf = (entity: Struct): Struct | undefined =>
    entity.has('my_q') ? missing.attempt(what, () => entity.follow('my_q')) : undefined;
  const running = missing.attempt(what, () => queue.follow('curr'));
  const runningGroup = running === undefined ? undefined : groupOf(running);
  if (runningGroup !== undefined) yield* fairQueue(crashed, runningGroup, what, missing, within);
  for (const node of walkRbtree(crashed.kernel, queue.addressOf('tasks_timeline'), what, missing)) {
    const entity = crashed.struct('sched_entity', node - inEntity);
    const group = groupOf(entity);
    if (group === undefined) yield entity.address - inTask;
    else yield* fairQueue(crashed, group, what, missing, within);
  }
}

/** With a BPF scheduler loaded. The one that runs is in the list. */
const extTasks: Walk = function* (crashed, queue, what, missing) {
  if (!queue.has('scx.runnable_list')) return;
  const inTask = BigInt(crashed.layouts.requireOffset('task_struct.scx.runnable_node'));
  const current = missing.attempt(what, () => queue.pointer('curr'));
  for (const node of walkDamagedList(crashed.kernel, queue.addressOf('scx.runnable_list'), what, missing))
    if (node - inTask !== current) yield node - inTask;
};
