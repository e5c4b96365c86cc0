import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StackKernel } from '../../../test/support/stack-kernel.ts';
import { shown, unwindPid } from '../../../test/support/unwound.ts';
import { unwindCpu } from './unwind.ts';

/** struct pt_regs with its frame record, as stack-types.ts has it. */
const ptRegs = { size: 0x130n, record: 272n } as const;
type Form = 'by values' | 'by kind';

/** A thread that sleeps, and on CPU 0 a task that was interrupted while it worked for user space; the handler runs on the irq stack. */
function arm64(form: Form = 'by values') {
  const kernel = new StackKernel({ arch: 'arm64', recordMeta: form === 'by kind' });
  const fork = kernel.function('ret_from_fork');
  const work = kernel.function('work');
  const schedule = kernel.function('schedule');
  const switchTo = kernel.function('cpu_switch_to');
  const el0 = kernel.function('el0t_64_sync');
  const el1 = kernel.function('el1h_64_irq');
  const handler = kernel.function('handler');
  const panic = kernel.function('panic');
  const leaf = kernel.function('leaf');
  const returns = {
    fork: kernel.callIndirect(fork),
    work: kernel.call(work, schedule),
    schedule: kernel.call(schedule, switchTo),
    el0: kernel.call(el0, work),
    el1: kernel.call(el1, handler),
    handler: kernel.call(handler, panic),
    workToLeaf: kernel.call(work, leaf, 0x40n),
  };
  kernel.task({ pid: 0, stack: kernel.stack() });

  const sleeping = kernel.stack();
  const bottom = sleeping.end - ptRegs.size;
  kernel.putWords(bottom, kernel.registerWords({ pstate: 5n }));
  if (form === 'by kind') kernel.put(bottom + ptRegs.record + 16n, 1n);
  const records = [sleeping.end - 0x400n, sleeping.end - 0x300n, bottom + ptRegs.record];
  kernel.putWords(records[0]!, [records[1]!, returns.work]);
  kernel.putWords(records[1]!, [records[2]!, returns.fork]);
  kernel.task({
    pid: 7,
    stack: sleeping,
    saved: { sp: records[0]! - 0x20n, fp: records[0]!, pc: returns.schedule },
  });

  const stack = kernel.stack();
  const user = stack.end - ptRegs.size;
  kernel.putWords(user, kernel.registerWords({ pc: 0x40_1000n, sp: 0x7ffc_0000n, pstate: 0n, x8: 64n }));
  if (form === 'by kind') kernel.put(user + ptRegs.record + 16n, 1n);
  const workRecord = user - 0x40n;
  kernel.putWords(workRecord, [user + ptRegs.record, returns.el0]);
  // The interrupt: pt_regs on the task's stack, its record leads on to what was interrupted.
  const regs = workRecord - 0x20n - ptRegs.size;
  const interrupt = (registers: Readonly<Record<string, bigint>>): void => {
    kernel.putWords(regs, kernel.registerWords(registers));
    const pc = registers.pc ?? 0n;
    const fp = registers.x29 ?? 0n;
    kernel.putWords(regs + ptRegs.record, form === 'by kind' ? [0n, 0n, 2n] : [fp, pc]);
  };
  interrupt({ pc: work + 0x50n, x29: workRecord, x30: work + 0x24n, sp: workRecord });
  const irq = kernel.irqStack(0);
  const handlerRecord = irq.end - 0x40n;
  kernel.putWords(handlerRecord, [regs + ptRegs.record, returns.el1]);
  const panicRecord = irq.end - 0x100n;
  kernel.putWords(panicRecord, [handlerRecord, returns.handler]);
  kernel.run(0, kernel.task({ pid: 5, stack }));
  kernel.run(1, kernel.task({ pid: 6, stack: kernel.stack() }));
  const registers = { pc: panic + 0x60n, sp: panicRecord - 0x30n, x29: panicRecord, x30: panic + 0x44n };
  kernel.saveRegisters(0, 5, registers);
  return {
    kernel,
    stack,
    records,
    returns,
    work,
    leaf,
    workRecord,
    panicRecord,
    handlerRecord,
    interrupt,
    registers,
  };
}

const asleep = ['schedule+36 registers', 'work+36 frame-pointer', 'ret_from_fork+36 frame-pointer'];
const crashed = [
  'panic+96 registers!',
  'handler+36 frame-pointer',
  'el1h_64_irq+36 frame-pointer',
  'work+80 exception!',
  'el0t_64_sync+36 frame-pointer',
];

for (const form of ['by values', 'by kind'] as const) {
  describe(`Unwinder on arm64, records of exceptions told ${form}`, () => {
    it('follows frame records of a task that sleeps', () => {
      const stack = unwindPid(arm64(form).kernel, 7);
      assert.deepEqual(shown(stack), asleep);
      assert.equal(stack.end, 'end of stack');
    });

    it('goes from the interrupt stack over an exception to user space', () => {
      const stack = unwindCpu(arm64(form).kernel.open(), 0);
      assert.deepEqual(shown(stack), crashed);
      assert.equal(stack.end, 'user mode');
      assert.equal(stack.user?.pc, 0x40_1000n);
      assert.equal(stack.frames[3]?.registers?.get('x30'), stack.frames[3]!.pc - 0x2cn);
    });

    it('finds the caller of a leaf function that was interrupted in x30', () => {
      const { kernel, interrupt, leaf, workRecord, returns } = arm64(form);
      interrupt({ pc: leaf + 0x10n, x29: workRecord, x30: returns.workToLeaf, sp: workRecord });
      assert.deepEqual(shown(unwindCpu(kernel.open(), 0)), [
        ...crashed.slice(0, 3),
        'leaf+16 exception!',
        'work+68 call-site',
        'el0t_64_sync+36 frame-pointer',
      ]);
    });
  });
}

describe('Unwinder on arm64', () => {
  it('shows a caller once when x30 and the record both name it', () => {
    const { kernel, registers, returns } = arm64();
    kernel.saveRegisters(0, 5, { ...registers, x30: returns.handler });
    assert.deepEqual(shown(unwindCpu(kernel.open(), 0)), crashed);
  });

  it('takes the signature off return addresses', () => {
    const { kernel, records, returns } = arm64();
    const mask = 0x7f_0000_0000_0000n;
    kernel.kernel.addInfo({ 'NUMBER(KERNELPACMASK)': `0x${mask.toString(16)}` });
    kernel.put(records[0]! + 8n, (returns.work & ~mask) | 0x2a_0000_0000_0000n);
    assert.deepEqual(shown(unwindPid(kernel, 7)), asleep);
  });

  it('ends before a page that is not in the dump, and names it', () => {
    const { kernel } = arm64();
    const stack = kernel.stack();
    const low = stack.start + 0x100n;
    kernel.putWords(low, [stack.start + 0x1100n, kernel.callIndirect(kernel.firstFunction, 0x60n)]);
    kernel.task({ pid: 8, stack, saved: { sp: low, fp: low, pc: kernel.firstFunction + 0x24n } });
    kernel.lose(stack.start + 0x1100n);
    const found = unwindPid(kernel, 8);
    assert.deepEqual(shown(found), ['ret_from_fork+36 registers', 'ret_from_fork+100 frame-pointer']);
    assert.match(found.incomplete!, /physical page 0x[0-9a-f]+ was filtered out/);
  });

  it('ends at records that go round', () => {
    const { kernel, records } = arm64();
    kernel.put(records[1]!, records[0]!);
    const found = unwindPid(kernel, 7);
    assert.deepEqual(shown(found), asleep);
    assert.match(found.incomplete!, /back to/);
  });

  it('ends at a record that leads off the stack', () => {
    const { kernel, records } = arm64();
    kernel.put(records[0]!, kernel.stack().start + 0x100n);
    const found = unwindPid(kernel, 7);
    assert.deepEqual(shown(found), asleep.slice(0, 2));
    assert.match(found.incomplete!, /is no stack/);
  });

  it('ends at a return address that is none', () => {
    const { kernel, records, work } = arm64();
    kernel.put(records[0]! + 8n, work + 0x10n);
    const found = unwindPid(kernel, 7);
    assert.deepEqual(shown(found), asleep.slice(0, 1));
    assert.match(found.incomplete!, /where no call returns to/);
  });

  it('says that the stack ran over below an exception', () => {
    const { kernel, interrupt, stack, work, workRecord } = arm64();
    interrupt({ pc: work + 0x50n, x29: workRecord, x30: work + 0x24n, sp: stack.start - 48n });
    const found = unwindCpu(kernel.open(), 0);
    assert.match(found.remarks[0] ?? '', /the task stack ran over: the stack pointer is 48 bytes below/);
  });

  it('shows a jump to a null pointer by the call that made it', () => {
    const { kernel, workRecord, work } = arm64();
    const x30 = kernel.callIndirect(work, 0x60n);
    kernel.saveRegisters(0, 5, { pc: 0n, sp: workRecord, x29: workRecord, x30 });
    const found = unwindCpu(kernel.open(), 0);
    assert.deepEqual(shown(found), [
      '0x0+? registers!',
      'work+100 registers',
      'el0t_64_sync+36 frame-pointer',
    ]);
  });

  it('ends at once when registers point nowhere', () => {
    const { kernel } = arm64();
    kernel.saveRegisters(0, 5, { pc: 0x1234n, sp: 0xffff_dead_0000_0000n, x29: 8n, x30: 0x77n });
    const found = unwindCpu(kernel.open(), 0);
    assert.equal(found.frames.length, 1);
    assert.match(found.incomplete!, /x30 follows no call/);
  });
});
