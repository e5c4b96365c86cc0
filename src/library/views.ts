/** The views of the commands, as data: each gives what its command prints with --json, what could not be read in `missing`. */
import type { CrashedKernel } from '../kernel/crashed-kernel.ts';
import { readStacks, type StackSelection, type Stacks } from '../tools/crash/bt.ts';
import { listFiles, type ProcessFiles } from '../tools/crash/files.ts';
import { type IrqList, listIrqs } from '../tools/crash/irq.ts';
import { type Locks, listLocks } from '../tools/crash/locks.ts';
import { describeMemory, type MemoryUse } from '../tools/crash/mem.ts';
import { listModules, type ModuleList } from '../tools/crash/mod.ts';
import { listMounts, type MountList } from '../tools/crash/mount.ts';
import { describePages, type PageList } from '../tools/crash/pages.ts';
import { listTasks, type TaskList } from '../tools/crash/ps.ts';
import { type CrashReport, reportCrash } from '../tools/crash/report.ts';
import { type RunQueues, readRunQueues } from '../tools/crash/runq.ts';
import { listSlabCaches, type SlabCaches } from '../tools/crash/slab.ts';
import { describeSystem, type SystemInfo } from '../tools/crash/sys.ts';
import { type ProcessMemory, readProcessMemory } from '../tools/crash/vm.ts';

export interface Views {
  /** Stacks of the crashing CPU, or of what is said: bt({ of: 'CPUs and tasks' }), bt({ of: 'pids', pids: [1] }). */
  bt(selection?: StackSelection): Stacks;
  /** The open files of a process. */
  files(pid: number): ProcessFiles;
  irq(): IrqList;
  locks(): Locks;
  mem(): MemoryUse;
  mod(): ModuleList;
  /** As init sees them, or a process. */
  mount(pid?: number): MountList;
  /** What physical pages are: page frame numbers, addresses and symbols, as the command takes them. */
  pages(...what: readonly string[]): PageList;
  ps(): TaskList;
  report(): CrashReport;
  runq(): RunQueues;
  /** All caches, or those of these names. */
  slab(...names: readonly string[]): SlabCaches;
  sys(): SystemInfo;
  /** The memory of a process. */
  vm(pid: number): ProcessMemory;
}

export const viewsOf = (crashed: CrashedKernel): Views => ({
  bt: (selection = { of: 'crashing CPU' }) => readStacks(crashed, selection),
  files: (pid) => listFiles(crashed, pid),
  irq: () => listIrqs(crashed),
  locks: () => listLocks(crashed),
  mem: () => describeMemory(crashed),
  mod: () => listModules(crashed),
  mount: (pid) => listMounts(crashed, pid),
  pages: (...what) => describePages(crashed, what),
  ps: () => listTasks(crashed),
  report: () => reportCrash(crashed.dump, () => crashed),
  runq: () => readRunQueues(crashed),
  slab: (...names) => listSlabCaches(crashed, names),
  sys: () => describeSystem(crashed),
  vm: (pid) => readProcessMemory(crashed, pid),
});
