/**
 * The `report` view: what happened, at a glance. Made of the other views; each part that cannot be had is null, and `missing` says why.
 *
 * Never fails on a dump that opened: one without vmcoreinfo has at least what its container says.
 */
import { VmcoreError } from '../../base/errors.ts';
import type { Dump } from '../../formats/dump.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import { Missing } from '../../kernel/missing.ts';
import { type CpuStack, type FrameInfo, readStacks, type StackInfo } from './bt.ts';
import { type DumpInfo, summarize } from './info.ts';
import type { LogRecord } from './log.ts';
import { describeMemory, type MemoryUse } from './mem.ts';
import { type PanicLine, panicReason } from './panic-reason.ts';
import { describeSystem, type SystemInfo } from './sys.ts';

export interface CpuDoing {
  readonly cpu: number;
  /** The crash began here. */
  readonly crashed: boolean;
  /** What it ran; null when that could not be read. */
  readonly pid: number | null;
  readonly comm: string | null;
  /** "idle", "user mode", or the function it was in: "__mmap_region+0x75f". Null when that is not to be known. */
  readonly doing: string | null;
}

export interface PanicInfo extends PanicLine {
  /** What the message is only a consequence of. */
  readonly cause: PanicLine | null;
  /** As the log has it: "write_to_null+0x1b/0x30 [crash_module]". */
  readonly where: string | null;
}

export interface CrashReport {
  readonly dump: DumpInfo;
  readonly system: SystemInfo | null;
  readonly panic: PanicInfo | null;
  /** By the log; else the innermost frame of `crashed` that is not about crashing. */
  readonly where: string | null;
  /** The CPU that crashed, what it ran, and its stack. */
  readonly crashed: CpuStack | null;
  readonly cpus: readonly CpuDoing[];
  /** The last records of the log up to the panic, and to what led to it. */
  readonly log: readonly { readonly time: number; readonly text: string }[];
  readonly memory: Omit<MemoryUse, 'nodes' | 'counters' | 'missing'> | null;
  /** What could not be found out, and why. */
  readonly missing: readonly string[];
}

/** `open` is called once; it may throw E_NO_INFO. */
export function reportCrash(dump: Dump, open: (dump: Dump) => CrashedKernel): CrashReport {
  const missing = new Missing();
  const { crashed, trouble } = attemptOpen(dump, open);
  const { info, log } = summarize(dump, crashed?.kernel);
  for (const line of info.missing) missing.note(line);
  // Without vmcoreinfo there is nothing more to say, and that was said.
  if (trouble !== undefined && !info.missing.some((line) => line.endsWith(trouble)))
    missing.note(`the kernel: ${trouble}`);
  const reason = panicReason(log);
  const panic =
    reason === undefined ? null : { ...reason, cause: reason.cause ?? null, where: reason.where ?? null };
  const container = {
    dump: info,
    panic,
    log: lastLines(log, panic),
  };
  if (crashed === undefined)
    return {
      ...container,
      system: null,
      where: panic?.where ?? null,
      crashed: null,
      cpus: [],
      memory: null,
      missing: missing.lines,
    };
  const system = describeSystem(crashed, log);
  const { nodes: _, counters: __, missing: notInMemory, ...memory } = describeMemory(crashed);
  const stacks = missing.attempt('the stacks', () => readStacks(crashed, { of: 'CPUs' }));
  for (const line of [...system.missing, ...notInMemory, ...(stacks?.missing ?? [])]) missing.note(line);
  const cpus = withCrashed(stacks?.cpus ?? [], log, panic);
  for (const { cpu, incomplete } of cpus)
    if (incomplete !== null) missing.note(`the stack of CPU ${cpu}: ${incomplete}`);
  const crashing = cpus.find((cpu) => cpu.crashed);
  const frame = crashing && whereItWas(crashing.frames);
  return {
    ...container,
    system,
    where: panic?.where ?? (frame === undefined ? null : placeOf(frame)),
    crashed: crashing ?? null,
    cpus: cpus.map(cpuDoing),
    memory,
    missing: missing.lines,
  };
}

/** "CPU: 0 PID: 247 Comm: crasher Tainted: …", since 6.13 with a "UID: 0" (dump_stack_print_info() of lib/dump_stack.c). */
const whoSays = /^CPU: (\d+) (?:UID: \d+ )?PID: (\d+) Comm: /;

/** Where no variable tells which CPU it was: the kernel says it below its message, and that CPU's registers say the same pid. */
export function withCrashed(
  cpus: readonly CpuStack[],
  log: readonly Pick<LogRecord, 'time' | 'text'>[],
  panic: Pick<PanicInfo, 'time' | 'cause'> | null,
): readonly CpuStack[] {
  const { time } = panic?.cause ?? panic ?? { time: Number.POSITIVE_INFINITY };
  if (cpus.some(({ crashed }) => crashed)) return cpus;
  const says = log.find((record) => record.time >= time && whoSays.test(record.text));
  const [, cpu, pid] = whoSays.exec(says?.text ?? '') ?? [];
  return cpus.map((stack) =>
    stack.cpu === Number(cpu) && stack.pid === Number(pid) ? { ...stack, crashed: true } : stack,
  );
}

function attemptOpen(
  dump: Dump,
  open: (dump: Dump) => CrashedKernel,
): { readonly crashed?: CrashedKernel; readonly trouble?: string } {
  try {
    return { crashed: open(dump) };
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    return { trouble: error.message };
  }
}

/** Records of the log that are shown. */
const shownRecords = 12;

function lastLines(log: readonly LogRecord[], panic: PanicInfo | null): CrashReport['log'] {
  const { time, message } = panic?.cause ?? panic ?? { time: 0, message: undefined };
  const at = log.findIndex((record) => record.time === time && record.text.trimEnd() === message);
  const end = at < 0 ? log.length : at + 1;
  return log
    .slice(Math.max(0, end - shownRecords), end)
    .map(({ time: when, text }) => ({ time: when, text }));
}

const cpuDoing = (stack: CpuStack): CpuDoing => {
  const { cpu, crashed, pid, comm } = stack;
  return { cpu, crashed, pid, comm, doing: doing(stack, pid) };
};

/** What a CPU does that has nothing to do. */
const idleFunctions =
  /^(default_idle|native_safe_halt|pv_native_safe_halt|arch_cpu_idle|acpi_(idle_|safe_halt)|intel_idle|mwait_idle|cpuidle_|cpu_do_idle|poll_idle|haltpoll_)/;
/** Between what went wrong and the end: functions of kernel/panic.c, kexec_core.c and crash_core.c; arch/x86/kernel/{dumpstack,nmi}.c, entry_64.S; arch/arm64/kernel/{traps,entry-common}.c. */
const crashFunctions =
  /^(machine_kexec|machine_crash_shutdown|crash_setup_regs|(__)?crash_kexec|v?panic|panic_smp_self_stop|nmi_panic|oops_end|(__)?die|page_fault_oops|unknown_nmi_error|io_check_error|pci_serr_error|(default_)?do_nmi|exc_nmi|end_repeat_nmi|asm_exc_nmi|panic_bad_stack|(__|handle_)bad_stack)(\.\w+)*$/;

function doing({ frames, end }: StackInfo, pid: number | null): string | null {
  const frame = whereItWas(frames);
  if (frame === undefined) return end === 'user mode' ? 'user mode' : null;
  if (pid === 0 && frame.symbol !== null && idleFunctions.test(frame.symbol)) return 'idle';
  return frame.symbol === null ? frame.pc : placeOf(frame);
}

/** The innermost frame that is not about crashing. */
export const whereItWas = (frames: readonly FrameInfo[]): FrameInfo | undefined =>
  frames.find(({ symbol }) => symbol === null || !crashFunctions.test(symbol)) ?? frames[0];

/** "recurse+0x24 [crash_module]". */
const placeOf = ({ symbol, offset, pc, module }: FrameInfo): string =>
  symbol === null ? pc : `${symbol}+0x${(offset ?? 0).toString(16)}${module === null ? '' : ` [${module}]`}`;
