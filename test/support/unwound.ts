/** What the unwinder makes of a StackKernel, in a form that tests compare. */
import { Missing } from '../../src/kernel/missing.ts';
import type { Stack } from '../../src/kernel/stacks/frame.ts';
import { Unwinder } from '../../src/kernel/stacks/unwind.ts';
import { findTask } from '../../src/kernel/tasks/tasks.ts';
import type { StackKernel } from './stack-kernel.ts';

export const unwindPid = (kernel: StackKernel, pid: number): Stack => {
  const crashed = kernel.open();
  return new Unwinder(crashed).task(findTask(crashed, pid, new Missing())!);
};

/** "name+offset how", an exclamation mark for what was interrupted. */
export const shown = ({ frames }: Stack): string[] =>
  frames.map(
    ({ symbol, offset, pc, found, interrupted }) =>
      `${symbol ?? `0x${pc.toString(16)}`}+${offset ?? '?'} ${found}${interrupted ? '!' : ''}`,
  );
