/**
 * The `sys` view: what machine and kernel this was, and how it fared.
 *
 * Source of truth: kernel/sched/loadavg.c (avenrun[3], fixed point with 11 bits, as /proc/loadavg rounds it), kernel/fork.c (nr_threads), init/main.c
 * (saved_command_line), kernel/panic.c (tainted_mask), mm/page_alloc.c (_totalram_pages; totalram_pages before 5.0, ca79b0c211af), Linux 6.1 and 7.2.
 */
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import { totalRamPages } from '../../kernel/memory/memory-accounts.ts';
import { Missing } from '../../kernel/missing.ts';
import { readInt, readLong, readLongs } from '../../kernel/numbers.ts';
import { explainTaints, type Taint } from '../../kernel/taints.ts';
import { readTasks } from '../../kernel/tasks/tasks.ts';
import { readText } from '../../kernel/text.ts';
import { readTimes } from '../../kernel/timekeeper.ts';
import { readUtsname } from '../../kernel/utsname.ts';
import { crashTime } from './info.ts';
import { dmesgRecords, type LogRecord } from './log.ts';
import { panicReason } from './panic-reason.ts';

export interface Tainted {
  readonly mask: number;
  /** "PDW"; empty when nothing tainted it. */
  readonly letters: string;
  readonly taints: readonly Taint[];
}

export interface SystemInfo {
  readonly nodename: string | null;
  readonly release: string | null;
  /** "#1 SMP PREEMPT_DYNAMIC …": how and when it was built. */
  readonly version: string | null;
  readonly machine: string | null;
  readonly domainname: string | null;
  readonly cpus: {
    /** Numbers of CPUs; null when a mask is not known. */
    readonly possible: readonly number[] | null;
    readonly present: readonly number[] | null;
    readonly online: readonly number[] | null;
  };
  /** Over 1, 5 and 15 minutes. */
  readonly loadAverage: readonly number[] | null;
  /** Threads of all processes and of the kernel, idle tasks left out. */
  readonly tasks: number | null;
  /** RAM that the kernel had for itself and for users, bytes. */
  readonly memory: number | null;
  /** Seconds since boot, suspended time included. */
  readonly uptimeSeconds: number | null;
  /** ISO 8601, UTC. */
  readonly bootTime: string | null;
  readonly crashTime: string | null;
  readonly panic: string | null;
  readonly tainted: Tainted | null;
  readonly commandLine: string | null;
  /** What could not be found out, and why. */
  readonly missing: readonly string[];
}

/** Never fails: what cannot be read is null, and `missing` says why. `log`: when it has been read already. */
export function describeSystem(crashed: CrashedKernel, log?: readonly LogRecord[]): SystemInfo {
  const missing = new Missing();
  const { kernel, info } = crashed;
  const attempt = <T>(what: string, read: () => T): T | null => missing.attempt(what, read) ?? null;
  const name = attempt('the name of the kernel', () => readUtsname(kernel, crashed.layouts));
  const times = attempt('the time', () => readTimes(crashed));
  const records = log ?? attempt('the log', () => dmesgRecords(kernel));
  return {
    nodename: name?.nodename ?? null,
    release: info.text('OSRELEASE') ?? name?.release ?? null,
    version: name?.version ?? null,
    machine: name?.machine ?? null,
    domainname: name?.domainname ?? null,
    cpus: {
      possible: attempt('the possible CPUs', () => crashed.cpuMask('possible')),
      present: attempt('the present CPUs', () => crashed.cpuMask('present')),
      online: attempt('the online CPUs', () => crashed.cpuMask('online')),
    },
    loadAverage: attempt('the load average', () => loadAverage(crashed)),
    tasks: attempt('the number of tasks', () => countTasks(crashed)),
    memory: attempt('the size of memory', () => totalRamPages(crashed) * crashed.dump.memory.pageSize),
    uptimeSeconds: times === null ? null : Number(times.sinceBoot) / 1e9,
    bootTime: times === null ? null : isoOfNanoseconds(times.bootedAt),
    crashTime: crashTime(info) ?? (times === null ? null : isoOfNanoseconds(times.now)),
    panic: records === null ? null : (panicReason(records)?.message ?? null),
    tainted: attempt('what the kernel is tainted with', () => readTainted(crashed)),
    commandLine:
      loggedCommandLine(crashed, records) ?? attempt('the command line', () => commandLine(crashed)),
    missing: missing.lines,
  };
}

/** E_NO_INFO when its symbol is not known. */
export function readTainted(crashed: CrashedKernel): Tainted {
  // As wide as a long, of which the table of letters bounds what is used.
  const mask = BigInt(readLong(crashed.kernel, crashed.symbols.require('tainted_mask')));
  const taints = explainTaints(crashed, BigInt.asUintN(64, mask));
  return { mask: Number(mask), letters: taints.map(({ letter }) => letter).join(''), taints };
}

/** FSHIFT of include/linux/sched/loadavg.h. */
const fixedOne = 2 ** 11;

function loadAverage(crashed: CrashedKernel): number[] {
  const loads = readLongs(crashed.kernel, crashed.symbols.require('avenrun'), 3);
  // /proc/loadavg adds half of the last digit it shows.
  return loads.map((load) => Math.floor(((load + fixedOne / 200) / fixedOne) * 100) / 100);
}

/** Counted where the kernel's own number has no name (no CONFIG_KALLSYMS_ALL). E_NO_INFO when not all can be found. */
function countTasks(crashed: CrashedKernel): number {
  const address = crashed.symbols.address('nr_threads');
  if (address !== undefined) return readInt(crashed.kernel, address);
  const missing = new Missing();
  const count = [...readTasks(crashed, { idle: 'without', missing })].length;
  if (missing.lines.length > 0) crashed.symbols.require('nr_threads');
  return count;
}

const commandLineSaid = /^Kernel command line: (.*[^\\])$/;

/** Where the variable has no name, the log may still have it, if it fits into a line there. */
function loggedCommandLine({ symbols }: CrashedKernel, records: readonly LogRecord[] | null): string | null {
  if (symbols.address('saved_command_line') !== undefined) return null;
  for (const { text } of records ?? []) {
    const [, said] = commandLineSaid.exec(text) ?? [];
    if (said !== undefined) return said.trimEnd();
  }
  return null;
}

/** saved_command_line is a char *. */
const commandLine = (crashed: CrashedKernel): string => {
  const pointer = crashed.kernel.readPointer(crashed.symbols.require('saved_command_line'));
  return readText(crashed.kernel, pointer).trimEnd();
};

/** Null for what is no time that has a name. */
function isoOfNanoseconds(nanoseconds: bigint): string | null {
  const date = new Date(Number(nanoseconds / 1_000_000n));
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
