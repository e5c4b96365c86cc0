/**
 * What a kernel printed of stacks, read out of its log: oopses, panics and backtraces of CPUs, and the tasks of sysrq t.
 *
 * The kernel's own unwinder is an oracle that needs no debuginfo. It prints `name+0xOFFSET/0xSIZE [module]`, the offset of the return address;
 * what it only found lying on the stack it marks with `?` (show_trace_log_lvl() in arch/x86/kernel/dumpstack.c, Linux 6.1), and these
 * are left out here. Registers in the middle of a stack are an `RIP:` line, or on arm64 a frame like others.
 */

export interface PrintedFrame {
  readonly symbol: string;
  readonly offset: number;
  readonly module: string | undefined;
}

export interface PrintedTrace {
  /** Of the line `CPU: 0 PID: 1 Comm: x` or `NMI backtrace for cpu 0` before it. */
  readonly cpu: number | undefined;
  readonly pid: number | undefined;
  readonly comm: string | undefined;
  /** Innermost first. The first one is where the registers were when there was such a line before the trace. */
  readonly frames: readonly PrintedFrame[];
  /** The line of the log it begins in. */
  readonly line: number;
}

export interface PrintedTask {
  readonly comm: string;
  readonly pid: number;
  readonly ppid: number;
  readonly state: string;
  readonly frames: readonly PrintedFrame[];
}

const framePattern =
  /^(?<guess>\? )?(?<symbol>[\w.$]+)\+0x(?<offset>[0-9a-f]+)\/0x[0-9a-f]+(?: \[(?<module>\w+)\])?(?: \([A-Z]+\))?$/;
const headPattern =
  /^CPU: (?<cpu>\d+)(?: UID: \d+)? PID: (?<pid>\d+) Comm: (?<comm>.{1,15}?) (?:Not tainted|Tainted:|Kdump:)/;
const registersPattern = /^(?:RIP: 0010:|pc : )(?<where>\S+(?: \[\w+\])?)/;
/** What may stand between the frames of one trace. */
const besidePattern =
  /^(?:<\/?[A-Z#_0-9 ]+>|RIP:|Code:|[RE]SP:|R\w\w?:|[A-Z]S:|CR\d|DR\d|PKRU|FS:|ORIG_RAX|RAX:|Call trace:)/i;
const taskPattern =
  /^task:(?<comm>.{1,15}?)\s+state:(?<state>\w)\s+stack:\s*\d+\s+pid:\s*(?<pid>\d+)\s+(?:tgid:\s*\d+\s+)?ppid:\s*(?<ppid>\d+)/;

/** The lines of a log without their times. */
export const logLines = (log: string): string[] =>
  log.split('\n').map((line) => line.replace(/^\[\s*\d+\.\d+\](?:\[[^\]]*\])? ?/, '').trim());

export function parseFrame(text: string): (PrintedFrame & { readonly isGuess: boolean }) | undefined {
  const found = framePattern.exec(text)?.groups;
  if (found === undefined) return undefined;
  return {
    symbol: found.symbol!,
    offset: Number.parseInt(found.offset!, 16),
    module: found.module,
    isGuess: found.guess !== undefined,
  };
}

/** The frames from `start`, a line after `Call Trace:`. */
function framesFrom(lines: readonly string[], start: number): PrintedFrame[] {
  const frames: PrintedFrame[] = [];
  for (const line of lines.slice(start)) {
    const registers = registersPattern.exec(line)?.groups?.where;
    const frame = parseFrame(registers ?? line);
    if (frame !== undefined) {
      const { isGuess, ...kept } = frame;
      if (!isGuess) frames.push(kept);
    } else if (!besidePattern.test(line)) break;
  }
  return frames;
}

const isTraceStart = (line: string): boolean => /^Call [Tt]race:$/.test(line);

/** All that follow a line that names a CPU, in the order of the log. */
export function printedTraces(log: string): PrintedTrace[] {
  const lines = logLines(log);
  const traces: PrintedTrace[] = [];
  let head: Record<string, string | undefined> = {};
  let registers: PrintedFrame | undefined;
  for (const [index, line] of lines.entries()) {
    const found = headPattern.exec(line)?.groups;
    if (found !== undefined) {
      head = found;
      registers = undefined;
    }
    if (taskPattern.test(line)) head = {};
    const where = registersPattern.exec(line)?.groups?.where;
    // Those of the exception; the ones in the middle of a trace come after it has begun.
    if (where !== undefined && line.startsWith('RIP')) {
      const frame = parseFrame(where);
      if (frame !== undefined)
        registers = { symbol: frame.symbol, offset: frame.offset, module: frame.module };
    }
    if (!isTraceStart(line) || head.cpu === undefined) continue;
    const frames = framesFrom(lines, index + 1);
    traces.push({
      cpu: Number(head.cpu),
      pid: Number(head.pid),
      comm: head.comm,
      frames: registers === undefined ? frames : [registers, ...frames],
      line: index,
    });
    head = {};
    registers = undefined;
  }
  return traces;
}

/** Of the last sysrq t. */
export function printedTasks(log: string): PrintedTask[] {
  const lines = logLines(log);
  const start = lines.findLastIndex((line) => /^sysrq: Show State$/.test(line));
  const tasks: PrintedTask[] = [];
  for (let index = start; index >= 0 && index < lines.length; index++) {
    const found = taskPattern.exec(lines[index]!)?.groups;
    if (found === undefined) continue;
    const trace = lines.slice(index + 1, index + 4).findIndex(isTraceStart);
    tasks.push({
      comm: found.comm!,
      pid: Number(found.pid),
      ppid: Number(found.ppid),
      state: found.state!,
      frames: trace < 0 ? [] : framesFrom(lines, index + 2 + trace),
    });
  }
  return tasks;
}
