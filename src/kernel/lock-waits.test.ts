import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes } from '../../test/support/c-types.ts';
import { directMap } from '../../test/support/synthetic-kernel.ts';
import { asVaddr } from '../base/units.ts';
import type { CrashedKernel } from './crashed-kernel.ts';
import type { Frame } from './frame.ts';
import { LockWaits, type Wait } from './lock-waits.ts';
import { type LockKind, lockState } from './locks.ts';
import { readTask, type Task } from './tasks.ts';

const common = `struct list_head { struct list_head *next; struct list_head *prev; };
  struct thread_struct { unsigned long sp; };
  enum rwsem_waiter_type { RWSEM_WAITING_FOR_WRITE, RWSEM_WAITING_FOR_READ };
  struct mutex_waiter { struct list_head list; struct task_struct *task; };
  struct rwsem_waiter { struct list_head list; struct task_struct *task; enum rwsem_waiter_type type; };
  struct semaphore_waiter { struct list_head list; struct task_struct *task; bool up; };
  struct swait_queue { struct task_struct *task; struct list_head task_list; };
  struct swait_queue_head { unsigned int lock; struct list_head task_list; };
  struct wait_queue_entry { unsigned int flags; void *private; void *func; struct list_head entry; };
  struct wait_queue_head { unsigned int lock; struct list_head head; };
  struct completion { unsigned int done; struct swait_queue_head wait; };
  struct percpu_rw_semaphore { long writer; struct wait_queue_head waiters; };
  struct atomic_long { long counter; };
  struct rt_mutex_base { int wait_lock; struct task_struct *owner; };
  struct rt_mutex_waiter { struct task_struct *task; struct rt_mutex_base *lock; };`;
const task = (
  own: string,
): string => `struct task_struct { unsigned int __state; void *stack; unsigned int flags; int exit_state;
    int pid; int tgid; struct task_struct *real_parent; char comm[16]; struct rt_mutex_waiter *pi_blocked_on; ${own}
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
type Form = keyof typeof forms;

const stackSize = 16384;
/** From the saved stack pointer: where a waiter is, and where a word that points to a lock is. */
const waiterAt = 0x100;
const lockPointerAt = 0x40;

type WaiterType = 'mutex_waiter' | 'rwsem_waiter' | 'semaphore_waiter';
type LockType = 'mutex' | 'rw_semaphore' | 'semaphore';

class Machine {
  readonly made: CKernel;
  readonly form: Form;
  readonly tasks: bigint[] = [];
  /** The function on whose frame each task's waiter is. */
  readonly functions = new Map<bigint, string>();

  constructor(form: Form, tasks: number) {
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
        }),
      );
  }

  sp(i: number): bigint {
    return this.made.crashed().struct('task_struct', this.tasks[i]!).pointer('thread.sp');
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
    const crashed = this.made.crashed();
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

for (const form of ['with wait_list', 'with first_waiter'] as const) {
  describe(`locks ${form}`, () => {
    it('are found by waiters on stacks: a mutex', () => {
      const machine = new Machine(form, 3);
      const lock = machine.mutex(0);
      machine.block('mutex', 'mutex_waiter', lock, [1, 2]);
      for (const i of [1, 2])
        assert.deepEqual(machine.wait(i), { kind: 'mutex', lock, mode: undefined, found: 'stack' });
      assert.equal(machine.wait(0), undefined);
      assert.deepEqual(machine.holder('mutex', lock), [machine.tasks[0], 'certainly']);
    });

    it('are found by waiters on stacks: a rwsem, to read and to write', () => {
      const machine = new Machine(form, 3);
      const lock = machine.made.place('rw_semaphore', { count: 3, owner: machine.tasks[0]! });
      machine.block('rw_semaphore', 'rwsem_waiter', lock, [1, 2]);
      machine.waiter(2, 'rwsem_waiter', { type: 1 });
      assert.equal(machine.wait(1)?.mode, 'write');
      assert.deepEqual(machine.wait(2), { kind: 'rwsem', lock, mode: 'read', found: 'stack' });
      assert.deepEqual(machine.holder('rwsem', lock), [machine.tasks[0], 'certainly']);
    });

    it('are found by waiters on stacks: a semaphore', () => {
      const machine = new Machine(form, 2);
      const lock = machine.made.place('semaphore', { count: 0 });
      machine.block('semaphore', 'semaphore_waiter', lock, [1]);
      assert.deepEqual(machine.wait(1), { kind: 'semaphore', lock, mode: undefined, found: 'stack' });
    });

    it('are not seen in what an earlier wait left on a stack', () => {
      const machine = new Machine(form, 3);
      const lock = machine.mutex(0);
      machine.block('mutex', 'mutex_waiter', lock, [1, 2]);
      // Task 1 went on: the others are linked past it.
      const left = machine.waiter(2, 'mutex_waiter');
      if (form === 'with wait_list')
        machine.made.link(machine.made.member('mutex', lock, 'wait_list'), [left]);
      else machine.made.link(left, []);
      assert.equal(machine.wait(1), undefined);
    });

    it('are not seen where the lock does not bear it out', () => {
      const machine = new Machine(form, 2);
      // Without MUTEX_FLAG_WAITERS.
      const lock = machine.made.place('mutex', { owner: machine.tasks[0]! });
      machine.block('mutex', 'mutex_waiter', lock, [1]);
      assert.equal(machine.wait(1), undefined);
    });

    it('are not seen on the frame of a function that waits for something else', () => {
      const machine = new Machine(form, 2);
      machine.block('mutex', 'mutex_waiter', machine.mutex(0), [1]);
      machine.functions.set(machine.tasks[1]!, 'do_nanosleep');
      assert.equal(machine.wait(1), undefined);
    });

    it('are not found when another waiter of the ring is not in the dump', () => {
      const machine = new Machine(form, 3);
      machine.block('mutex', 'mutex_waiter', machine.mutex(0), [1, 2]);
      machine.made.kernel.memory.lose(Number(machine.sp(2) - directMap) / 4096, 'excluded');
      assert.equal(machine.wait(1), undefined);
    });

    it('are not found in a ring that does not close', () => {
      const machine = new Machine(form, 3);
      machine.block('mutex', 'mutex_waiter', machine.mutex(0), [1, 2]);
      const second = machine.waiter(2, 'mutex_waiter');
      machine.made.set('list_head', second, { next: second });
      assert.equal(machine.wait(1), undefined);
    });

    it('are found by waiters on stacks: a completion, and a percpu_rwsem', () => {
      const machine = new Machine(form, 2);
      const { made } = machine;
      const completion = made.place('completion');
      made.link(made.member('completion', completion, 'wait.task_list'), [
        made.member('swait_queue', machine.waiter(0, 'swait_queue'), 'task_list'),
      ]);
      machine.functions.set(machine.tasks[0]!, 'wait_for_completion');
      assert.deepEqual(machine.wait(0), {
        kind: 'completion',
        lock: completion,
        mode: undefined,
        found: 'stack',
      });
      const rwsem = made.place('percpu_rw_semaphore');
      made.link(made.member('percpu_rw_semaphore', rwsem, 'waiters.head'), [
        made.member('wait_queue_entry', machine.waiter(1, 'wait_queue_entry', { flags: 4 }), 'entry'),
      ]);
      machine.functions.set(machine.tasks[1]!, 'percpu_rwsem_wait');
      assert.deepEqual(machine.wait(1), { kind: 'percpu_rwsem', lock: rwsem, mode: 'read', found: 'stack' });
    });

    it('of which the task says it: an rt_mutex', () => {
      const machine = new Machine(form, 2);
      const { made } = machine;
      const lock = made.place('rt_mutex_base', { owner: machine.tasks[0]! | 1n });
      const waiter = made.place('rt_mutex_waiter', { task: machine.tasks[1]!, lock });
      made.set('task_struct', machine.tasks[1]!, { pi_blocked_on: waiter });
      assert.deepEqual(machine.wait(1), { kind: 'rt_mutex', lock, mode: undefined, found: 'pi_blocked_on' });
      assert.deepEqual(machine.holder('rt_mutex', lock), [machine.tasks[0], 'certainly']);
    });
  });
}

describe('what tasks say since 6.16', () => {
  it('is believed when the lock bears it out', () => {
    const machine = new Machine('with first_waiter', 3);
    const { made, tasks } = machine;
    const mutex = machine.mutex(0);
    machine.block('mutex', 'mutex_waiter', mutex, [1]);
    made.set('task_struct', tasks[1]!, { blocked_on: mutex });
    assert.equal(machine.wait(1)?.found, 'blocked_on');
    made.set('task_struct', tasks[1]!, { blocker: mutex });
    assert.equal(machine.wait(1)?.found, 'blocker');
    const semaphore = made.place('semaphore', { last_holder: tasks[0]! });
    machine.block('semaphore', 'semaphore_waiter', semaphore, [2]);
    made.set('task_struct', tasks[2]!, { blocker: semaphore | 1n });
    assert.deepEqual(machine.wait(2), {
      kind: 'semaphore',
      lock: semaphore,
      mode: undefined,
      found: 'blocker',
    });
    assert.deepEqual(machine.holder('semaphore', semaphore), [tasks[0], 'perhaps']);
  });

  it('is not believed of the past, nor of what is no lock', () => {
    const machine = new Machine('with first_waiter', 2);
    const { made, tasks } = machine;
    made.set('task_struct', tasks[1]!, { blocker: machine.mutex(0), blocked_on: 0xffff_ffff_ffff_ffffn });
    assert.equal(machine.wait(1), undefined);
    made.set('task_struct', tasks[1]!, { blocker: 0x1000n, blocked_on: 0n });
    assert.equal(machine.wait(1), undefined);
  });
});

describe('who holds a rwsem', () => {
  const of = (count: bigint, owner: bigint): readonly (string | bigint | number | undefined)[] => {
    const machine = new Machine('with wait_list', 1);
    const lock = machine.made.place('rw_semaphore', {
      count,
      owner: owner === 0n ? 0n : machine.tasks[0]! | owner,
    });
    const { holder, readers } = lockState(machine.crashed().crashed, 'rwsem', lock);
    return [holder?.task === undefined ? undefined : 'task', holder?.holds, readers];
  };

  it('is a writer, or readers of which one may be known, or nobody', () => {
    assert.deepEqual(of(0x3n, 0x8n & 0n), [undefined, undefined, 0]);
    assert.deepEqual(of(0x202n, 0x1n), ['task', 'perhaps', 2]);
    // Who read last is still written there.
    assert.deepEqual(of(0x2n, 0x1n), [undefined, undefined, 0]);
  });
});
