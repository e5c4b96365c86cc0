import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StackKernel } from '../../../test/support/stack-kernel.ts';
import { shown, unwindPid } from '../../../test/support/unwound.ts';

/** Task 7 sleeps in work(), which thread_start() called; the return address to there was taken. */
function traced(trampoline: string, shadowStack: 'array' | 'words' = 'words') {
  const kernel = new StackKernel({ shadowStack });
  const start = kernel.function('thread_start', { type: 'end' });
  const work = kernel.function('work', { type: 'call', sp: 'sp', spOffset: 40 });
  const schedule = kernel.function('schedule', { type: 'call', sp: 'sp', spOffset: 8 });
  const handler = kernel.function(trampoline, { type: 'undefined' });
  const returns = { start: kernel.call(start, work), work: kernel.call(work, schedule) };
  const stack = kernel.stack();
  const slot = stack.end - 8n;
  kernel.put(slot, handler);
  const saved = slot - 32n - 56n;
  kernel.putWords(saved + 40n, [0n, returns.work]);
  kernel.task({ pid: 0, stack: kernel.stack() });
  const task = kernel.task({ pid: 7, stack, saved: { sp: saved } });
  kernel.run(0, kernel.task({ pid: 1, stack: kernel.stack() }));
  return { kernel, slot, task, back: returns.start, handler };
}

const whole = ['work+37 registers', 'thread_start+37 orc'];

describe('ReturnHooks', () => {
  for (const shadowStack of ['array', 'words'] as const)
    it(`finds what the function graph tracer took (${shadowStack})`, () => {
      const { kernel, slot, task, back } = traced('return_to_handler', shadowStack);
      const entries = kernel.allocate(4096);
      const isArray = shadowStack === 'array';
      // An older entry of the same place, ours, and another frame's.
      const entry = [
        [1n, 2n, slot],
        [back, 3n, slot],
        [4n, 5n, slot - 64n],
      ];
      entry.forEach((words, i) => {
        kernel.putWords(entries + BigInt(i * (isArray ? 24 : 32)), words);
      });
      kernel.putTask(task, 'shadowStack', entries);
      kernel.putTask(task, 'shadowTop', isArray ? 2n : 12n);
      const stack = unwindPid(kernel, 7);
      assert.deepEqual(shown(stack), whole);
      assert.match(stack.remarks[0]!, /function graph tracer took the return address of frame 0/);
    });

  it('finds what return probes took', () => {
    const { kernel, slot, task, back, handler } = traced('arch_rethook_trampoline');
    const nodes = [kernel.allocate(32), kernel.allocate(32), kernel.allocate(32)];
    // Another frame's, the second probe of ours, the first.
    kernel.putWords(nodes[0]! + 8n, [nodes[1]! + 8n, 1n, slot - 64n]);
    kernel.putWords(nodes[1]! + 8n, [nodes[2]! + 8n, handler, slot]);
    kernel.putWords(nodes[2]! + 8n, [0n, back, slot]);
    kernel.putTask(task, 'rethooks', nodes[0]! + 8n);
    const stack = unwindPid(kernel, 7);
    assert.deepEqual(shown(stack), whole);
    assert.match(stack.remarks[0]!, /a return probe took/);
  });

  it('ends where the list does not have it, or goes round', () => {
    const { kernel, slot, task } = traced('arch_rethook_trampoline');
    const node = kernel.allocate(32);
    kernel.putWords(node + 8n, [node + 8n, 1n, slot - 64n]);
    kernel.putTask(task, 'rethooks', node + 8n);
    const stack = unwindPid(kernel, 7);
    assert.deepEqual(shown(stack), whole.slice(0, 1));
    assert.match(stack.incomplete!, /a return probe took the return address, and what it was is not known/);
  });

  it('ends at a shadow stack that is no size of one', () => {
    const { kernel, task } = traced('return_to_handler');
    kernel.putTask(task, 'shadowStack', kernel.allocate(64));
    kernel.putTask(task, 'shadowTop', 0x7fff_ffffn);
    assert.match(unwindPid(kernel, 7).incomplete!, /function graph tracer/);
  });
});

describe('BPF code on a stack', () => {
  it('is followed by its frame pointer', () => {
    const { kernel, back } = traced('handler');
    const program = kernel.bpf('bpf_prog_1234_probe');
    // work() was called by the program, which was called by thread_start(); its frame ends where rbp points to.
    const stack = kernel.stack();
    const bp = stack.end - 64n;
    kernel.putWords(bp, [0n, back]);
    const called = kernel.callIndirect(program, 0x80n);
    kernel.put(bp - 40n, called);
    const saved = bp - 40n - 32n - 56n;
    kernel.putWords(saved + 40n, [bp, kernel.firstFunction + 0x125n]);
    kernel.task({ pid: 9, stack, saved: { sp: saved } });
    const found = unwindPid(kernel, 9);
    assert.deepEqual(shown(found), [
      'work+37 registers',
      'bpf_prog_1234_probe+131 orc',
      'thread_start+37 frame-pointer',
    ]);
    assert.deepEqual(
      found.frames.map(({ module }) => module),
      [undefined, 'bpf', undefined],
    );
  });
});
