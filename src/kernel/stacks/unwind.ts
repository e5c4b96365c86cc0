/**
 * The stacks of a crashed kernel: of a CPU as it was when the machine stopped, and of a task.
 *
 * x86_64: unwind-x86_64.ts, by ORC, or unwind-x86-frames.ts, by frame pointers; arm64: unwind-arm64.ts, by frame records. Where a walk may go: stack-areas.ts.
 */
import { VmcoreError } from '../../base/errors.ts';
import { hex } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import { Missing } from '../missing.ts';
import type { Struct } from '../struct.ts';
import { currentTask, findTask, runQueue, type Task } from '../tasks/tasks.ts';
import type { Stack } from './frame.ts';
import { OrcTables } from './orc-table.ts';
import { cpuStacks, StackPath, stackAround, taskStack } from './stack-areas.ts';
import { ReturnHooks } from './stack-hooks.ts';
import { CpuNotes, type CpuRegisters } from './stack-registers.ts';
import { KernelText } from './stack-text.ts';
import { Arm64Walker } from './unwind-arm64.ts';
import { emptyStack, type Place, type StackWalker, walk } from './unwind-walk.ts';
import { X86Walker } from './unwind-x86_64.ts';
import { X86FrameWalker } from './unwind-x86-frames.ts';
import type { X86Place } from './unwind-x86-places.ts';

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
      const { registers, doubt } = saved;
      const remarks = doubt === undefined ? [] : [doubt];
      if (registers.isUser)
        return { frames: [], end: 'user mode', incomplete: undefined, user: registers, remarks };
      return this.fromRegisters(cpu, saved, remarks);
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

  private fromRegisters(cpu: number, { registers, pid }: CpuRegisters, remarks: readonly string[]): Stack {
    const { crashed } = this;
    const missing = new Missing();
    const tasks = this.tasksOf(cpu, pid, missing);
    const ofCpu = cpuStacks(crashed, cpu);
    const ofTasks = tasks.flatMap(
      ({ struct, pid: own }) =>
        missing.attempt(`the stack of pid ${own}`, () => taskStack(crashed, struct)) ?? [],
    );
    const isKnown = ofCpu.length > 0 && ofTasks.length > 0;
    const assumed: string[] = [];
    const path = new StackPath(crashed, [...ofCpu, ...ofTasks], (sp) => {
      const area = isKnown ? undefined : stackAround(crashed, sp);
      if (area !== undefined)
        assumed.push(
          `nothing tells how far the stack at ${hex(sp)} goes: taken for one of ${area.end - area.start} bytes from ${hex(area.start)} on`,
        );
      return area;
    });
    path.begin(registers.sp);
    const stack = this.walkWith(path, tasks.at(-1)?.struct, (walker) => walker.fromRegisters(registers), [
      ...remarks,
      ...missing.lines,
    ]);
    return { ...stack, remarks: [...stack.remarks, ...assumed] };
  }

  /** What a CPU ran; between two tasks also the one that it came from, which is the last then: the registers are its. */
  private tasksOf(cpu: number, pid: number, missing: Missing): Task[] {
    const { crashed } = this;
    const current = missing.attempt(`the task on CPU ${cpu}`, () => currentTask(crashed, cpu));
    const other =
      current?.pid === pid
        ? undefined
        : missing.attempt(`the task with pid ${pid}`, () => findTask(crashed, pid, missing));
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
    const walker = this.x86Walker(text, path);
    return walk({ crashed, text, path, task, walker, hooks, remarks }, () => begin(walker));
  }

  /** By ORC; by frame pointers when the kernel is built without. When its ORC tables cannot be read, no further than the first place. */
  private x86Walker(text: KernelText, path: StackPath): StackWalker<X86Place> {
    const { crashed } = this;
    const byFrames = new X86FrameWalker(crashed, text, path);
    // Of arch/x86/kernel/unwind_orc.c: a function, so that it is known where the tables are not.
    const isOrc = ['__start_orc_unwind_ip', 'orc_sort_cmp'].some(
      (name) => crashed.symbols.address(name) !== undefined,
    );
    if (!isOrc) return byFrames;
    try {
      this.orc ??= new OrcTables(crashed);
      return new X86Walker({ crashed, text, orc: this.orc }, path);
    } catch (error) {
      if (!(error instanceof VmcoreError)) throw error;
      return {
        fromRegisters: (registers) => byFrames.fromRegisters(registers),
        fromTask: (task) => byFrames.fromTask(task),
        next: () => {
          throw error;
        },
      };
    }
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
