import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LockKernel } from '../../../test/support/lock-kernel.ts';
import { listLocks } from './locks.ts';

/** Task 0 holds a mutex that 1 waits for, and so on round; and the last of all waits for 0's. */
function circle(): LockKernel {
  const machine = new LockKernel('with first_waiter', 4);
  const mutexes = [0, 1, 2].map((owner) => machine.mutex(owner));
  const waits = [
    [0, 2],
    [1, 0],
    [2, 1],
  ] as const;
  for (const [waiter, owner] of waits) {
    machine.block('mutex', 'mutex_waiter', mutexes[owner]!, [waiter]);
    machine.made.set('task_struct', machine.tasks[waiter]!, { blocker: mutexes[owner]! });
  }
  return machine;
}

describe('locks', () => {
  it('have tasks that wait, who holds them, since when', () => {
    const machine = circle();
    const { waiting } = listLocks(machine.made.crashed(machine.symbols));
    assert.deepEqual(
      waiting.map(({ pid, state, seconds, lock }) => [pid, state, seconds, lock?.kind, lock?.holder?.pid]),
      [
        [100, 'D', 5, 'mutex', 102],
        [101, 'D', 5, 'mutex', 100],
        [102, 'D', 5, 'mutex', 101],
        [103, 'D', 5, undefined, undefined],
      ],
    );
  });

  it('that are waited for in a circle are a deadlock', () => {
    const machine = circle();
    const { deadlocks } = listLocks(machine.made.crashed(machine.symbols));
    assert.deepEqual(
      deadlocks.map((tasks) => tasks.map(({ pid }) => pid)),
      [[100, 102, 101]],
    );
  });

  it('on stacks and of address spaces have names; a holder that is gone has none', () => {
    const machine = new LockKernel('with first_waiter', 2);
    const { made } = machine;
    const lock = machine.sp(0) + 0x400n;
    made.set('mutex', lock, { owner: 0xffff_8880_00aa_0001n });
    machine.block('mutex', 'mutex_waiter', lock, [1]);
    made.set('task_struct', machine.tasks[1]!, { blocker: lock });
    const { waiting } = listLocks(made.crashed(machine.symbols));
    const { lock: found } = waiting.find(({ pid }) => pid === 101)!;
    assert.equal(found?.name, 'on the stack of 100 task 0');
    assert.deepEqual(found?.holder, {
      pid: null,
      comm: null,
      address: '0xffff888000aa0000',
      holds: 'certainly',
    });
  });
});
