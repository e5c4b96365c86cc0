import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StackKernel } from '../../../test/support/stack-kernel.ts';
import { shown, unwindPid } from '../../../test/support/unwound.ts';
import { unwindCpu } from './unwind.ts';

/** Kernel thread 7 sleeps; on CPU 0 a task of user space was interrupted in work(), and the handler, on the interrupt stack, panicked. */
function framed() {
  const kernel = new StackKernel();
  const entry = kernel.function('entry_SYSCALL_64');
  const work = kernel.function('work');
  const asmIrq = kernel.function('asm_irq');
  const handler = kernel.function('handler');
  const panic = kernel.function('panic');
  const fork = kernel.function('ret_from_fork');
  const returns = {
    entry: kernel.call(entry, work),
    work: kernel.call(work, panic),
    asmIrq: kernel.call(asmIrq, handler),
    handler: kernel.call(handler, panic),
    fork: kernel.callIndirect(fork),
  };
  kernel.task({ pid: 0, stack: kernel.stack() });

  const sleeping = kernel.stack();
  // Below the place of a pt_regs: the return address to ret_from_fork, and rbp as it was in the beginning.
  const first = sleeping.end - 168n - 16n;
  kernel.putWords(first, [0n, returns.fork]);
  const second = first - 0x100n;
  kernel.putWords(second, [first, returns.work]);
  const saved = second - 0x80n;
  kernel.putWords(saved + 40n, [second, returns.handler]);
  kernel.task({ pid: 7, stack: sleeping, saved: { sp: saved } });

  const stack = kernel.stack();
  const user = stack.end - 168n;
  kernel.putWords(user, kernel.registerWords({ rip: 0x40_1000n, cs: 0x33n }));
  const workBp = user - 16n;
  kernel.putWords(workBp, [0n, returns.entry]);
  const regs = workBp - 0x40n - 168n;
  const interrupt = (registers: Readonly<Record<string, bigint>>): void =>
    kernel.putWords(regs, kernel.registerWords(registers));
  interrupt({ rip: work + 0x50n, rsp: workBp - 0x40n, rbp: workBp });
  const irq = kernel.irqStack(0);
  // What the switch of stacks pushed: the encoded pt_regs.
  const handlerBp = irq.end - 32n;
  kernel.putWords(handlerBp, [regs + 1n, returns.asmIrq]);
  const panicBp = irq.end - 0x100n;
  kernel.putWords(panicBp, [handlerBp, returns.handler]);
  kernel.run(0, kernel.task({ pid: 5, stack }));
  kernel.run(1, kernel.task({ pid: 6, stack: kernel.stack() }));
  kernel.saveRegisters(0, 5, { rip: panic + 0x60n, rsp: panicBp - 0x40n, rbp: panicBp });
  return { kernel, first, second, panic, work, workBp, handlerBp, interrupt, returns };
}

const asleep = ['handler+37 registers', 'work+37 frame-pointer', 'ret_from_fork+35 frame-pointer'];
const crashed = [
  'panic+96 registers!',
  'handler+37 frame-pointer',
  'asm_irq+37 frame-pointer',
  'work+80 exception!',
  'entry_SYSCALL_64+37 frame-pointer',
];

describe('Unwinder on x86_64 without ORC', () => {
  it('follows rbp of a task that sleeps', () => {
    const stack = unwindPid(framed().kernel, 7);
    assert.deepEqual(shown(stack), asleep);
    assert.equal(stack.end, 'end of stack');
  });

  it('goes from the interrupt stack over a pt_regs to user space', () => {
    const stack = unwindCpu(framed().kernel.open(), 0);
    assert.deepEqual(shown(stack), crashed);
    assert.equal(stack.end, 'user mode');
    assert.equal(stack.user?.pc, 0x40_1000n);
  });

  it('finds the caller of a function that had not set rbp yet', () => {
    for (const pushed of [0n, 8n]) {
      const { kernel, interrupt, panic, workBp, returns } = framed();
      const slot = workBp - 0x20n;
      kernel.put(slot, returns.work);
      interrupt({ rip: panic + 4n + pushed, rsp: slot - pushed, rbp: workBp });
      assert.deepEqual(shown(unwindCpu(kernel.open(), 0)).slice(3), [
        `panic+${4n + pushed} exception!`,
        'work+37 call-site',
        'entry_SYSCALL_64+37 frame-pointer',
      ]);
    }
  });

  it('ends where rbp is 0 too early, goes round, or leads off the stack', () => {
    for (const [bp, why] of [
      [0n, /rbp is 0/],
      [-1n, /back to/],
      [0x1238n, /is no stack/],
    ] as const) {
      const { kernel, second } = framed();
      kernel.put(second, bp < 0n ? second : bp);
      const stack = unwindPid(kernel, 7);
      assert.deepEqual(shown(stack), asleep.slice(0, 2));
      assert.match(stack.incomplete!, why);
    }
  });

  it('ends at a return address that is none', () => {
    const { kernel, second, work } = framed();
    kernel.put(second + 8n, work + 0x10n);
    assert.match(unwindPid(kernel, 7).incomplete!, /where no call returns to/);
  });
});
