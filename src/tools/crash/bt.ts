/** The `bt` view: what CPUs did when the machine stopped, and where tasks are. Addresses are "0x…", offsets bytes. */
import { hex } from '../../base/units.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import { Missing } from '../../kernel/missing.ts';
import { crashingCpu } from '../../kernel/stacks/crashing-cpu.ts';
import type { Frame, FrameEvidence, Stack, StackEnd } from '../../kernel/stacks/frame.ts';
import type { Registers } from '../../kernel/stacks/registers.ts';
import { Unwinder } from '../../kernel/stacks/unwind.ts';
import type { TaskState } from '../../kernel/tasks/task-state.ts';
import { currentTask, readTasks, type Task } from '../../kernel/tasks/tasks.ts';
import { requireTask } from './require-task.ts';

/** Name and value, as "0x…". */
export type RegisterValues = Readonly<Record<string, string>>;

export interface FrameInfo {
  /** null: no symbol is known there. */
  readonly symbol: string | null;
  readonly offset: number | null;
  readonly pc: string;
  /** Stack pointer in this frame. */
  readonly sp: string;
  /** null: the kernel itself. */
  readonly module: string | null;
  readonly found: FrameEvidence;
  /** It was stopped at pc; else pc is where the frame before it returns to. */
  readonly interrupted: boolean;
  /** Where all of them were saved. */
  readonly registers: RegisterValues | null;
}

export interface StackInfo {
  readonly frames: readonly FrameInfo[];
  readonly end: StackEnd;
  /** Why frames are missing; null when none are. */
  readonly incomplete: string | null;
  /** Registers of user space, when the kernel was entered from there, or never was. */
  readonly user: RegisterValues | null;
  readonly remarks: readonly string[];
}

export interface CpuStack extends StackInfo {
  readonly cpu: number;
  /** The crash began here. */
  readonly crashed: boolean;
  /** Of what it ran; where tasks cannot be read, as its registers' note says. null: neither. */
  readonly pid: number | null;
  readonly comm: string | null;
}

export interface TaskStack extends StackInfo {
  readonly pid: number;
  readonly tgid: number;
  readonly ppid: number | null;
  readonly comm: string;
  readonly state: TaskState;
  readonly cpu: number;
}

export interface Stacks {
  readonly cpus: readonly CpuStack[];
  readonly tasks: readonly TaskStack[];
  /** What of the lists of CPUs and tasks could not be read; each stack tells for itself. */
  readonly missing: readonly string[];
}

/** What stacks are wanted of. */
export type StackSelection =
  | { readonly of: 'crashing CPU' | 'CPUs' | 'CPUs and tasks' }
  | { readonly of: 'pids'; readonly pids: readonly number[] };

/** E_USAGE when there is no such pid; E_NO_INFO when symbols or types tell too little. */
export function readStacks(crashed: CrashedKernel, selection: StackSelection): Stacks {
  const missing = new Missing();
  const unwinder = new Unwinder(crashed);
  if (selection.of === 'pids') {
    const tasks = selection.pids.map((pid) => requireTask(crashed, pid, missing));
    return { cpus: [], tasks: tasks.map((task) => taskStack(unwinder, task)), missing: missing.lines };
  }
  const crashing = missing.attempt('the CPU that crashed', () => crashingCpu(crashed, unwinder.notes));
  const saved = savedRegisters(unwinder, missing);
  const running = cpusThatRan(crashed, saved, missing);
  const only = selection.of === 'crashing CPU' && crashing !== undefined ? [crashing] : running;
  const cpus = only.map((cpu): CpuStack => {
    const task = missing.attempt(`the task on CPU ${cpu}`, () => currentTask(crashed, cpu));
    return {
      cpu,
      crashed: cpu === crashing,
      pid: task?.pid ?? saved.get(cpu)?.pid ?? null,
      comm: task?.comm ?? null,
      ...stackInfo(unwinder.cpu(cpu)),
    };
  });
  const tasks =
    selection.of === 'CPUs and tasks'
      ? Array.from(readTasks(crashed, { idle: 'without', missing }), (task) => taskStack(unwinder, task))
      : [];
  return { cpus, tasks, missing: missing.lines };
}

type SavedRegisters = ReturnType<Unwinder['notes']['all']>;

const savedRegisters = (unwinder: Unwinder, missing: Missing): SavedRegisters =>
  missing.attempt('the registers of the CPUs', () => unwinder.notes.all()) ?? new Map();

/** Those that were online, and those that left registers all the same. */
function cpusThatRan(crashed: CrashedKernel, saved: SavedRegisters, missing: Missing): number[] {
  const online = missing.attempt('which CPUs were online', () => crashed.cpuMask('online')) ?? [];
  const cpus = [...new Set([...online, ...saved.keys()])].sort((a, b) => a - b);
  // With nothing to show, why is the answer.
  return cpus.length > 0 ? cpus : crashed.cpuMask('online');
}

const taskStack = (unwinder: Unwinder, task: Task): TaskStack => ({
  pid: task.pid,
  tgid: task.tgid,
  ppid: task.ppid ?? null,
  comm: task.comm,
  state: task.state,
  cpu: task.cpu,
  ...stackInfo(unwinder.task(task)),
});

/** A stack as JSON shows it. */
export const stackInfo = ({ frames, end, incomplete, user, remarks }: Stack): StackInfo => ({
  frames: frames.map(frameInfo),
  end,
  incomplete: incomplete ?? null,
  user: valuesOf(user),
  remarks,
});

const frameInfo = (frame: Frame): FrameInfo => ({
  symbol: frame.symbol ?? null,
  offset: frame.offset ?? null,
  pc: hex(frame.pc),
  sp: hex(frame.sp),
  module: frame.module ?? null,
  found: frame.found,
  interrupted: frame.interrupted,
  registers: valuesOf(frame.registers),
});

const valuesOf = (registers: Registers | undefined): RegisterValues | null =>
  registers === undefined
    ? null
    : Object.fromEntries(Array.from(registers, ([name, value]) => [name, hex(value)]));
