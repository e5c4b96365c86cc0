/**
 * The stacks of a crashed kernel: of a CPU as it was when the machine stopped, and of a task.
 *
 * x86_64: unwind-x86_64.ts, by ORC, or unwind-x86-frames.ts, by frame pointers; arm64: unwind-arm64.ts, by frame records. Where a walk may go: stack-areas.ts.
 */
import { VmcoreError } from '../base/errors.ts';
import type { CrashedKernel } from './crashed-kernel.ts';
import type { Stack } from './frame.ts';
import { Missing } from './missing.ts';
import { OrcTables } from './orc-table.ts';
import type { Registers } from './registers.ts';
import { cpuStacks, StackPath, taskStack } from './stack-areas.ts';
import { ReturnHooks } from './stack-hooks.ts';
import { CpuNotes } from './stack-registers.ts';
import { KernelText } from './stack-text.ts';
import type { Struct } from './struct.ts';
import { currentTask, findTask, runQueue, type Task } from './tasks.ts';
import { Arm64Walker } from './unwind-arm64.ts';
import { emptyStack, type Place, type StackWalker, walk } from './unwind-walk.ts';
import { X86Walker } from './unwind-x86_64.ts';
import { X86FrameWalker } from './unwind-x86-frames.ts';

/** Keeps what all walks need: make one for many stacks. */
export class Unwinder {
  readonly notes: CpuNotes;
  private readonly crashed: CrashedKernel;
  private text: KernelText | undefined;
  private hooks: ReturnHooks | undefined;
  private orc: OrcTables | undefined;

  constructor(crashed: CrashedKernel) {
    this.crashed = crashed;
    this.notes = new CpuNotes(crashed);
  }

  /** What a CPU did when the machine stopped. What is not to be known is in the stack's `incomplete`. */
  cpu(cpu: number): Stack {
    return this.told(() => {
      const saved = this.notes.of(cpu);
      if (saved === undefined)
        return emptyStack(
          `CPU ${cpu} left no registers: it did not answer when the crashing CPU stopped the others, or it was offline`,
        );
      const { registers, pid } = saved;
      if (registers.isUser)
        return { frames: [], end: 'user mode', incomplete: undefined, user: registers, remarks: [] };
      return this.fromRegisters(cpu, registers, pid);
    });
  }

  /** What a task does, or where it sleeps. */
  task(task: Task): Stack {
    return this.told(() => {
      if (this.isRunning(task)) return this.cpu(task.cpu);
      const area = taskStack(this.crashed, task.struct);
      if (area.start === 0n && isGone(task))
        return { ...emptyStack(''), end: 'exited', incomplete: undefined };
      const path = new StackPath(this.crashed, [area]);
      return this.walkWith(path, task.struct, (walker) => {
        const place = walker.fromTask(task.struct);
        if (path.begin(place.sp) === undefined)
          throw path.broken(`its saved stack pointer 0x${place.sp.toString(16)} is not on its stack`);
        return place;
      });
    });
  }

  /** What its stack pointer says is of the last time that it slept then. */
  private isRunning(task: Task): boolean {
    const current = new Missing().attempt('', () => runQueue(this.crashed, task.cpu).pointer('curr'));
    return current === undefined ? task.onCpu : current === task.address;
  }

  private fromRegisters(cpu: number, registers: Registers, pid: number): Stack {
    const missing = new Missing();
    const tasks = this.tasksOf(cpu, pid, missing);
    const areas = [
      ...cpuStacks(this.crashed, cpu),
      ...tasks.flatMap(
        ({ struct, pid: own }) =>
          missing.attempt(`the stack of pid ${own}`, () => taskStack(this.crashed, struct)) ?? [],
      ),
    ];
    const path = new StackPath(this.crashed, areas);
    path.begin(registers.sp);
    return this.walkWith(
      path,
      tasks.at(-1)?.struct,
      (walker) => walker.fromRegisters(registers),
      missing.lines,
    );
  }

  /** What a CPU ran; between two tasks also the one that it came from, which is the last then: the registers are its. */
  private tasksOf(cpu: number, pid: number, missing: Missing): Task[] {
    const { crashed } = this;
    const current = missing.attempt(`the task on CPU ${cpu}`, () => currentTask(crashed, cpu));
    const other = current?.pid === pid ? undefined : findTask(crashed, pid, missing);
    return [current, other].filter((task) => task !== undefined);
  }

  private walkWith(
    path: StackPath,
    task: Struct | undefined,
    begin: <P extends Place>(walker: StackWalker<P>) => P,
    remarks: readonly string[] = [],
  ): Stack {
    const { crashed } = this;
    this.text ??= new KernelText(crashed);
    const { text } = this;
    this.hooks ??= new ReturnHooks(crashed);
    const { hooks } = this;
    if (crashed.dump.arch === 'arm64') {
      const walker = new Arm64Walker(crashed, text, path);
      return walk({ crashed, text, path, task, walker, hooks, remarks }, () => begin(walker));
    }
    const orc = this.orcTables();
    const walker =
      orc === undefined
        ? new X86FrameWalker(crashed, text, path)
        : new X86Walker({ crashed, text, orc }, path);
    return walk({ crashed, text, path, task, walker, hooks, remarks }, () => begin(walker));
  }

  /** Undefined when the kernel is built without: then with frame pointers. */
  private orcTables(): OrcTables | undefined {
    if (this.orc === undefined && this.crashed.symbols.address('__start_orc_unwind_ip') !== undefined)
      this.orc = new OrcTables(this.crashed);
    return this.orc;
  }

  private told(make: () => Stack): Stack {
    try {
      return make();
    } catch (error) {
      if (error instanceof VmcoreError) return emptyStack(error.message);
      throw error;
    }
  }
}

const isGone = ({ state }: Task): boolean => state === 'Z' || state === 'X';

/** What a CPU did when the machine stopped. For many of them, keep an Unwinder. */
export const unwindCpu = (crashed: CrashedKernel, cpu: number): Stack => new Unwinder(crashed).cpu(cpu);

/** What a task does, or where it sleeps. */
export const unwindTask = (crashed: CrashedKernel, task: Task): Stack => new Unwinder(crashed).task(task);
