/**
 * What happened in a rehearsal's guest, from its console: which mark was reached when, and what went wrong.
 *
 * Times are the host's clock, in seconds since the guest was started. The moment the capture kernel began is worked out:
 * its first event says how long that kernel had been running. Pure: fed with lines, asked for steps.
 */
import { type JournalFields, type LoggedEvent, parseJournalLine } from '../kdumpctl/journal.ts';

/** The marks of a good rehearsal in their order, and the step that each one ends. */
const stepEndingAt = {
  'machine-up': 'boot',
  loaded: 'load',
  armed: 'arm',
  panic: 'settle and panic',
  'capture-kernel': 'panic to capture kernel',
  'stage0-start': 'boot the capture kernel',
  'modules-loaded': 'load modules',
  'save-start': 'start our program',
  'target-open': 'open the target',
  'dmesg-saved': 'save dmesg',
  'filter-start': 'prepare the filter',
  'filter-done': 'filter',
  'dump-saved': 'sync and rename',
  'raw-saved': 'save raw and sync',
  'target-closed': 'close the target',
  'final-action': 'end our program',
  off: 'power off',
} as const;
export type Mark = keyof typeof stepEndingAt;

/** What people are told is going on after an event. */
const nowDoing: Readonly<Record<string, string>> = {
  'machine-start': 'boot',
  'machine-up': 'arm',
  'workload-start': 'load',
  loaded: 'arm',
  armed: 'panic',
  crash: 'start the capture kernel',
  'stage0-start': 'boot the capture kernel',
  'modules-loaded': 'start our program',
  'save-start': 'save dmesg',
  'dmesg-saved': 'prepare the filter',
  'filter-start': 'filter',
  'dump-saved': 'finish the save',
  'target-closed': 'power off',
};

/** Events that mean no dump, or not a whole one, and how they are told. */
const troubles: Readonly<Record<string, string>> = {
  'disk-failed': 'the machine could not mount its disk',
  'runtime-failed': 'the program could not be mounted',
  'workload-failed': 'the workload failed',
  'arm-failed': 'the crash kernel could not be armed',
  'crash-failed': 'the kernel did not panic',
  'save-failed': 'vmcore save failed',
};

export interface Step {
  readonly name: string;
  readonly seconds: number;
}

export const secondsOf = (steps: readonly Step[]): number =>
  steps.reduce((sum, { seconds }) => sum + seconds, 0);

/** What the console line meant, for live progress. */
export type Happening =
  /** `hasShare`: its progress will be told. */
  | { readonly kind: 'step'; readonly name: string; readonly hasShare: boolean }
  /** From 0 to 1. The filter goes over the pages more than once, so it may begin again. */
  | { readonly kind: 'progress'; readonly share: number }
  | { readonly kind: 'note'; readonly text: string };

const panicPattern = /Kernel panic - not syncing: (.*)$/;
/** An oops may start the capture kernel without that line. What it was ends in its number (die() of x86 and arm64, Linux 6.1). */
const oopsPattern = /: [0-9a-f]{4,16} \[#\d+\]/;

export class Timeline {
  private readonly marks: { mark: Mark; seconds: number }[] = [];
  private readonly events = new Map<string, LoggedEvent>();
  private firstTrouble: string | undefined;
  private last = 'nothing on the console';
  private lowest: number | undefined;
  private peak: number | undefined;

  /** Takes one line of the console. */
  line(text: string, seconds: number): Happening | undefined {
    if (text.trim() !== '') this.last = text.trim();
    // First, because an event may quote the panic.
    const event = parseJournalLine(text);
    if (event !== undefined) return this.event(event, seconds);
    const panic = panicPattern.exec(text)?.[1];
    return panic === undefined ? undefined : this.panic(panic, seconds);
  }

  /** The guest is gone. */
  off(seconds: number): void {
    this.mark('off', seconds);
  }

  /** What went wrong first; undefined when nothing did. */
  get trouble(): string | undefined {
    return this.firstTrouble;
  }

  /** The last line of the console that was not empty. */
  get lastLine(): string {
    return this.last;
  }

  reached(mark: Mark): boolean {
    return this.marks.some((one) => one.mark === mark);
  }

  /** The fields of the latest event of that name. */
  fields(name: string): JournalFields | undefined {
    return this.events.get(name)?.fields;
  }

  /** Lowest MemAvailable that any event of the capture kernel told, bytes. */
  get lowestMemoryAvailable(): number | undefined {
    return this.lowest;
  }

  /** The most memory that the program in the capture kernel had in RAM, of any event that told it, bytes. */
  get peakResident(): number | undefined {
    return this.peak;
  }

  /** Those of them that came after the panic: until the machine was off, when it came to that. */
  get stepsAfterPanic(): Step[] {
    const panicked = this.marks.findIndex(({ mark }) => mark === 'panic');
    return panicked < 0 ? [] : this.steps.slice(panicked + 1);
  }

  /** The steps between the marks that were reached; they add up to the whole run. */
  get steps(): Step[] {
    let before = 0;
    return this.marks.map(({ mark, seconds }) => {
      const step = { name: stepEndingAt[mark], seconds: seconds - before };
      before = seconds;
      return step;
    });
  }

  private panic(message: string, seconds: number): Happening {
    if (this.reached('panic')) this.fail(`the capture kernel panicked: ${message}`);
    else if (this.events.has('crash')) this.mark('panic', seconds);
    else this.fail(`the kernel panicked before it was meant to: ${message}`);
    return { kind: 'note', text: `kernel panic: ${message}` };
  }

  private event(event: LoggedEvent, seconds: number): Happening | undefined {
    this.events.set(event.name, event);
    const { message, module, status, done, total, step } = event.fields;
    if (event.name === 'stage0-start') this.mark('capture-kernel', seconds - (event.time ?? 0));
    if (event.name in stepEndingAt) this.mark(event.name as Mark, seconds);
    if (event.name === 'step-done' && step === 'open target') this.mark('target-open', seconds);
    this.noteMemory(event.fields);

    const said = typeof message === 'string' && message.trim() !== '' ? `: ${message.trim()}` : '';
    const trouble = troubles[event.name];
    if (trouble !== undefined) this.fail(trouble + said);
    // A save that ends with 0 has saved; any other status is explained by what it said before, or by this.
    if (event.name === 'save-exit' && status !== 0)
      this.fail(`vmcore save ended with status ${status}${said}`);
    if (event.name === 'module-failed') {
      return { kind: 'note', text: `module ${String(module)} did not load${said}` };
    }
    if (event.name === 'filter-progress' && typeof done === 'number' && typeof total === 'number') {
      return { kind: 'progress', share: total === 0 ? 1 : done / total };
    }
    const name = nowDoing[event.name];
    return name === undefined ? undefined : { kind: 'step', name, hasShare: event.name === 'filter-start' };
  }

  private noteMemory(fields: JournalFields): void {
    if (!this.reached('capture-kernel')) return;
    for (const value of [fields.memAvailable, fields.lowestAvailable]) {
      if (typeof value === 'number') this.lowest = Math.min(this.lowest ?? value, value);
    }
    const { peakResident } = fields;
    if (typeof peakResident === 'number') this.peak = Math.max(this.peak ?? 0, peakResident);
  }

  private mark(mark: Mark, seconds: number): void {
    if (!this.reached(mark)) this.marks.push({ mark, seconds });
  }

  private fail(why: string): void {
    this.firstTrouble ??= why;
  }
}

/**
 * The part of a serial log that the capture kernel wrote: after the panic, the kernel's clock starts again. A capture kernel that says nothing for as long as
 * the first one lived is known by its stage 0, and so is one after an oops that never reached the console.
 */
export function captureLog(serialLog: string): string {
  const lines = serialLog.split('\n');
  let panicked = false;
  let before = 0;
  for (const [index, line] of lines.entries()) {
    const time = Number(/^\[\s*(\d+\.\d+)\]/.exec(line)?.[1] ?? before);
    if ((panicked && time < before) || line.includes('vmcore: stage0-start '))
      return lines.slice(index).join('\n');
    panicked ||= panicPattern.test(line.trimEnd()) || oopsPattern.test(line);
    before = time;
  }
  return '';
}
