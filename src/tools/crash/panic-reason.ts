/**
 * Why a machine went down, by what its kernel said last: the message it went down with, what led to it, and where.
 *
 * Source of truth: what Linux 4.18 to 7.2 prints. kernel/panic.c; x86: mm/fault.c, kernel/traps.c, dumpstack.c, nmi.c, cpu/mce; arm64: mm/fault.c,
 * kernel/traps.c, process.c; lib/bug.c, kernel/watchdog.c, watchdog_perf.c, hung_task.c, rcu/tree_stall.h, mm/oom_kill.c, mm/kasan/report.c, lib/ubsan.c.
 *
 * A kernel that armed a crash kernel leaves an oops for it before it prints "Kernel panic" (crash_kexec() in oops_end() and die()): then the oops is the message.
 */
import type { LogRecord } from './log.ts';

export interface PanicLine {
  readonly message: string;
  /** Seconds since boot. */
  readonly time: number;
}

export interface PanicReason extends PanicLine {
  /** What the message is only a consequence of: "Fatal exception" of an oops, "hung_task: blocked tasks" of a hung task. */
  readonly cause: PanicLine | undefined;
  /** Where the processor was, as the log has it: "write_to_null+0x1b/0x30 [crash_module]". */
  readonly where: string | undefined;
}

/** The message the kernel went down with; undefined when the log holds none. */
export function panicReason(records: readonly LogRecord[]): PanicReason | undefined {
  // The first: what follows a panic is its consequence.
  const panic = records.findIndex(({ text }) => panicLine.test(text));
  if (panic >= 0) return withCause(records, panic);
  const oops = lastOops(records, records.length);
  const other = records.findLastIndex(({ text }) => others.some((pattern) => pattern.test(text)));
  if (oops === undefined && other < 0) return undefined;
  const { line, head } = oops ?? { line: other, head: other };
  return { ...lineAt(records, line), cause: undefined, where: whereBehind(records, head) };
}

const panicLine = /^Kernel panic - not syncing: /;

/** The head that an oops has, with its code and number: "Oops: 0002 [#1] PREEMPT SMP", "Internal error: Oops: 96000045 [#1] SMP". */
const oopsNumber = /: [0-9a-f]+ \[#\d+\]/;

/** What tells more of an oops than its head does; it stands above. */
const oopsHeads: readonly RegExp[] = [
  /^BUG: kernel NULL pointer dereference/,
  // As until 5.0: "BUG: unable to handle kernel paging request at …".
  /^BUG: unable to handle /,
  /^Unable to handle kernel /,
  /^[Kk]ernel BUG at /,
  /^BUG: (\S+ )?stack guard page was hit at /,
  /^(traps: )?PANIC: double fault/,
  /^(CFI failure|Missing ENDBR|traps: Missing ENDBR)/,
  /^kernel tried to execute /,
];
/** Between the two stand page tables, notes of drivers and, with oops_all_cpu_backtrace, what all CPUs did. */
const headSeconds = 60;
const endOfReport = /^---\[ end /;

/** What a kernel that did not panic said last, in no order: it was stopped by an NMI, a hypervisor, or a crash kernel started by hand. */
const others: readonly RegExp[] = [
  ...oopsHeads,
  /^(Oops|Internal error): /,
  /^BUG: /,
  /^general protection fault/,
  /^(NMI )?watchdog: .*(soft lockup|hard LOCKUP)/,
  /^INFO: task .* blocked for more than \d+ seconds/,
  /^(rcu: )?INFO: \S+ (self-)?detected stalls? on /,
  /^sysrq: (SysRq : )?Trigger a crash/,
];

/** What a panic message is the consequence of, and how the line looks that tells it; the last before the panic. */
const causes: readonly (readonly [panic: RegExp, cause: RegExp])[] = [
  [/: hung_task: blocked tasks/, /^INFO: task .* blocked for more than \d+ seconds/],
  [/: softlockup: hung tasks/, /^(NMI )?watchdog: (BUG: )?soft lockup/],
  [/: Hard LOCKUP/i, /hard LOCKUP on cpu/],
  [/: RCU Stall/, /^(rcu: )?INFO: \S+ (self-)?detected stalls? on /],
  [
    /panic_on_warn set|: (KASAN|KFENCE|UBSAN|KCSAN|kasan\.fault)/,
    /^(WARNING: |BUG: |UBSAN: |kernel BUG at )/,
  ],
  [/: (Out of memory|System is deadlocked on memory)/, /invoked oom-killer: /],
  [/: NMI/, /^(NMI: |Uhhuh\. NMI received )/],
  [/: (Machine check|Fatal (local )?machine check|Fatal hardware error)/i, /\[Hardware Error\]: /],
  [
    /: (Asynchronous SError Interrupt|bad mode|Unhandled exception)/i,
    /^(SError Interrupt on CPU|Bad mode in )/,
  ],
  [/: kernel stack overflow/, /^Insufficient stack space to handle exception/],
];

/** Panics that follow an oops. */
const afterOops = /: (Fatal exception|Oops|Aiee|Attempted to kill|stack guard page|corrupted stack end)/;

function withCause(records: readonly LogRecord[], panic: number): PanicReason {
  const line = lineAt(records, panic);
  if (afterOops.test(line.message)) {
    const oops = lastOops(records, panic);
    return {
      ...line,
      cause: oops && lineAt(records, oops.line),
      where: whereBehind(records, oops?.head ?? panic),
    };
  }
  const pattern = causes.find(([of]) => of.test(line.message))?.[1];
  const cause = pattern && lastBefore(records, panic, pattern);
  // Without one the panic is what its function says; registers below it are of what an interrupt interrupted.
  if (cause === undefined) return { ...line, cause: undefined, where: undefined };
  return { ...line, cause: lineAt(records, cause), where: whereBehind(records, cause) };
}

function lastBefore(records: readonly LogRecord[], end: number, pattern: RegExp): number | undefined {
  const at = records.slice(0, end).findLastIndex(({ text }) => pattern.test(text));
  return at < 0 ? undefined : at;
}

/** Lines of the log: the one that tells most of an oops, and the one with its number, which its registers follow. */
interface Oops {
  readonly line: number;
  readonly head: number;
}

/** The last one before `end`. */
function lastOops(records: readonly LogRecord[], end: number): Oops | undefined {
  const head = lastBefore(records, end, oopsNumber);
  if (head === undefined) return undefined;
  const { time } = records[head]!;
  for (let at = head - 1; at >= 0 && time - records[at]!.time < headSeconds; at--) {
    const { text } = records[at]!;
    if (oopsHeads.some((pattern) => pattern.test(text))) return { line: at, head };
    if (endOfReport.test(text) || oopsNumber.test(text)) break;
  }
  return { line: head, head };
}

/** Of x86: in the kernel (segment 0010), not in a program. Of arm64, with pc and lr in two lines. */
const programCounter = /^(?:RIP: 0010:|pc : )(\S+(?: \[[^\]]+\])?)/;
/** "WARNING: CPU: 1 PID: 812 at kernel/x.c:12 func+0x12/0x34"; since 6.19 "WARNING: kernel/x.c:12 at func+0x12/0x34, CPU#1: comm/812". */
const warned = /^WARNING: .* (?:at )?([^\s,]+\+0x[0-9a-f]+\/0x[0-9a-f]+(?: \[[^\]]+\])?)/;
/** A report is shorter. */
const reportLength = 120;
/** What begins the report of something else: of another CPU. */
const otherReport = /^(NMI backtrace for cpu|Sending NMI from CPU)/;

function whereBehind(records: readonly LogRecord[], from: number): string | undefined {
  const own = warned.exec(records[from]!.text)?.[1];
  if (own !== undefined) return own;
  for (const { text } of records.slice(from, from + reportLength)) {
    if (otherReport.test(text) || endOfReport.test(text)) return undefined;
    const place = programCounter.exec(text)?.[1];
    if (place !== undefined) return place;
  }
  return undefined;
}

function lineAt(records: readonly LogRecord[], at: number): PanicLine {
  const { text, time } = records[at]!;
  return { message: text.trimEnd(), time };
}
