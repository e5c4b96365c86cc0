/** The `locks` view: which tasks wait for a lock, who holds it, and who waits for whom in a circle. */
import { hex } from '../../base/units.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import { findCircles } from '../../kernel/locks/deadlocks.ts';
import { lockName } from '../../kernel/locks/lock-names.ts';
import { LockWaits, lockOfFunctions, type Wait } from '../../kernel/locks/lock-waits.ts';
import { type LockHolder, type LockKind, type LockState, lockState } from '../../kernel/locks/locks.ts';
import { Missing } from '../../kernel/missing.ts';
import type { Frame, Stack } from '../../kernel/stacks/frame.ts';
import { Unwinder } from '../../kernel/stacks/unwind.ts';
import type { TaskState } from '../../kernel/tasks/task-state.ts';
import { schedulerNow, taskTimes } from '../../kernel/tasks/task-times.ts';
import { readTasks, type Task } from '../../kernel/tasks/tasks.ts';

export interface TaskName {
  readonly pid: number;
  readonly comm: string;
}

export interface LockInfo {
  readonly kind: LockKind;
  readonly address: string;
  /**
   * Of a lock that is a variable: "cgroup_mutex", "held_mutex [crash_module]"; of an address space: "mmap_lock of 130 node"; of one on a stack: "on the
   * stack of 8 kworker/0:0H".
   */
  readonly name: string | null;
  /** Of rwsem and percpu_rwsem: what it is waited for. */
  readonly mode: 'read' | 'write' | null;
  /** How it is known that the task waits for it: the kernel wrote it down, or by the waiter on the task's stack. */
  readonly found: Wait['found'];
  /** null: the lock does not know, or nobody holds it. A task that is gone has pid null. */
  readonly holder:
    | ((TaskName | { readonly pid: null; readonly comm: null }) & {
        /** Of its task_struct, as the lock names it. */
        readonly address: string;
        /** A reader, or who took a semaphore last, may have let go: "perhaps". */
        readonly holds: LockHolder['holds'];
      })
    | null;
  /** How many readers hold a rwsem; null for all else. */
  readonly readers: number | null;
}

export interface WaitingTask extends TaskName {
  readonly state: TaskState;
  /** Since it last ran, seconds; null when it is not known. */
  readonly seconds: number | null;
  /** null: it waits for something else (a disk, a timer), or no waiter was found. */
  readonly lock: LockInfo | null;
  /** The function that it sleeps in, the scheduler's own left out; null when its stack does not tell. */
  readonly in: string | null;
}

export interface Locks {
  /** Those in uninterruptible sleep (D), and all others that wait for a lock. */
  readonly waiting: readonly WaitingTask[];
  /** Each the tasks that wait for each other in a circle. */
  readonly deadlocks: readonly (readonly TaskName[])[];
  readonly missing: readonly string[];
}

/** What is told of a task in interruptible sleep too. The rest (completions, bits) is also what threads wait for that have nothing to do. */
const locksProper: ReadonlySet<LockKind> = new Set([
  'mutex',
  'rwsem',
  'rt_mutex',
  'percpu_rwsem',
  'semaphore',
]);

/** The scheduler's own frames, then those of the lock. */
const innermost = 6;

/** E_NO_INFO when symbols or types do not tell where tasks are. */
export const listLocks = (crashed: CrashedKernel): Locks => new LockLister(crashed).list();

/** A task with what it waits for; all but the task undefined where that is not known. */
interface Found {
  readonly task: Task;
  readonly wait: Wait | undefined;
  readonly state: LockState | undefined;
  readonly holder: Task | undefined;
}

class LockLister {
  private readonly crashed: CrashedKernel;
  private readonly missing = new Missing();
  private readonly tasks = new Map<bigint, Task>();
  private readonly unwinder: Unwinder;
  private readonly stacks = new Map<Task, Stack>();
  private readonly waits: LockWaits;

  constructor(crashed: CrashedKernel) {
    this.crashed = crashed;
    this.unwinder = new Unwinder(crashed);
    for (const task of readTasks(crashed, { idle: 'with', missing: this.missing }))
      this.tasks.set(task.address, task);
    this.waits = new LockWaits(crashed, this.tasks, (task) => this.stackOf(task).frames);
  }

  list(): Locks {
    const now = this.missing.attempt("the scheduler's clock", () => schedulerNow(this.crashed));
    const found = [...this.tasks.values()].flatMap((task) => this.find(task) ?? []);
    const waiting = found.map((one) => this.describe(one, now));
    const certain = found.flatMap(({ task, state, holder }) =>
      holder !== undefined && state?.holder?.holds === 'certainly' ? [[task, holder] as const] : [],
    );
    const deadlocks = findCircles(new Map(certain)).map((circle) =>
      circle.map(({ pid, comm }) => ({ pid, comm })),
    );
    return { waiting, deadlocks, missing: this.missing.lines };
  }

  /** Undefined for a task that does not wait, or not for what this view shows. */
  private find(task: Task): Found | undefined {
    if (task.onCpu || (task.state !== 'D' && task.state !== 'S')) return undefined;
    const what = `what task ${task.pid} waits for`;
    const wait = this.missing.attempt(what, () => this.waits.of(task));
    if (task.state === 'S' && (wait === undefined || !locksProper.has(wait.kind))) return undefined;
    if (wait === undefined) {
      this.tellWhy(task, what);
      return { task, wait, state: undefined, holder: undefined };
    }
    const state = this.missing.attempt(what, () => lockState(this.crashed, wait.kind, wait.lock));
    return { task, wait, state, holder: state?.holder && this.tasks.get(state.holder.task) };
  }

  /** Why it is not known what a task waits for, when its stack says that it is a lock, or says nothing. */
  private tellWhy(task: Task, what: string): void {
    const { frames, incomplete } = this.stackOf(task);
    const kind = lockOfFunctions(frames.slice(0, innermost).flatMap(({ symbol }) => symbol ?? []));
    if (kind !== undefined)
      this.missing.note(`${what}: a ${kind}, but no waiter for one that holds together is on its stack`);
    else if (frames.length === 0 && incomplete !== undefined) this.missing.note(`${what}: ${incomplete}`);
  }

  private describe({ task, wait, state, holder }: Found, now: number | undefined): WaitingTask {
    const times = this.missing.attempt(`the times of task ${task.pid}`, () => taskTimes(task));
    return {
      pid: task.pid,
      comm: task.comm,
      state: task.state,
      seconds: now === undefined || times === undefined ? null : Math.max(0, now - times.lastRan),
      lock: wait === undefined ? null : this.lockInfo(wait, state, holder),
      in: sleepsIn(this.stackOf(task).frames),
    };
  }

  private lockInfo(
    { kind, lock, mode, found }: Wait,
    state: LockState | undefined,
    holder: Task | undefined,
  ): LockInfo {
    return {
      kind,
      address: hex(lock),
      name: lockName(this.crashed, lock, [...this.tasks.values()]) ?? null,
      mode: mode ?? null,
      found,
      holder:
        state?.holder === undefined
          ? null
          : {
              ...(holder === undefined ? { pid: null, comm: null } : { pid: holder.pid, comm: holder.comm }),
              address: hex(state.holder.task),
              holds: state.holder.holds,
            },
      readers: state?.readers ?? null,
    };
  }

  private stackOf(task: Task): Stack {
    let stack = this.stacks.get(task);
    if (stack === undefined) {
      stack = this.unwinder.task(task);
      this.stacks.set(task, stack);
    }
    return stack;
  }
}

const ofScheduler =
  /^(__switch_to|__schedule|schedule|schedule_preempt_disabled|io_schedule|schedule_timeout)/;

function sleepsIn(frames: readonly Frame[]): string | null {
  const frame = frames.find(({ symbol }) => symbol !== undefined && !ofScheduler.test(symbol));
  if (frame?.symbol === undefined) return null;
  return frame.module === undefined ? frame.symbol : `${frame.symbol} [${frame.module}]`;
}
