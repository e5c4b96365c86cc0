/** Types, symbols and data of a synthetic kernel with bytes overwritten here and there: whatever is asked ends, with an answer or an error of ours. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { typedKernel } from '../../test/support/typed-kernel.ts';
import { VmcoreError } from '../base/errors.ts';
import { openCrashedKernel } from '../kernel/crashed-kernel.ts';
import { DumpKernel } from './dump-kernel.ts';
import type { KernelArray } from './value-types.ts';

/** The builders put their structures behind the first 8 MiB. */
const firstByte = 8 * 2 ** 20;
const rounds = 40;
const smashedWords = 40;

/** Numerical Recipes' generator: the same numbers in each run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % below;
  };
}

it('smashed memory makes errors of ours, and ends', () => {
  const next = numbers(6);
  let answers = 0;
  let errors = 0;
  for (let round = 0; round < rounds; round++) {
    const smashed = typedKernel();
    const { allocatedEnd, memory } = smashed.kernel;
    for (let i = 0; i < smashedWords; i++)
      memory.put(
        firstByte + next(allocatedEnd - firstByte - 4),
        Uint8Array.from({ length: 4 }, () => next(256)),
      );
    const kernel = new DumpKernel(openCrashedKernel(smashed.kernel.dump()));
    const questions = [
      () => String(kernel.var('init_task')),
      () => JSON.stringify(kernel.object('struct secret', smashed.secrets[0]!)),
      () => Object.entries(kernel.object('struct secret', smashed.secrets[1]!)),
      () => [...kernel.list(smashed.listHead, 'struct secret', 'list')].map(({ text }) => text),
      () => [...kernel.hlist(smashed.hlistHead, 'struct secret', 'hash')].map(({ size }) => size),
      () => (kernel.object('struct vault', smashed.vault).slots as KernelArray).slice(0, 100),
      () => kernel.typescript('struct secret', 'struct task_struct'),
      () => kernel.typeNames(),
      () => kernel.memberNames('struct secret', 'inner'),
    ];
    for (const ask of questions) {
      try {
        ask();
        answers++;
      } catch (error) {
        if (!(error instanceof VmcoreError)) throw error;
        errors++;
      }
    }
  }
  // Both, or nothing was tried.
  assert.ok(answers > rounds && errors > rounds / 2, `${answers} answers, ${errors} errors`);
});
