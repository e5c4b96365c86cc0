/**
 * Stacks of which words were overwritten with what does the most harm: addresses of text, of stacks, of nothing. Whatever comes, the walk ends, throws
 * nothing, and shows no frame that is not text.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { StackKernel } from '../../../test/support/stack-kernel.ts';
import { Missing } from '../missing.ts';
import { findTask } from '../tasks/tasks.ts';
import { registerNames } from './registers.ts';
import { Unwinder } from './unwind.ts';

const functions = 12;

/** Functions that call each other, with every kind of ORC entry, and stacks full of what they could leave there. */
function kernelOf(arch: 'x86_64' | 'arm64') {
  const kernel = new StackKernel({ arch });
  const specs = [
    { type: 'call', sp: 'sp', spOffset: 8 },
    { type: 'call', sp: 'sp', spOffset: 24, bp: 'prev-sp', bpOffset: -16 },
    { type: 'call', sp: 'bp', spOffset: 16, bp: 'prev-sp', bpOffset: -16 },
    { type: 'call', sp: 'sp-indirect', spOffset: 0 },
    { type: 'call', sp: 'bp-indirect', spOffset: -8, bp: 'bp', bpOffset: 0 },
    { type: 'call', sp: 'r10' },
    { type: 'call', sp: 'sp', spOffset: -8 },
    { type: 'regs', sp: 'sp', spOffset: 0, signal: true },
    { type: 'regs', sp: 'sp-indirect', spOffset: 8 },
    { type: 'partial', sp: 'sp', spOffset: 0, signal: true },
    { type: 'undefined' },
    { type: 'end' },
  ] as const;
  const starts = specs.map((orc, i) => kernel.function(`f${i}`, arch === 'x86_64' ? orc : undefined));
  const returns = starts.map((start, i) => kernel.call(start, starts[(i + 1) % functions]!));
  const own = kernel.stack();
  const irq = kernel.irqStack(0);
  kernel.task({ pid: 0, stack: kernel.stack() });
  kernel.run(0, kernel.task({ pid: 5, stack: own }));
  kernel.run(1, kernel.task({ pid: 6, stack: kernel.stack() }));
  return { kernel, starts, returns, stacks: [own, irq] };
}

/** A word that a walk could take for something. */
const words = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('return' as const), at: fc.nat(functions - 1) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('text' as const), at: fc.integer({ min: 16, max: 0x2fff }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('stack' as const), at: fc.nat(2 * 64 - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('number' as const), at: fc.nat(64) }) },
);

for (const arch of ['x86_64', 'arm64'] as const)
  describe(`a smashed stack on ${arch}`, () => {
    it('ends, and shows nothing that is no text', () => {
      fc.assert(
        fc.property(
          fc.array(words, { minLength: 128, maxLength: 128 }),
          fc.array(words, { minLength: 34, maxLength: 34 }),
          fc.nat(functions - 1),
          fc.option(fc.nat(1)),
          (content, values, startsIn, lost) => {
            const { kernel, starts, returns, stacks } = kernelOf(arch);
            // The upper 64 words of both stacks.
            const place = (i: number): bigint => stacks[i >> 6]!.end - 8n * BigInt(64 - (i & 63));
            const wordOf = ({ kind, at }: (typeof content)[0]): bigint =>
              kind === 'return'
                ? returns[at]!
                : kind === 'text'
                  ? starts[0]! + BigInt(at)
                  : kind === 'stack'
                    ? place(at)
                    : BigInt(at);
            content.forEach((word, i) => {
              kernel.put(place(i), wordOf(word));
            });
            const names = registerNames[arch];
            const registers = Object.fromEntries(names.map((name, i) => [name, wordOf(values[i]!)]));
            const isArm = arch === 'arm64';
            kernel.saveRegisters(0, 5, {
              ...registers,
              [isArm ? 'pc' : 'rip']: starts[startsIn]! + 0x30n,
              [isArm ? 'sp' : 'rsp']: place(0),
              ...(isArm ? { pstate: 5n } : { cs: 0x10n }),
            });
            if (lost !== null) kernel.lose(stacks[lost]!.end - 8n);
            const crashed = kernel.open();
            const unwinder = new Unwinder(crashed);
            const stack = unwinder.cpu(0);
            assert.ok(
              stack.frames.length >= 1 && stack.frames.length <= 300,
              `${stack.frames.length} frames`,
            );
            // What was interrupted may be anywhere, when a call led there.
            assert.ok(
              stack.frames.every(({ symbol, interrupted }) => interrupted || symbol?.startsWith('f')),
            );
            assert.equal(stack.end === 'incomplete', stack.incomplete !== undefined);
            assert.deepEqual(unwinder.task(findTask(crashed, 5, new Missing())!), stack);
          },
        ),
        { numRuns: 300 },
      );
    });
  });
