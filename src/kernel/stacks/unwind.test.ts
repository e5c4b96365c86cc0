import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type OrcForm, StackKernel } from '../../../test/support/stack-kernel.ts';
import { shown, unwindPid } from '../../../test/support/unwound.ts';
import { readStacks } from '../../tools/crash/bt.ts';
import { openCrashedKernel } from '../crashed-kernel.ts';
import { Missing } from '../missing.ts';
import { findTask } from '../tasks/tasks.ts';
import { Unwinder, unwindCpu } from './unwind.ts';

const callFrame = (spOffset: number) => ({ type: 'call', sp: 'sp', spOffset }) as const;

/** A thread that sleeps: start, work (32 bytes of locals), schedule (saves rbp at its frame's bottom). */
function sleeper(form: OrcForm = 'wide type') {
  const kernel = new StackKernel({ orc: form });
  const start = kernel.function('thread_start', { type: 'end', sp: 'sp', spOffset: 8 });
  const work = kernel.function('work', callFrame(40));
  const wait = kernel.function('wait', {
    type: 'call',
    sp: 'bp',
    spOffset: 16,
    bp: 'prev-sp',
    bpOffset: -16,
  });
  const schedule = kernel.function('schedule', callFrame(24));
  const switchTo = kernel.function('switch_to', callFrame(8));
  const returns = {
    start: kernel.call(start, work),
    work: kernel.call(work, wait),
    wait: kernel.call(wait, schedule),
    schedule: kernel.call(schedule, switchTo),
  };
  const stack = kernel.stack();
  const top = stack.end;
  kernel.put(top - 8n, returns.start);
  // work: 32 bytes of locals.
  kernel.put(top - 48n, returns.work);
  // wait: rbp pushed, then set to here; 48 bytes of locals.
  kernel.put(top - 56n, 0x1234n);
  const waitBp = top - 56n;
  kernel.put(waitBp - 56n, returns.wait);
  // schedule: 16 bytes of locals, then what switch_to leaves: r15 … rbx, bp, return address.
  const saved = waitBp - 56n - 16n - 56n;
  kernel.putWords(saved + 40n, [waitBp, returns.schedule]);
  kernel.task({ pid: 0, stack: kernel.stack() });
  kernel.task({ pid: 7, stack, saved: { sp: saved } });
  kernel.run(0, kernel.task({ pid: 1, stack: kernel.stack() }));
  return { kernel, stack, top, waitBp, returns, saved };
}

const sleeping = ['schedule+37 registers', 'wait+37 orc', 'work+37 orc', 'thread_start+37 orc'];

describe('Unwinder on x86_64: a task that sleeps', () => {
  for (const form of ['end bit', 'signal bit', 'wide type', 'renumbered'] as const) {
    it(`follows ORC with ${form}`, () => {
      const stack = unwindPid(sleeper(form).kernel, 7);
      assert.deepEqual(shown(stack), sleeping);
      assert.equal(stack.end, 'end of stack');
      assert.equal(stack.incomplete, undefined);
    });
  }

  it('ends before a page that is not in the dump, and names it', () => {
    const { kernel, stack, top, returns } = sleeper();
    // The same frames, far enough up that they lie on two pages.
    const page = top - 4096n;
    kernel.put(page - 8n, returns.wait);
    kernel.put(page - 8n + 56n, 0n);
    kernel.putWords(page - 8n - 16n - 16n, [page + 48n, returns.schedule]);
    kernel.putWords(page + 48n, [0n, returns.work]);
    kernel.put(page + 48n + 48n, returns.start);
    const crashedAt = page - 8n - 16n - 56n;
    kernel.task({ pid: 8, stack, saved: { sp: crashedAt } });
    kernel.lose(page);
    const found = unwindPid(kernel, 8);
    assert.deepEqual(shown(found), sleeping.slice(0, 2));
    assert.equal(found.end, 'incomplete');
    assert.match(found.incomplete!, /physical page 0x[0-9a-f]+ was filtered out/);
  });

  it('ends at a return address that is no text', () => {
    const { kernel, waitBp } = sleeper();
    kernel.put(waitBp - 56n, 0x4141_4141_4141_4141n);
    const found = unwindPid(kernel, 7);
    assert.deepEqual(shown(found), sleeping.slice(0, 1));
    assert.match(found.incomplete!, /return address at 0x[0-9a-f]+ is 0x4141414141414141, which is no text/);
  });

  it('ends at a return address that no call returns to', () => {
    const { kernel, waitBp } = sleeper();
    // Text, but the beginning of a function: a function pointer that was left there.
    kernel.put(waitBp - 56n, kernel.firstFunction + 0x100n);
    const found = unwindPid(kernel, 7);
    assert.deepEqual(shown(found), sleeping.slice(0, 1));
    assert.match(found.incomplete!, /where no call returns to/);
  });

  it('takes a breakpoint for the call that it replaced', () => {
    const { kernel, returns } = sleeper();
    kernel.putText(returns.work - 5n, [0xcc]);
    assert.deepEqual(shown(unwindPid(kernel, 7)), sleeping);
  });

  it('does not follow a frame pointer to another stack', () => {
    const { kernel, saved } = sleeper();
    const other = kernel.stack();
    kernel.put(saved + 40n, other.start + 0x800n);
    const found = unwindPid(kernel, 7);
    assert.deepEqual(shown(found), ['schedule+37 registers', 'wait+37 orc']);
    assert.match(found.incomplete!, /is no stack/);
  });

  it('does not go round', () => {
    const { kernel, saved, stack } = sleeper();
    kernel.put(saved + 40n, stack.start);
    const found = unwindPid(kernel, 7);
    assert.deepEqual(shown(found).slice(0, 1), sleeping.slice(0, 1));
    assert.equal(found.end, 'incomplete');
    assert.ok(found.frames.length < 4);
  });

  it('says when the saved stack pointer is not on the stack', () => {
    const { kernel } = sleeper();
    const stack = kernel.stack();
    kernel.task({ pid: 9, stack, saved: { sp: kernel.stack().start + 0x1000n } });
    const found = unwindPid(kernel, 9);
    assert.deepEqual(found.frames, []);
    assert.match(found.incomplete!, /is no stack|not on its stack/);
  });

  it('has nothing of a task that exited', () => {
    const { kernel } = sleeper();
    kernel.task({ pid: 9, stack: { start: 0n, end: 0n }, saved: { sp: 0n }, exitState: 32 });
    const { frames, end, incomplete } = unwindPid(kernel, 9);
    assert.deepEqual([frames, end, incomplete], [[], 'exited', undefined]);
  });

  it('ends where a task that never ran begins', () => {
    const { kernel } = sleeper();
    const fork = kernel.function('ret_from_fork', { type: 'end', sp: 'sp', spOffset: 0 });
    const stack = kernel.stack();
    const saved = stack.end - 168n - 56n;
    kernel.putWords(saved + 40n, [0n, fork]);
    kernel.task({ pid: 9, stack, saved: { sp: saved } });
    const found = unwindPid(kernel, 9);
    assert.deepEqual(shown(found), ['ret_from_fork+0 registers!']);
    assert.equal(found.end, 'end of stack');
  });
});

/** A CPU that was interrupted in work(), on whose irq stack a handler panicked; `spin` is what the other CPU does. */
function crashing(form: OrcForm = 'wide type') {
  const kernel = new StackKernel({ orc: form });
  const entry = kernel.function('entry_SYSCALL_64', { type: 'regs', sp: 'sp', spOffset: 0, signal: true });
  const work = kernel.function('work', callFrame(40));
  const asmIrq = kernel.function('asm_irq', { type: 'regs', sp: 'sp-indirect', spOffset: 0, signal: true });
  const handler = kernel.function('handler', callFrame(24));
  const panic = kernel.function('panic', {
    type: 'call',
    sp: 'bp',
    spOffset: 16,
    bp: 'prev-sp',
    bpOffset: -16,
  });
  const gap = kernel.function('__crash_kexec', { type: 'undefined' });
  const nmi = kernel.function('nmi', { type: 'partial', sp: 'sp', spOffset: 0, signal: true });
  const returns = {
    entry: kernel.call(entry, work),
    asmIrq: kernel.callIndirect(asmIrq),
    handler: kernel.call(handler, panic),
    panic: kernel.call(panic, gap),
  };
  const stack = kernel.stack();
  const user = stack.end - 168n;
  kernel.putWords(
    user,
    kernel.registerWords({ rip: 0x40_1000n, cs: 0x33n, rsp: 0x7ffc_0000n, orig_rax: 1n }),
  );
  kernel.put(user - 8n, returns.entry);
  const workSp = user - 8n - 32n;
  // asm_irq: pt_regs on the task's stack, then the handler runs on the irq stack, whose last word leads back.
  const regs = workSp - 168n - 8n;
  kernel.putWords(regs, kernel.registerWords({ rip: work + 0x50n, rsp: workSp, rbp: 0x77n }));
  const irq = kernel.irqStack(0);
  const panicSlot = irq.end - 8n - 8n - 24n;
  kernel.put(irq.end - 8n, regs);
  kernel.put(irq.end - 16n, returns.asmIrq);
  kernel.put(panicSlot, returns.handler);
  const gapSlot = panicSlot - 0x88n;
  kernel.put(gapSlot, returns.panic);
  kernel.task({ pid: 0, stack: kernel.stack() });
  const task = kernel.task({ pid: 5, stack });
  kernel.run(0, task);
  kernel.run(1, kernel.task({ pid: 6, stack: kernel.stack() }));
  const rsp = gapSlot - 0xc0n;
  kernel.saveRegisters(0, 5, { rip: gap + 0x40n, rsp, rbp: 0xdeadn });
  return { kernel, stack, irq, work, workSp, nmi, gapSlot, returns };
}

const crashed = [
  '__crash_kexec+64 registers!',
  'panic+37 call-site',
  'handler+37 call-site',
  'asm_irq+35 orc',
  'work+80 exception!',
  'entry_SYSCALL_64+37 orc',
];

describe('Unwinder on x86_64: a CPU', () => {
  for (const form of ['end bit', 'signal bit', 'wide type', 'renumbered'] as const) {
    it(`goes over a gap, from the interrupt stack to the task's, to user space, with ${form}`, () => {
      const stack = unwindCpu(crashing(form).kernel.open(), 0);
      assert.deepEqual(shown(stack), crashed);
      assert.equal(stack.end, 'user mode');
      assert.equal(stack.user?.pc, 0x40_1000n);
      assert.equal(stack.frames[4]?.registers?.framePointer, 0x77n);
    });
  }

  it('is what a task does that runs there', () => {
    const { kernel } = crashing();
    const task = kernel.open();
    assert.deepEqual(shown(new Unwinder(task).task(findTask(task, 5, new Missing())!)), crashed);
  });

  it('says of a CPU without registers that it has none', () => {
    const stack = unwindCpu(crashing().kernel.open(), 1);
    assert.deepEqual(stack.frames, []);
    assert.match(stack.incomplete!, /CPU 1 left no registers/);
  });

  it('has no frames in user mode', () => {
    const { kernel } = crashing();
    kernel.saveRegisters(1, 6, { rip: 0x40_2000n, cs: 0x33n });
    const stack = unwindCpu(kernel.open(), 1);
    assert.deepEqual(stack.frames, []);
    assert.equal(stack.end, 'user mode');
    assert.equal(stack.user?.pc, 0x40_2000n);
  });

  it('ends where nothing on the stack calls a function without ORC', () => {
    const { kernel, gapSlot, returns } = crashing();
    // Another function's call.
    kernel.put(gapSlot, returns.handler);
    const stack = unwindCpu(kernel.open(), 0);
    assert.deepEqual(shown(stack), crashed.slice(0, 1));
    assert.match(stack.incomplete!, /__crash_kexec has no ORC entry, and no call to it is on the stack/);
  });

  it('does not come back to a stack that it left', () => {
    const { kernel, irq, work } = crashing();
    // The interrupted frame would have been on the interrupt stack itself.
    kernel.putWords(irq.start + 0x800n, kernel.registerWords({ rip: work + 0x50n, rsp: irq.start + 0x100n }));
    kernel.put(irq.end - 8n, irq.start + 0x800n);
    const stack = unwindCpu(kernel.open(), 0);
    assert.deepEqual(shown(stack), crashed.slice(0, 4));
    assert.match(stack.incomplete!, /back to/);
  });

  it('goes from the NMI stack to where the NMI hit', () => {
    const { kernel, nmi, work, workSp, stack } = crashing();
    const own = kernel.nmiStack(1);
    kernel.putWords(own.end - 40n, [work + 0x60n, 0x10n, 2n, workSp, 0x18n]);
    kernel.run(1, kernel.task({ pid: 8, stack }));
    kernel.saveRegisters(1, 8, { rip: nmi + 0x10n, rsp: own.end - 40n });
    const found = unwindCpu(kernel.open(), 1);
    assert.deepEqual(shown(found), ['nmi+16 registers!', 'work+96 exception!', 'entry_SYSCALL_64+37 orc']);
  });

  it('goes on from a stack that ran over, and says so', () => {
    const { kernel, work } = crashing();
    const stack = kernel.stack();
    kernel.run(1, kernel.task({ pid: 9, stack }));
    kernel.put(stack.start + 0x10n, kernel.callIndirect(work, 0x80n));
    kernel.saveRegisters(1, 9, { rip: work + 0x10n, rsp: stack.start - 16n });
    const found = unwindCpu(kernel.open(), 1);
    assert.deepEqual(shown(found).slice(0, 2), ['work+16 registers!', 'work+131 orc']);
    assert.match(found.remarks[0]!, /task stack ran over: the stack pointer is 16 bytes below/);
  });

  it('shows a jump to a null pointer by the call that made it', () => {
    const { kernel, work, workSp } = crashing();
    kernel.put(workSp - 8n, kernel.callIndirect(work, 0x80n));
    kernel.saveRegisters(0, 5, { rip: 0n, rsp: workSp - 8n });
    const found = unwindCpu(kernel.open(), 0);
    assert.deepEqual(shown(found), ['0x0+? registers!', 'work+131 call-site', 'entry_SYSCALL_64+37 orc']);
    assert.equal(found.end, 'user mode');
  });

  it('says when there are no symbols', () => {
    const { kernel } = crashing();
    kernel.open();
    kernel.kernel.addInfo({ 'SYMBOL(kallsyms_names)': 'none' });
    const found = unwindCpu(kernel.reopen(), 0);
    assert.deepEqual(found.frames, []);
    assert.match(found.incomplete!, /no symbol _etext/);
  });

  it('ends at once when registers point nowhere', () => {
    const { kernel } = crashing();
    kernel.saveRegisters(0, 5, { rip: 0x1234_5678n, rsp: 0xffff_dead_0000_0000n });
    const found = unwindCpu(kernel.open(), 0);
    assert.equal(found.frames.length, 1);
    assert.match(found.incomplete!, /is no stack/);
  });

  it('uses the stack of the task that the registers are of, in the middle of a switch', () => {
    const { kernel } = crashing();
    kernel.run(0, kernel.task({ pid: 11, stack: kernel.stack() }));
    assert.deepEqual(shown(unwindCpu(kernel.open(), 0)), crashed);
  });

  it('shows frames of code that was freed', () => {
    const { kernel, workSp, work } = crashing();
    const boot = kernel.freedFunction('start_kernel', { type: 'end', sp: 'sp', spOffset: 8 });
    kernel.put(workSp + 32n, boot + 0x40n);
    kernel.saveRegisters(0, 5, { rip: work + 0x10n, rsp: workSp });
    const found = unwindCpu(kernel.open(), 0);
    assert.deepEqual(shown(found), ['work+16 registers!', 'start_kernel+64 orc']);
    assert.equal(found.end, 'end of stack');
  });
});

describe('a CPU of which nothing but its registers is known', () => {
  const unknown = ['__cpu_online_mask', '__cpu_possible_mask', 'runqueues', 'crash_notes', 'crashing_cpu'];

  it('shows its stack, and says what that is taken for', () => {
    const kernel = new StackKernel({ arch: 'arm64' });
    const start = kernel.function('start');
    const crash = kernel.function('__crash_kexec');
    const returns = kernel.call(start, crash);
    const top = kernel.stack().end;
    kernel.putWords(top - 64n, [top - 32n, returns]);
    for (const name of [...unknown, 'irq_stack_ptr']) delete kernel.kernel.info[`SYMBOL(${name})`];
    const at = { sp: top - 64n, x29: top - 64n, x30: returns };
    const crashed = kernel.open([
      { pid: 8, registers: { ...at, pc: start + 8n } },
      { pid: 9, registers: { ...at, pc: crash + 8n } },
    ]);
    const { cpus } = readStacks(crashed, { of: 'CPUs' });
    assert.deepEqual(
      cpus.map(({ cpu, pid, comm, crashed: isCrashed }) => [cpu, pid, comm, isCrashed]),
      [
        [0, 8, null, false],
        [1, 9, null, true],
      ],
    );
    const stack = unwindCpu(crashed, 1);
    assert.deepEqual(shown(stack), ['__crash_kexec+8 registers!', 'start+36 frame-pointer']);
    assert.equal(stack.end, 'end of stack');
    assert.match(stack.remarks[0]!, /^which CPU this was is not certain: .*no symbol __cpu_online_mask/);
    assert.match(
      stack.remarks.at(-1)!,
      /^nothing tells how far the stack at 0x\w+ goes: taken for one of 16384/,
    );
  });

  it('shows where it was when the ORC tables cannot be found', () => {
    const kernel = new StackKernel();
    const work = kernel.function('work', callFrame(8));
    kernel.function('orc_sort_cmp', callFrame(8));
    const { start, end } = kernel.stack();
    kernel.putWords(
      start,
      Array.from({ length: Number(end - start) / 8 }, () => work + 4n),
    );
    kernel.run(0, kernel.task({ pid: 1, stack: { start, end } }));
    kernel.saveRegisters(0, 1, { rip: work + 4n, rsp: end - 64n, rbp: end - 32n });
    assert.ok(unwindCpu(kernel.open(), 0).frames.length > 1);
    delete kernel.kernel.info['SYMBOL(__start_orc_unwind_ip)'];
    const stack = unwindCpu(openCrashedKernel(kernel.kernel.dump()), 0);
    assert.deepEqual(shown(stack), ['work+4 registers!']);
    assert.match(stack.incomplete!, /no symbol __start_orc_unwind_ip/);
  });
});
