/**
 * A synthetic kernel whose tasks wait for locks, with waiters on their stacks, in two forms: as 6.1 has them, where a lock is in the ring of its waiters,
 * and as 7.2 has them, where a lock points to its first waiter and tasks say what they wait for.
 *
 * Tasks are processes 100, 101 and so on, all in uninterruptible sleep.
 */
import { asVaddr } from '../../src/base/units.ts';
import type { CrashedKernel } from '../../src/kernel/crashed-kernel.ts';
import { LockWaits, type Wait } from '../../src/kernel/locks/lock-waits.ts';
import { type LockKind, lockState } from '../../src/kernel/locks/locks.ts';
import type { Frame } from '../../src/kernel/stacks/frame.ts';
import { readTask, type Task } from '../../src/kernel/tasks/tasks.ts';
import { CKernel, CTypes } from './c-types.ts';
import { directMap } from './synthetic-kernel.ts';

const common = `struct list_head { struct list_head *next; struct list_head *prev; };
  struct cpumask { unsigned long bits[1]; };
  struct signal_struct { struct list_head thread_head; };
  struct sched_info { u64 last_arrival; };
  struct sched_entity { u64 sum_exec_runtime; };
  struct rq { u64 clock; struct task_struct *curr; struct task_struct *idle; };
  enum pageflags { PG_locked, PG_writeback = 3 };
  struct wait_page_queue { void *folio; int bit_nr; struct wait_queue_entry { unsigned int flags; void *private; void *func;
    struct list_head entry; } wait; };
  struct wait_bit_key { unsigned long *flags; int bit_nr; };
  struct wait_bit_queue_entry { struct wait_bit_key key; struct wait_queue_entry wq_entry; };
  struct thread_struct { unsigned long sp; };
  enum rwsem_waiter_type { RWSEM_WAITING_FOR_WRITE, RWSEM_WAITING_FOR_READ };
  struct mutex_waiter { struct list_head list; struct task_struct *task; };
  struct rwsem_waiter { struct list_head list; struct task_struct *task; enum rwsem_waiter_type type; };
  struct semaphore_waiter { struct list_head list; struct task_struct *task; bool up; };
  struct swait_queue { struct task_struct *task; struct list_head task_list; };
  struct swait_queue_head { unsigned int lock; struct list_head task_list; };
  struct wait_queue_head { unsigned int lock; struct list_head head; };
  struct completion { unsigned int done; struct swait_queue_head wait; };
  struct percpu_rw_semaphore { long writer; struct wait_queue_head waiters; };
  struct atomic_long { long counter; };
  struct rb_node { unsigned long parent; void *right; void *left; };
  struct rt_mutex_base { int wait_lock; struct rb_node *waiters; struct task_struct *owner; };
  struct rt_mutex_waiter { struct rt_waiter_node { struct rb_node entry; int prio; } tree; struct task_struct *task; struct rt_mutex_base *lock; };`;
const task = (
  own: string,
): string => `struct task_struct { unsigned int __state; void *stack; unsigned int flags; int exit_state;
    int pid; int tgid; struct task_struct *real_parent; char comm[16]; struct list_head tasks; struct list_head thread_node;
    struct signal_struct *signal; u64 utime; u64 stime; u64 start_boottime; struct sched_info sched_info; struct sched_entity se; struct rt_mutex_waiter *pi_blocked_on; ${own}
    struct thread_struct thread; };`;

const forms = {
  /** 6.1: locks are in the ring of their waiters. */
  'with wait_list': `${common}
    struct mutex { struct atomic_long owner; int wait_lock; struct list_head wait_list; };
    struct rw_semaphore { struct atomic_long count; struct atomic_long owner; int lock; struct list_head wait_list; };
    struct semaphore { int lock; unsigned int count; struct list_head wait_list; };
    ${task('')}`,
  /** 7.2: locks point to their first waiter, and tasks say what they wait for. */
  'with first_waiter': `${common}
    struct mutex { struct atomic_long owner; int wait_lock; struct mutex_waiter *first_waiter; };
    struct rw_semaphore { struct atomic_long count; struct atomic_long owner; int lock; struct rwsem_waiter *first_waiter; };
    struct semaphore { int lock; unsigned int count; struct semaphore_waiter *first_waiter; unsigned long last_holder; };
    ${task('unsigned long blocker; struct mutex *blocked_on;')}`,
} as const;
export type LockForm = keyof typeof forms;

const stackSize = 16384;
/** From the saved stack pointer: where a waiter is, and where a word that points to a lock is. */
const waiterAt = 0x100;
const lockPointerAt = 0x40;

type WaiterType = 'mutex_waiter' | 'rwsem_waiter' | 'semaphore_waiter';
type LockType = 'mutex' | 'rw_semaphore' | 'semaphore';

export class LockKernel {
  readonly made: CKernel;
  readonly form: LockForm;
  readonly tasks: bigint[] = [];
  readonly symbols: Record<string, bigint>;
  /** The function on whose frame each task's waiter is. */
  readonly functions = new Map<bigint, string>();

  constructor(form: LockForm, tasks: number) {
    this.form = form;
    this.made = new CKernel(new CTypes(forms[form]));
    const { made } = this;
    const sizes = Array.from({ length: tasks }, () => stackSize);
    const stacks = sizes.map((size) => made.space(size, size));
    for (const [i, stack] of stacks.entries())
      this.tasks.push(
        made.place('task_struct', {
          pid: 100 + i,
          tgid: 100 + i,
          comm: `task ${i}`,
          __state: 2,
          stack,
          'thread.sp': stack + BigInt(stackSize) - 0x1000n,
          'sched_info.last_arrival': 2_000_000_000,
        }),
      );
    const idle = made.place('task_struct', { comm: 'swapper/0' });
    made.link(
      made.member('task_struct', idle, 'tasks'),
      this.tasks.map((task) => made.member('task_struct', task, 'tasks')),
    );
    for (const task of this.tasks) {
      const signal = made.place('signal_struct');
      made.set('task_struct', task, { signal });
      made.link(signal, [made.member('task_struct', task, 'thread_node')]);
    }
    this.symbols = {
      init_task: idle,
      runqueues: made.place('rq', { clock: 7_000_000_000, curr: idle, idle }),
      __per_cpu_offset: made.longs(0),
      __cpu_possible_mask: made.place('cpumask', { 'bits[0]': 1 }),
    };
  }

  sp(i: number): bigint {
    return this.made.crashed(this.symbols).struct('task_struct', this.tasks[i]!).pointer('thread.sp');
  }

  /** Puts a waiter on a task's stack. */
  waiter(
    i: number,
    type: WaiterType | 'swait_queue' | 'wait_queue_entry',
    values: Record<string, bigint | number> = {},
  ): bigint {
    const address = this.sp(i) + BigInt(waiterAt);
    const member = type === 'wait_queue_entry' ? 'private' : 'task';
    this.made.set(type, address, { [member]: this.tasks[i]!, ...values });
    return address;
  }

  /** Makes tasks wait for a lock that is held by `owner`, and says so wherever the kernel of this form does on stacks. */
  block(type: LockType, waiterType: WaiterType, lock: bigint, waiters: readonly number[]): void {
    const { made } = this;
    const nodes = waiters.map((i) => this.waiter(i, waiterType));
    if (this.form === 'with wait_list') made.link(made.member(type, lock, 'wait_list'), nodes);
    else {
      made.link(nodes[0]!, nodes.slice(1));
      made.set(type, lock, { first_waiter: nodes[0]! });
      for (const i of waiters)
        made.kernel.memory.putU64(Number(this.sp(i) - directMap) + lockPointerAt, lock);
    }
    const name = {
      mutex: '__mutex_lock.constprop.0',
      rw_semaphore: 'rwsem_down_write_slowpath',
      semaphore: '__down_common',
    };
    for (const i of waiters) this.functions.set(this.tasks[i]!, name[type]);
  }

  mutex(owner: number | undefined): bigint {
    return this.made.place('mutex', { owner: (owner === undefined ? 0n : this.tasks[owner]!) | 1n });
  }

  crashed(): { crashed: CrashedKernel; tasks: Map<bigint, Task> } {
    const crashed = this.made.crashed(this.symbols);
    return { crashed, tasks: new Map(this.tasks.map((address) => [address, readTask(crashed, address)])) };
  }

  wait(i: number): Wait | undefined {
    const { crashed, tasks } = this.crashed();
    const framesOf = (one: Task): Frame[] => {
      const symbol = this.functions.get(one.address);
      const frame = {
        offset: 1,
        module: undefined,
        found: 'orc',
        interrupted: false,
        registers: undefined,
      } as const;
      const sp = this.sp(this.tasks.indexOf(one.address));
      return [
        { ...frame, pc: asVaddr(1n), sp: asVaddr(sp), symbol: 'schedule' },
        { ...frame, pc: asVaddr(2n), sp: asVaddr(sp + 0x80n), symbol },
        { ...frame, pc: asVaddr(3n), sp: asVaddr(sp + 0x200n), symbol: 'vfs_write' },
      ];
    };
    return new LockWaits(crashed, tasks, framesOf).of(tasks.get(this.tasks[i]!)!);
  }

  holder(kind: LockKind, lock: bigint): readonly (bigint | string | undefined)[] {
    const { holder } = lockState(this.crashed().crashed, kind, lock);
    return [holder?.task, holder?.holds];
  }
}
