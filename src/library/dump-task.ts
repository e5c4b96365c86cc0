/** A task of the crashed kernel, and the stack it left. */
import type { Vaddr } from '../base/units.ts';
import type { Frame, Stack } from '../kernel/stacks/frame.ts';
import type { Unwinder } from '../kernel/stacks/unwind.ts';
import type { TaskState } from '../kernel/tasks/task-state.ts';
import type { Task } from '../kernel/tasks/tasks.ts';
import type { DumpKernel } from './dump-kernel.ts';
import { inspect, type Show } from './inspect.ts';
import { Results } from './results.ts';
import type { KernelObject } from './value-types.ts';

/** What tasks are read with. */
export interface TaskSources {
  readonly kernel: DumpKernel;
  readonly unwinder: () => Unwinder;
}

export class DumpTask {
  readonly #sources: TaskSources;
  readonly #task: Task;

  constructor(sources: TaskSources, task: Task) {
    this.#sources = sources;
    this.#task = task;
  }

  /** As the first pid namespace numbers it; 0 for idle tasks. What user space calls a thread id. */
  get pid(): number {
    return this.#task.pid;
  }

  /** Of its process. */
  get tgid(): number {
    return this.#task.tgid;
  }

  /** The process of its parent; undefined when the parent's memory is not in the dump. */
  get ppid(): number | undefined {
    return this.#task.ppid;
  }

  get comm(): string {
    return this.#task.comm;
  }

  /** As ps prints it: R, S, D, T, t, X, Z, P, I. */
  get state(): TaskState {
    return this.#task.state;
  }

  /** On which it runs, or ran last. */
  get cpu(): number {
    return this.#task.cpu;
  }

  /** It was running when the machine stopped. */
  get onCpu(): boolean {
    return this.#task.onCpu;
  }

  get isKernelThread(): boolean {
    return this.#task.isKernelThread;
  }

  /** Of its task_struct. */
  get address(): Vaddr {
    return this.#task.address;
  }

  /** Its struct task_struct: every member by its name, task.struct.mm?.total_vm. */
  get struct(): KernelObject {
    return this.#sources.kernel.object('struct task_struct', this.#task.address);
  }

  /** The innermost function first. What the walk could not reach is in `missing` when it is over. */
  frames(): Results<Frame> {
    return new Results((missing) => {
      const { frames, incomplete } = this.stack();
      if (incomplete !== undefined) missing.note(`the stack of task ${this.pid}: ${incomplete}`);
      return frames;
    });
  }

  /** All frames, and how the walk ended. */
  stack(): Stack {
    return this.#sources.unwinder().task(this.#task);
  }

  /** What JSON.stringify() shows. */
  toJSON(): object {
    const { pid, tgid, ppid, comm, state, cpu, onCpu, isKernelThread } = this;
    const address = `0x${this.address.toString(16)}`;
    return { pid, tgid, ppid: ppid ?? null, comm, state, cpu, onCpu, isKernelThread, address };
  }

  [inspect](_depth: number, options: unknown, show: Show): string {
    return `DumpTask ${show(this.toJSON(), options)}`;
  }
}
