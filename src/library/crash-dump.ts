/**
 * An opened dump, for programs. What is asked for is read then, and kept where it is asked for again.
 *
 * A property or method throws a VmcoreError when the dump tells nothing of the matter: `code` is stable, toLine() is for people.
 */
import type { Dump } from '../formats/dump.ts';
import { type CrashedKernel, openCrashedKernel } from '../kernel/crashed-kernel.ts';
import { crashingCpu } from '../kernel/stacks/crashing-cpu.ts';
import { Unwinder } from '../kernel/stacks/unwind.ts';
import { findTask, readTasks } from '../kernel/tasks/tasks.ts';
import { type DumpInfo, summarize } from '../tools/crash/info.ts';
import { dmesgRecords, type LogRecord } from '../tools/crash/log.ts';
import { type CrashReport, reportCrash } from '../tools/crash/report.ts';
import { DumpCpu } from './dump-cpu.ts';
import { DumpKernel } from './dump-kernel.ts';
import { DumpModule } from './dump-module.ts';
import { DumpTask, type TaskSources } from './dump-task.ts';
import { inspect, type Show } from './inspect.ts';
import { Results } from './results.ts';
import { type Views, viewsOf } from './views.ts';

export interface TaskOptions {
  /** The idle tasks of the CPUs, pid 0: with them, or (the default) without. */
  readonly idle?: 'with' | 'without';
}

export class CrashDump implements Disposable {
  readonly #dump: Dump;
  readonly #open: () => CrashedKernel;
  #opened: Opened | undefined;
  #summary: DumpInfo | undefined;

  /** `open` is asked when the kernel is first looked at: `info` needs less. */
  constructor(dump: Dump, open: (dump: Dump) => CrashedKernel = openCrashedKernel) {
    this.#dump = dump;
    this.#open = () => open(dump);
  }

  /** The container: its pages, its notes. */
  get dump(): Dump {
    return this.#dump;
  }

  /** What the dump is and what happened: `vmcore info --json`. What could not be found out is in its `missing`. */
  get info(): DumpInfo {
    this.#summary ??= summarize(this.#dump).info;
    return this.#summary;
  }

  /** The crashed kernel's memory by the names of its source. */
  get kernel(): DumpKernel {
    return this.#parts.kernel;
  }

  /** What each command of vmcore prints with --json: dump.views.mem(), dump.views.mount(1). */
  get views(): Views {
    return this.#parts.views;
  }

  /** What happened, all that `vmcore report` tells: the same as views.report(), and there too for a dump that tells nothing of its kernel. */
  report(): CrashReport {
    return reportCrash(this.#dump, () => this.kernel.crashed);
  }

  /** The kernel log, the oldest record first. */
  dmesg(): LogRecord[] {
    return dmesgRecords(this.#parts.kernel.crashed.kernel);
  }

  /** Every process with its threads, in the order of the kernel's lists. */
  tasks({ idle = 'without' }: TaskOptions = {}): Results<DumpTask> {
    const { kernel, sources } = this.#parts;
    return new Results(function* (missing) {
      for (const task of readTasks(kernel.crashed, { idle, missing })) yield new DumpTask(sources, task);
    });
  }

  /** The task with this pid: a thread's own, not its process's. Undefined when there is none. */
  task(pid: number): DumpTask | undefined {
    const { kernel, sources } = this.#parts;
    const results = new Results((missing) => {
      const task = findTask(kernel.crashed, pid, missing);
      return task === undefined ? [] : [new DumpTask(sources, task)];
    });
    return [...results][0];
  }

  /** The CPUs that were online. */
  cpus(): Results<DumpCpu> {
    const { kernel, sources } = this.#parts;
    return new Results(function* (missing) {
      const crashing = missing.attempt('the CPU that crashed', () => crashingCpu(kernel.crashed));
      for (const cpu of kernel.crashed.cpuMask('online')) yield new DumpCpu(sources, cpu, cpu === crashing);
    });
  }

  /** The modules that were loaded, the last loaded first. */
  modules(): Results<DumpModule> {
    const { kernel } = this.#parts;
    return new Results(function* (missing) {
      for (const module of kernel.crashed.modules.readable(missing)) yield new DumpModule(kernel, module);
    });
  }

  /** Closes the file or connection. Nothing of the dump can be read any more. */
  close(): void {
    this.#dump.source.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [inspect](_depth: number, options: unknown, show: Show): string {
    const { file, release, panic } = this.info;
    return `CrashDump ${show({ file, release, panic }, options)}`;
  }

  get #parts(): Opened {
    this.#opened ??= openParts(this.#open());
    return this.#opened;
  }
}

interface Opened {
  readonly kernel: DumpKernel;
  readonly sources: TaskSources;
  readonly views: Views;
}

function openParts(crashed: CrashedKernel): Opened {
  const kernel = new DumpKernel(crashed);
  let unwinder: Unwinder | undefined;
  const sources: TaskSources = {
    kernel,
    unwinder: () => {
      unwinder ??= new Unwinder(crashed);
      return unwinder;
    },
  };
  return { kernel, sources, views: viewsOf(crashed) };
}
