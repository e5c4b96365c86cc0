/** What a lock is called: a variable of the kernel or of a module, a process's mmap_lock, a place on a stack. */
import { asVaddr, hex } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import { Missing } from '../missing.ts';
import { taskStack } from '../stacks/stack-areas.ts';
import type { Task } from '../tasks/tasks.ts';

/**
 * "cgroup_mutex", "held_mutex [crash_module]", "mmap_lock of 130 node", "on the stack of 8 kworker/0:0H"; undefined for a lock in an object of the kernel
 * that none of these tells of.
 */
export function lockName(crashed: CrashedKernel, lock: bigint, tasks: readonly Task[]): string | undefined {
  const symbol = crashed.symbols.lookup(asVaddr(lock));
  if (symbol !== undefined) {
    const offset = symbol.offset === 0n ? '' : `+${hex(symbol.offset)}`;
    return `${symbol.name}${offset}${symbol.module === undefined ? '' : ` [${symbol.module}]`}`;
  }
  const onStack = tasks.find((task) => isOnStack(crashed, lock, task));
  if (onStack !== undefined) return `on the stack of ${onStack.pid} ${onStack.comm}`;
  const inSpace = mmapLock(crashed);
  const ofSpace = tasks.find((task) => inSpace !== undefined && addressSpace(task) === lock - inSpace);
  return ofSpace === undefined ? undefined : `mmap_lock of ${ofSpace.pid} ${ofSpace.comm}`;
}

/** mmap_sem before 5.8 (da1c55f1b272). */
function mmapLock({ layouts }: CrashedKernel): bigint | undefined {
  const offset = layouts.offset('mm_struct.mmap_lock') ?? layouts.offset('mm_struct.mmap_sem');
  return offset === undefined ? undefined : BigInt(offset);
}

const addressSpace = ({ struct, isKernelThread }: Task): bigint | undefined =>
  isKernelThread ? undefined : new Missing().attempt('', () => struct.pointer('mm'));

function isOnStack(crashed: CrashedKernel, address: bigint, { struct }: Task): boolean {
  const area = new Missing().attempt('', () => taskStack(crashed, struct));
  return area !== undefined && address >= area.start && address < area.end;
}
