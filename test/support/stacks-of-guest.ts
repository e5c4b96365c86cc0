/**
 * Our stacks of a guest's dump beside those that its kernel printed with its own unwinder: of every task by sysrq t, just before it went down,
 * and of the CPU that went down, by the oops or the panic itself (kernel-traces.ts).
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import type { CrashGuest, CrashWay } from '../../lab/guests/crash-guests.ts';
import { type PrintedFrame, type PrintedTrace, printedTasks, printedTraces } from './kernel-traces.ts';
import { vmcoreJson } from './vmcore-json.ts';

export interface OurFrame {
  readonly pc: string;
  readonly symbol: string | null;
  readonly offset: number | null;
  readonly module: string | null;
  readonly found: string;
  /** Stopped at pc, not returned to. */
  readonly interrupted: boolean;
}

export interface OurStack {
  readonly pid: number;
  readonly comm: string;
  readonly cpu: number;
  /** Of tasks. */
  readonly state?: string;
  readonly frames: readonly OurFrame[];
  readonly incomplete: string | null;
}

interface OurStacks {
  readonly cpus: readonly OurStack[];
  readonly tasks: readonly OurStack[];
  readonly missing?: readonly string[];
}

/** In the upper half of all addresses, where the kernel is. */
export const isKernel = ({ pc }: OurFrame): boolean => BigInt(pc) >> 63n === 1n;

export const nameOf = (frame: OurFrame | PrintedFrame): string =>
  `${frame.symbol}+${frame.offset}${frame.module === null || frame.module === undefined ? '' : ` [${frame.module}]`}`;

const namesOf = (frames: readonly (OurFrame | PrintedFrame)[]): string[] => frames.map(nameOf);

/** Who prints, and starts the capture kernel, stands above what went wrong. */
function fromTheCause(trace: PrintedTrace): readonly PrintedFrame[] {
  const panic = trace.frames.findLastIndex(({ symbol }) => symbol === 'panic');
  return trace.frames.slice(panic + 1);
}

/** The stack that the kernel printed last of a CPU: why it went down. On its way to the capture kernel it may print more. */
function printedOf(log: string, cpu: number): PrintedTrace {
  const trace = printedTraces(log).findLast(
    ({ cpu: candidate, frames }) =>
      candidate === cpu && !frames.some(({ symbol }) => symbol === '__crash_kexec'),
  );
  assert.ok(trace !== undefined, `the log has a trace of CPU ${cpu}`);
  return trace;
}

/**
 * How our frames would be printed by the kernel's own unwinder. On arm64 it misses who called a function that was interrupted and has no
 * frame record of its own, which we find by the link register; and it looks up a return address behind the end of a function (a call that
 * does not return) as the next one's beginning.
 */
function asPrinted(ours: readonly OurFrame[], printed: readonly PrintedFrame[]): (OurFrame | PrintedFrame)[] {
  const frames: (OurFrame | PrintedFrame)[] = [];
  for (const [index, frame] of ours.entries()) {
    const theirs = printed[frames.length];
    const isLeafsCaller =
      ours[index - 1]?.interrupted === true && /^(registers|call-site)$/.test(frame.found);
    if (theirs !== undefined && theirs.offset === 0 && !frame.interrupted) frames.push(theirs);
    else if (!(isLeafsCaller && theirs !== undefined && nameOf(theirs) !== nameOf(frame))) frames.push(frame);
  }
  return frames;
}

/** Who panics stands on the stack, down from where the registers were saved; an oops hands over those it began with. */
function assertShows(ours: OurStack, expected: readonly PrintedFrame[], start: 'oops' | 'panic'): void {
  const frames = ours.frames.filter(isKernel);
  const panic = start === 'panic' ? frames.findIndex(({ symbol }) => symbol === 'panic') : -1;
  if (start === 'panic') {
    assert.match(frames[0]?.symbol ?? '', /^(__)?crash_kexec$/);
    assert.notEqual(panic, -1);
  }
  assert.deepEqual(namesOf(asPrinted(frames.slice(panic + 1), expected)), namesOf(expected));
}

interface OurTasks {
  readonly tasks: readonly {
    readonly pid: number;
    /** Seconds; `idle`: since it ran last. */
    readonly times: { readonly started: number; readonly age: number; readonly idle: number | null };
  }[];
}

function checkSleepers({ dump, log, witness }: CrashGuest): void {
  const text = readFileSync(log, 'latin1');
  const { tasks } = vmcoreJson<OurStacks>('bt', dump, '--all');
  const { tasks: timed } = vmcoreJson<OurTasks>('ps', dump);
  const idle = new Map(timed.map(({ pid, times }) => [pid, times.idle]));
  const ours = new Map(tasks.map((task) => [task.pid, task]));
  const [first] = timed;
  // The clocks of the scheduler and of the log: either may have stood still on the way down.
  const logged = [...text.matchAll(/^\[\s*(\d+\.\d+)\]/gm)].map(([, time]) => Number(time));
  const end = Math.max(first!.times.started + first!.times.age, logged.at(-1)!);
  const shown = Number(/^\[\s*(\d+\.\d+)\].*sysrq: Show State$/m.exec(text)?.[1]);
  const since = end - shown + 0.1;
  const made = new Set(Object.values(witness.made));
  let compared = 0;
  for (const task of printedTasks(text)) {
    const stack = ours.get(task.pid);
    const hasRun = (idle.get(task.pid) ?? 0) <= since;
    // Whoever has run since then may sleep elsewhere, and a dead task has no stack.
    if (task.state === 'R' || task.state === 'Z' || (hasRun && !made.has(task.pid))) continue;
    if (stack === undefined) continue;
    compared++;
    const frames = stack.frames.filter(isKernel);
    assert.deepEqual(namesOf(frames), namesOf(task.frames), `${task.pid} ${task.comm}`);
    // On its own word: every frame says how it was found, and only what the tables tell is taken.
    for (const { found } of frames)
      assert.match(found, /^(registers|orc|frame-pointer|exception|call-site)$/);
  }
  assert.ok(compared > 60, `${compared} stacks compared`);
}

/** In the others it is an oops; on arm64 an overflow is none. */
const panics: readonly CrashWay[] = ['sysrq', 'nmi', 'softirq'];

const startOf = ({ release }: CrashGuest, way: CrashWay): 'oops' | 'panic' =>
  panics.includes(way) || (way === 'stack-overflow' && release.endsWith('arm64')) ? 'panic' : 'oops';

function checkCrashedCpu(guest: CrashGuest, way: CrashWay, cpu: number): void {
  const { cpus } = vmcoreJson<OurStacks>('bt', guest.dump, '-a');
  const ours = cpus.find((candidate) => candidate.cpu === cpu);
  const trace = printedOf(readFileSync(guest.log, 'latin1'), cpu);
  assert.ok(ours !== undefined);
  assert.deepEqual([ours.pid, ours.comm], [trace.pid, trace.comm]);
  assertShows(ours, fromTheCause(trace), startOf(guest, way));
}

/**
 * CPU 1 as the NMI found it, which took its backtrace before; and again where the crash stopped it, in the same loop. On arm64 nothing stops
 * it, and it leaves no registers.
 */
function checkSpinner(guest: CrashGuest): void {
  const { cpus } = vmcoreJson<OurStacks>('bt', guest.dump, '-a');
  const ours = cpus.find(({ cpu }) => cpu === 1);
  assert.ok(ours !== undefined);
  assert.equal(ours.comm, 'spinner');
  if (guest.release.endsWith('arm64')) {
    assert.match(ours.incomplete ?? '', /CPU 1 left no registers/);
    assert.deepEqual(ours.frames, []);
    return;
  }
  const trace = printedOf(readFileSync(guest.log, 'latin1'), 1);
  const frames = ours.frames.filter(isKernel);
  assert.deepEqual(namesOf(frames.slice(1)), namesOf(trace.frames.slice(1)));
  assert.equal(frames[0]?.symbol, 'wait_here');
  assert.equal(trace.frames[0]?.symbol, 'wait_here');
}

/** What of the module is on the stack of the CPU that went down, innermost first. */
const own: Readonly<Record<CrashWay, readonly string[]>> = {
  sysrq: [],
  oops: ['write_to_null', 'write_through', 'crash_write'],
  'hung-cpu': ['write_to_null', 'write_through', 'crash_write'],
  'stack-overflow': ['recurse', 'overflow_stack', 'crash_write'],
  nmi: ['wait_here', 'spin_with_interrupts_off', 'crash_write'],
  softirq: ['panic_in_timer', 'wait_here', 'be_interrupted_by_timer', 'crash_write'],
  hardirq: ['write_to_null', 'write_through', 'crash_in_interrupt', 'be_interrupted', 'crash_write'],
  kworker: ['crash_in_worker'],
};

/** In their order; what is there more than once counts once, and what an interrupt met on its way (wait_here) need not be there. */
function checkModuleFrames(guest: CrashGuest, way: CrashWay, cpu: number): void {
  const { cpus } = vmcoreJson<OurStacks>('bt', guest.dump, '-a');
  const symbols = cpus
    .find((candidate) => candidate.cpu === cpu)!
    .frames.filter(({ module }) => module === 'crash_module')
    .map(({ symbol }) => symbol);
  const once = symbols.filter((symbol, index) => symbol !== symbols[index - 1]);
  const meets = way === 'hardirq' ? once.filter((symbol) => symbol !== 'wait_here') : once;
  assert.deepEqual(meets, own[way]);
}

/** What brought it down, in the kernel's words: of x86 and of arm64. */
const reasons: Readonly<Record<CrashWay, RegExp>> = {
  sysrq: /^Kernel panic - not syncing: sysrq triggered crash$/,
  oops: /NULL pointer dereference/,
  'hung-cpu': /NULL pointer dereference/,
  'stack-overflow': /stack guard page was hit|kernel stack overflow/,
  nmi: /^Kernel panic - not syncing: NMI: Not continuing$/,
  softirq: /^Kernel panic - not syncing: crash_module: a timer expired$/,
  hardirq: /NULL pointer dereference/,
  kworker: /^kernel BUG at .*crash_module\.c:\d+!$/,
};

interface OurReport {
  readonly panic: { readonly message: string; readonly where: string | null } | null;
  readonly crashed: {
    readonly cpu: number;
    readonly comm: string;
    readonly frames: readonly OurFrame[];
  } | null;
  readonly system: { readonly release: string; readonly tainted: { readonly letters: string } } | null;
  readonly missing: readonly string[];
}

function checkReport({ dump, release }: CrashGuest, way: CrashWay, cpu: number): void {
  const { panic, crashed, system, missing } = vmcoreJson<OurReport>('report', dump);
  assert.match(panic?.message ?? '', reasons[way]);
  assert.equal(crashed?.cpu, cpu);
  const names: Partial<Record<CrashWay, RegExp>> = { sysrq: /^sh$/, nmi: /^spinner$/, kworker: /^kworker\// };
  assert.match(crashed?.comm ?? '', names[way] ?? /^crasher$/);
  assert.equal(system?.release, release);
  // What is in variables cannot be told of a kernel that has only the names of its functions.
  if (missing.some((line) => line.includes('CONFIG_KALLSYMS_ALL'))) return;
  // A module from outside the tree that nobody signed.
  assert.match(system?.tainted.letters ?? '', /OE/);
}

const crashedCpu = (text: string): number => {
  const trace = printedTraces(text).findLast(({ comm }) => comm !== undefined);
  return trace?.cpu ?? 0;
};

/** Registers the tests of a guest's stacks. */
export function itHasTheStacksThatTheKernelPrinted(guest: () => CrashGuest, way: CrashWay): void {
  const cpu = (): number => (way === 'kworker' ? crashedCpu(readFileSync(guest().log, 'latin1')) : 0);
  it('of the CPU that went down', () => checkCrashedCpu(guest(), way, cpu()));
  it('with the frames of the module', () => checkModuleFrames(guest(), way, cpu()));
  it('and the report says why it went down, who did it, and where', () => checkReport(guest(), way, cpu()));
  if (way === 'hung-cpu') it('of the CPU that spun with interrupts off', () => checkSpinner(guest()));
  it('of every task that slept', () => checkSleepers(guest()));
}
