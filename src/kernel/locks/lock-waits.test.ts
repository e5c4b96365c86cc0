import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes } from '../../../test/support/c-types.ts';
import { LockKernel } from '../../../test/support/lock-kernel.ts';
import { directMap } from '../../../test/support/synthetic-kernel.ts';
import { lockState } from './locks.ts';

for (const form of ['with wait_list', 'with first_waiter'] as const) {
  describe(`locks ${form}`, () => {
    it('are found by waiters on stacks: a mutex', () => {
      const machine = new LockKernel(form, 3);
      const lock = machine.mutex(0);
      machine.block('mutex', 'mutex_waiter', lock, [1, 2]);
      for (const i of [1, 2])
        assert.deepEqual(machine.wait(i), { kind: 'mutex', lock, mode: undefined, found: 'stack' });
      assert.equal(machine.wait(0), undefined);
      assert.deepEqual(machine.holder('mutex', lock), [machine.tasks[0], 'certainly']);
    });

    it('are found by waiters on stacks: a rwsem, to read and to write', () => {
      const machine = new LockKernel(form, 3);
      const lock = machine.made.place('rw_semaphore', { count: 3, owner: machine.tasks[0]! });
      machine.block('rw_semaphore', 'rwsem_waiter', lock, [1, 2]);
      machine.waiter(2, 'rwsem_waiter', { type: 1 });
      assert.equal(machine.wait(1)?.mode, 'write');
      assert.deepEqual(machine.wait(2), { kind: 'rwsem', lock, mode: 'read', found: 'stack' });
      assert.deepEqual(machine.holder('rwsem', lock), [machine.tasks[0], 'certainly']);
    });

    it('are found by waiters on stacks: a semaphore', () => {
      const machine = new LockKernel(form, 2);
      const lock = machine.made.place('semaphore', { count: 0 });
      machine.block('semaphore', 'semaphore_waiter', lock, [1]);
      assert.deepEqual(machine.wait(1), { kind: 'semaphore', lock, mode: undefined, found: 'stack' });
    });

    it('are not seen in what an earlier wait left on a stack', () => {
      const machine = new LockKernel(form, 3);
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
      const machine = new LockKernel(form, 2);
      // Without MUTEX_FLAG_WAITERS.
      const lock = machine.made.place('mutex', { owner: machine.tasks[0]! });
      machine.block('mutex', 'mutex_waiter', lock, [1]);
      assert.equal(machine.wait(1), undefined);
    });

    it('are not seen on the frame of a function that waits for something else', () => {
      const machine = new LockKernel(form, 2);
      machine.block('mutex', 'mutex_waiter', machine.mutex(0), [1]);
      machine.functions.set(machine.tasks[1]!, 'do_nanosleep');
      assert.equal(machine.wait(1), undefined);
    });

    it('are not found when another waiter of the ring is not in the dump', () => {
      const machine = new LockKernel(form, 3);
      machine.block('mutex', 'mutex_waiter', machine.mutex(0), [1, 2]);
      machine.made.kernel.memory.lose(Number(machine.sp(2) - directMap) / 4096, 'excluded');
      assert.equal(machine.wait(1), undefined);
    });

    it('are not found in a ring that does not close', () => {
      const machine = new LockKernel(form, 3);
      machine.block('mutex', 'mutex_waiter', machine.mutex(0), [1, 2]);
      const second = machine.waiter(2, 'mutex_waiter');
      machine.made.set('list_head', second, { next: second });
      assert.equal(machine.wait(1), undefined);
    });

    it('are found by waiters on stacks: a completion, and a percpu_rwsem', () => {
      const machine = new LockKernel(form, 2);
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
      const machine = new LockKernel(form, 2);
      const { made } = machine;
      const lock = made.place('rt_mutex_base', { owner: machine.tasks[0]! | 1n });
      const waiter = made.place('rt_mutex_waiter', { task: machine.tasks[1]!, lock });
      const top = made.place('rb_node', { left: waiter });
      made.set('rt_mutex_waiter', waiter, { 'tree.entry.parent': top | 1n });
      made.set('task_struct', machine.tasks[1]!, { pi_blocked_on: waiter });
      assert.equal(machine.wait(1), undefined, 'the lock does not know it');
      made.set('rt_mutex_base', lock, { waiters: top });
      assert.deepEqual(machine.wait(1), { kind: 'rt_mutex', lock, mode: undefined, found: 'pi_blocked_on' });
      assert.deepEqual(machine.holder('rt_mutex', lock), [machine.tasks[0], 'certainly']);
      made.set('rb_node', top, { parent: waiter });
      assert.equal(machine.wait(1), undefined, 'its tree goes round');
    });
  });
}

describe('bits', () => {
  /** A wait_queue_entry on task 0's stack that wakes with a function, in a queue. */
  const queued = (
    structure: 'wait_page_queue' | 'wait_bit_queue_entry',
    values: Record<string, bigint | number>,
  ): LockKernel => {
    const machine = new LockKernel('with first_waiter', 1);
    const { made } = machine;
    const [page, bit] = [made.space(8), made.space(8)];
    Object.assign(machine.symbols, { wake_page_function: page, wake_bit_function: bit });
    const waiter = machine.sp(0) + 0x100n;
    const member = structure === 'wait_page_queue' ? 'wait' : 'wq_entry';
    made.set(structure, waiter, {
      [`${member}.private`]: machine.tasks[0]!,
      [`${member}.func`]: structure === 'wait_page_queue' ? page : bit,
      ...values,
    });
    made.link(made.place('wait_queue_head') + 8n, [made.member(structure, waiter, `${member}.entry`)]);
    return machine;
  };

  it('of a folio are its lock, its writeback, or another', () => {
    for (const [bit, kind] of [
      [0, 'folio lock'],
      [3, 'folio writeback'],
      [5, 'folio bit'],
    ] as const) {
      const machine = queued('wait_page_queue', { folio: 0x4711n, bit_nr: bit });
      assert.deepEqual(machine.wait(0), { kind, lock: 0x4711n, mode: undefined, found: 'stack' });
      assert.deepEqual(machine.holder(kind, 0x4711n), [undefined, undefined]);
    }
  });

  it('of a word are told', () => {
    const machine = queued('wait_bit_queue_entry', { 'key.flags': 0x4712n });
    assert.deepEqual(machine.wait(0), { kind: 'bit', lock: 0x4712n, mode: undefined, found: 'stack' });
  });

  it('are not waited for by what is in no queue any more', () => {
    const machine = queued('wait_page_queue', { folio: 0x4711n });
    machine.made.link(machine.made.member('wait_page_queue', machine.sp(0) + 0x100n, 'wait.entry'), []);
    assert.equal(machine.wait(0), undefined);
  });
});

describe('what tasks say since 6.16', () => {
  it('is believed when the lock bears it out', () => {
    const machine = new LockKernel('with first_waiter', 3);
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
    const machine = new LockKernel('with first_waiter', 2);
    const { made, tasks } = machine;
    made.set('task_struct', tasks[1]!, { blocker: machine.mutex(0), blocked_on: 0xffff_ffff_ffff_ffffn });
    assert.equal(machine.wait(1), undefined);
    made.set('task_struct', tasks[1]!, { blocker: 0x1000n, blocked_on: 0n });
    assert.equal(machine.wait(1), undefined);
  });
});

describe('who holds a rwsem', () => {
  const of = (count: bigint, owner: bigint): readonly (string | bigint | number | undefined)[] => {
    const machine = new LockKernel('with wait_list', 1);
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

it('a rwsem before 5.3 has an owner, or bit 0 for readers', () => {
  const made = new CKernel(
    new CTypes(
      'struct task_struct { int pid; }; struct rw_semaphore { long count; struct task_struct *owner; };',
    ),
  );
  const of = (owner: bigint): readonly (bigint | string | number | undefined)[] => {
    const { holder, readers } = lockState(
      made.crashed(),
      'rwsem',
      made.place('rw_semaphore', { count: -1n, owner }),
    );
    return [holder?.task, holder?.holds, readers];
  };
  assert.deepEqual(of(0x4000n), [0x4000n, 'certainly', undefined]);
  assert.deepEqual(of(1n), [undefined, undefined, undefined]);
  assert.deepEqual(of(0n), [undefined, undefined, undefined]);
});
