/**
 * The stacks of a kernel: a task's own, and those that a CPU keeps for interrupts, exceptions and the way in from user space.
 *
 * Source of truth: arch/x86/kernel/dumpstack_64.c, irq_64.c, arch/x86/include/asm/{processor,cpu_entry_area}.h; arch/arm64/kernel/{stacktrace,irq,sdei}.c
 * (Linux 4.18, 6.1, 6.12, 7.2). What moved, and what tells:
 *   interrupts  irq_stack_union, whose end is in irq_stack_ptr, until 5.1; then irq_stack_backing_store and hardirq_stack_ptr (758a2e312228), which
 *               is in pcpu_hot from 6.2 to 6.14
 *   exceptions  cpu_entry_area.exception_stacks and orig_ist until 5.0; then cea_exception_stacks (019b17b3ffe4)
 *
 * Addresses are kernel virtual. Stacks that symbols and types do not tell of are not in the list: a walk does not go there.
 */
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import { Missing } from '../missing.ts';
import type { Struct } from '../struct.ts';
import { unaliased } from '../types/types.ts';

export interface StackArea {
  readonly name: string;
  readonly start: Vaddr;
  /** Where it begins to grow down. */
  readonly end: Vaddr;
}

const usualThreadSize = 0x4000;
const pageSize = 4096n;

/** THREAD_SIZE, as the first task's stack has it. */
export function threadSize({ symbols, dump }: CrashedKernel): number {
  for (const name of ['stack', 'task']) {
    const start = symbols.address(`__start_init_${name}`);
    const end = symbols.address(`__end_init_${name}`);
    if (start !== undefined && end !== undefined && end > start && end - start <= 0x10_0000n)
      return Number(end - start);
  }
  return Math.max(usualThreadSize, dump.memory.pageSize);
}

/** `task`: a task_struct. E_UNREADABLE when it is not in the dump. */
export function taskStack(crashed: CrashedKernel, task: Struct): StackArea {
  const start = task.pointer('stack');
  return { name: 'task', start, end: asVaddr(start + BigInt(threadSize(crashed))) };
}

/**
 * The stack that a stack pointer is on when nothing tells: stacks of tasks, and arm64's for interrupts, are THREAD_SIZE bytes large and aligned to it
 * (kernel/fork.c, arch/arm64/include/asm/vmap_stack.h). Undefined for what is no address of the kernel, or not in the dump.
 */
export function stackAround(crashed: CrashedKernel, sp: bigint): StackArea | undefined {
  const size = BigInt(threadSize(crashed));
  const start = asVaddr(sp - (sp % size));
  if (start >> 63n === 0n) return undefined;
  const isThere = new Missing().attempt('', () => crashed.kernel.readPointer(asVaddr(sp - (sp % 8n))));
  return isThere === undefined ? undefined : { name: 'assumed', start, end: asVaddr(start + size) };
}

/** The stacks of a CPU, as far as the dump tells of them. */
export function cpuStacks(crashed: CrashedKernel, cpu: number): StackArea[] {
  const areas = crashed.dump.arch === 'x86_64' ? x86Stacks : arm64Stacks;
  return areas.flatMap((find) => new Missing().attempt('', () => find(crashed, cpu)) ?? []);
}

type FindAreas = (crashed: CrashedKernel, cpu: number) => StackArea[];

const x86Stacks: readonly FindAreas[] = [
  x86IrqStack,
  x86ExceptionStacks,
  x86OldExceptionStacks,
  x86EntryStack,
];
const arm64Stacks: readonly FindAreas[] = [
  (crashed, cpu) => arm64PointedStack(crashed, cpu, 'irq_stack_ptr', 'interrupt'),
  (crashed, cpu) => arm64PointedStack(crashed, cpu, 'sdei_stack_normal_ptr', 'SDEI'),
  (crashed, cpu) => arm64PointedStack(crashed, cpu, 'sdei_stack_critical_ptr', 'critical SDEI'),
  (crashed, cpu) => {
    const start = crashed.perCpu('overflow_stack', cpu);
    return [{ name: 'overflow', start, end: asVaddr(start + pageSize) }];
  },
];

function arm64PointedStack(crashed: CrashedKernel, cpu: number, symbol: string, name: string): StackArea[] {
  const start = crashed.kernel.readPointer(crashed.perCpu(symbol, cpu));
  return start === 0n ? [] : [{ name, start, end: asVaddr(start + BigInt(threadSize(crashed))) }];
}

function x86IrqStack(crashed: CrashedKernel, cpu: number): StackArea[] {
  const { layouts, symbols, kernel } = crashed;
  const size = layouts.size('irq_stack') ?? layouts.requireSize('irq_stack_union');
  const variable = ['hardirq_stack_ptr', 'irq_stack_ptr'].find((name) => symbols.address(name) !== undefined);
  const pointer =
    variable === undefined
      ? crashed.struct('pcpu_hot', crashed.perCpu('pcpu_hot', cpu)).pointer('hardirq_stack_ptr')
      : kernel.readPointer(crashed.perCpu(variable, cpu));
  if (pointer === 0n) return [];
  // It points to the end, or to the last word.
  const end = asVaddr((pointer + 0xfffn) & ~0xfffn);
  return [{ name: 'interrupt', start: asVaddr(end - BigInt(size)), end }];
}

/** Since 5.1: pages with names, each with a guard before it. */
function x86ExceptionStacks(crashed: CrashedKernel, cpu: number): StackArea[] {
  const pages = crashed.kernel.readPointer(crashed.perCpu('cea_exception_stacks', cpu));
  if (pages === 0n) return [];
  const members = crashed.layouts.struct('cea_exception_stacks')?.members() ?? [];
  return members.flatMap(({ name, offset, type }) => {
    const resolved = unaliased(type());
    if (!name.endsWith('_stack') || resolved.kind !== 'array' || resolved.length === 0) return [];
    const start = asVaddr(pages + BigInt(offset));
    return [
      { name: `#${name.slice(0, -'_stack'.length)}`, start, end: asVaddr(start + BigInt(resolved.length)) },
    ];
  });
}

/** Before: one area in which they lie side by side, in order of orig_ist. */
function x86OldExceptionStacks(crashed: CrashedKernel, cpu: number): StackArea[] {
  const { layouts } = crashed;
  const ists = layouts.length('orig_ist.ist');
  if (ists === undefined) return [];
  const variable = crashed.perCpu('orig_ist', cpu);
  const ends = Array.from({ length: ists }, (_, i) =>
    crashed.kernel.readPointer(asVaddr(variable + BigInt(8 * i))),
  );
  const sorted = ends.filter((end) => end !== 0n).sort((a, b) => (a < b ? -1 : 1));
  return sorted.map((end, i) => ({
    name: 'exception',
    // The first has the usual size; the debug stack is twice as large.
    start: sorted[i - 1] ?? asVaddr(end - pageSize),
    end,
  }));
}

/** On which the kernel is entered from user space, for some instructions. */
function x86EntryStack(crashed: CrashedKernel, cpu: number): StackArea[] {
  const end = crashed.struct('tss_struct', crashed.perCpu('cpu_tss_rw', cpu)).pointer('x86_tss.sp0');
  if (end === 0n) return [];
  return [{ name: 'entry', start: asVaddr(end - BigInt(crashed.layouts.requireSize('entry_stack'))), end }];
}

/**
 * The stacks that one walk may pass, innermost first. On a stack it only goes up, and a stack that it left it does not come back to: so does the kernel
 * with `visit_mask`, and so every walk has an end.
 */
export class StackPath {
  private readonly crashed: CrashedKernel;
  private readonly areas: StackArea[];
  private readonly assume: (sp: bigint) => StackArea | undefined;
  private current: StackArea | undefined;
  private readonly left = new Set<StackArea>();

  /** `assume`: the stack to be taken where a stack pointer is on none of `areas`. */
  constructor(
    crashed: CrashedKernel,
    areas: readonly StackArea[],
    assume: (sp: bigint) => StackArea | undefined = () => undefined,
  ) {
    this.crashed = crashed;
    this.areas = [...areas];
    this.assume = assume;
  }

  /** Where the walk begins. Undefined when that is on no stack that is known. */
  begin(sp: bigint): StackArea | undefined {
    this.current = this.at(sp);
    return this.current;
  }

  /** The stack that a stack pointer belongs to, also one that ran over, into the guard below. */
  at(sp: bigint): StackArea | undefined {
    const known =
      this.areas.find(({ start, end }) => sp >= start && sp < end) ??
      this.areas.find(({ start, end }) => sp === end || (sp < start && sp >= start - pageSize));
    if (known !== undefined) return known;
    const assumed = this.assume(sp);
    if (assumed !== undefined) this.areas.push(assumed);
    return assumed;
  }

  /** What to say of a stack pointer that is in the guard below a stack. */
  overrun(sp: bigint): string | undefined {
    const area = this.at(sp);
    if (area === undefined || sp >= area.start) return undefined;
    return `the ${area.name} stack ran over: the stack pointer is ${area.start - sp} bytes below its end`;
  }

  /** The word at an address. E_CORRUPT when it is on none of the stacks, E_UNREADABLE when it is not in the dump. */
  word(address: bigint): Vaddr {
    this.check(address, 8);
    return this.crashed.kernel.readPointer(asVaddr(address));
  }

  /** E_CORRUPT when the bytes do not all lie on one of the stacks. */
  check(address: bigint, length: number): void {
    const area = this.areas.find(({ start, end }) => address >= start && address + BigInt(length) <= end);
    if (area === undefined || address % 8n !== 0n)
      throw this.broken(`what should be on the stack is at 0x${address.toString(16)}, which is no stack`);
  }

  /** Takes the stack pointer from one frame to the one that called it. E_CORRUPT when that is no way that stack pointers go. */
  move(from: bigint, to: bigint): void {
    const area = this.at(to);
    if (area === undefined) throw this.broken(`the stack leads to 0x${to.toString(16)}, which is no stack`);
    if (area === this.current) {
      if (to > from) return;
      throw this.broken(`the stack leads from 0x${from.toString(16)} back to 0x${to.toString(16)}`);
    }
    if (this.left.has(area))
      throw this.broken(`the stack leads back to the ${area.name} stack, which it came from`);
    if (this.current !== undefined) this.left.add(this.current);
    this.current = area;
  }

  broken(what: string): VmcoreError {
    return new VmcoreError('E_CORRUPT', what, { file: this.crashed.dump.source.name });
  }
}
