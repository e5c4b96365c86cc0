/** The task that a user named by its pid. */
import { VmcoreError } from '../../base/errors.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import type { Missing } from '../../kernel/missing.ts';
import { findTask, type Task } from '../../kernel/tasks/tasks.ts';

/** E_USAGE when there is none. */
export function requireTask(crashed: CrashedKernel, pid: number, missing: Missing): Task {
  const task = findTask(crashed, pid, missing);
  if (task !== undefined) return task;
  const [damage] = missing.lines;
  throw new VmcoreError('E_USAGE', `no task ${pid}${damage === undefined ? '' : ` was found (${damage})`}`, {
    file: crashed.dump.source.name,
    hint: 'vmcore ps lists them',
  });
}
