/** A CPU of the crashed machine: what it ran, and where it was stopped. */
import type { Frame, Stack } from '../kernel/stacks/frame.ts';
import { currentTask } from '../kernel/tasks/tasks.ts';
import { DumpTask, type TaskSources } from './dump-task.ts';
import { inspect, type Show } from './inspect.ts';
import { Results } from './results.ts';

export class DumpCpu {
  readonly number: number;
  /** The crash began here. */
  readonly crashed: boolean;
  readonly #sources: TaskSources;

  constructor(sources: TaskSources, number: number, crashed: boolean) {
    this.#sources = sources;
    this.number = number;
    this.crashed = crashed;
  }

  /** What it ran; its idle task when that was nothing. Throws as all reads do. */
  get task(): DumpTask {
    return new DumpTask(this.#sources, currentTask(this.#sources.kernel.crashed, this.number));
  }

  /** The innermost function first. What the walk could not reach is in `missing` when it is over. */
  frames(): Results<Frame> {
    return new Results((missing) => {
      const { frames, incomplete } = this.stack();
      if (incomplete !== undefined) missing.note(`the stack of CPU ${this.number}: ${incomplete}`);
      return frames;
    });
  }

  /** All frames, and how the walk ended. */
  stack(): Stack {
    return this.#sources.unwinder().cpu(this.number);
  }

  toJSON(): object {
    const { number, crashed } = this;
    return { number, crashed };
  }

  [inspect](_depth: number, options: unknown, show: Show): string {
    return `DumpCpu ${show(this.toJSON(), options)}`;
  }
}
