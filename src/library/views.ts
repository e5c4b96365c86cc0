/** The views of the commands, as data: each gives what its command prints with --json, what could not be read in `missing`. */
import type { CrashedKernel } from '../kernel/crashed-kernel.ts';
import { readStacks, type StackSelection, type Stacks } from '../tools/crash/bt.ts';
import { listModules, type ModuleList } from '../tools/crash/mod.ts';
import { listMounts, type MountList } from '../tools/crash/mount.ts';
import { listTasks, type TaskList } from '../tools/crash/ps.ts';
import { type RunQueues, readRunQueues } from '../tools/crash/runq.ts';
import { describeSystem, type SystemInfo } from '../tools/crash/sys.ts';

export interface Views {
  /** Stacks of the crashing CPU, or of what is said: bt({ of: 'CPUs and tasks' }), bt({ of: 'pids', pids: [1] }). */
  bt(selection?: StackSelection): Stacks;
  mod(): ModuleList;
  /** As init sees them, or a process. */
  mount(pid?: number): MountList;
  ps(): TaskList;
  runq(): RunQueues;
  sys(): SystemInfo;
}

export const viewsOf = (crashed: CrashedKernel): Views => ({
  bt: (selection = { of: 'crashing CPU' }) => readStacks(crashed, selection),
  mod: () => listModules(crashed),
  mount: (pid) => listMounts(crashed, pid),
  ps: () => listTasks(crashed),
  runq: () => readRunQueues(crashed),
  sys: () => describeSystem(crashed),
});
