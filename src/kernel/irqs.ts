/**
 * Interrupts: what they are connected to, who handles them, and how often they came on each CPU.
 *
 * Source of truth: include/linux/irqdesc.h, irq.h, interrupt.h (Linux 4.18, 6.1, 7.2), arch/x86/include/asm/hardirq.h and kernel/irq.c. What moved:
 *   descriptors   a radix tree, irq_desc_tree, until 6.4; a maple tree, sparse_irqs, since 6.5 (721255b9826b)
 *   counts        irq_desc.kstat_irqs, per-CPU: unsigned int; struct irqstat { cnt } since 6.10 (86d2a2f51fba)
 *   x86's own     members of irq_cpustat_t; an array with a table of names, irq_stat_info[], since 7.2
 */
import { viewOf } from '../base/bytes.ts';
import type { CrashedKernel } from './crashed-kernel.ts';
import { walkMapleTree } from './lists/maple-tree.ts';
import { walkXarray } from './lists/xarray.ts';
import type { Missing } from './missing.ts';
import { readUnsignedInt } from './numbers.ts';
import type { Struct } from './struct.ts';
import { unaliased } from './types/types.ts';

export interface IrqDescriptor {
  readonly irq: number;
  /** Its struct irq_desc. */
  readonly struct: Struct;
}

/** All that were allocated, ascending. What is damaged or missing is noted, the rest comes. */
export function* readIrqs(crashed: CrashedKernel, missing: Missing): Generator<IrqDescriptor> {
  const { symbols, layouts } = crashed;
  const what = 'the interrupts';
  const maple = symbols.address('sparse_irqs');
  if (maple !== undefined) {
    const tree = crashed.struct('maple_tree', maple);
    for (const { first, entry } of walkMapleTree(crashed, tree, what, missing))
      yield { irq: Number(first), struct: crashed.struct('irq_desc', entry) };
    return;
  }
  const radix = missing.attempt(what, () => symbols.require('irq_desc_tree'));
  if (radix === undefined) return;
  // radix_tree_root is another name of xarray since 4.20.
  const tree = crashed.struct(layouts.struct('xarray') === undefined ? 'radix_tree_root' : 'xarray', radix);
  for (const { index, entry } of walkXarray(crashed, tree, what, missing))
    yield { irq: index, struct: crashed.struct('irq_desc', entry) };
}

/** By CPU, in the order of `cpus`. */
export function irqCounts(
  crashed: CrashedKernel,
  { struct }: IrqDescriptor,
  cpus: readonly number[],
): number[] {
  const counts = struct.pointer('kstat_irqs');
  if (counts === 0n) return cpus.map(() => 0);
  const at = BigInt(crashed.layouts.offset('irqstat.cnt') ?? 0);
  return cpus.map((cpu) => readUnsignedInt(crashed.kernel, crashed.onCpu(counts, cpu) + at));
}

/** The CPUs that may get it; undefined where the kernel has no such mask. `path`: of a cpumask_var_t in irq_desc. */
export function irqMask(
  crashed: CrashedKernel,
  { struct }: IrqDescriptor,
  path: string,
): number[] | undefined {
  const member = crashed.layouts.member(`irq_desc.${path}`);
  if (member === undefined) return undefined;
  // A pointer with CONFIG_CPUMASK_OFFSTACK, to as many bits as there can be CPUs.
  const isPointer = unaliased(member.member.type()).kind === 'pointer';
  const mask = isPointer ? struct.pointer(path) : struct.addressOf(path);
  if (mask === 0n) return undefined;
  const words = Math.floor((crashed.cpus.at(-1) ?? 0) / 64) + 1;
  const view = viewOf(crashed.kernel.read(mask as Struct['address'], 8 * words));
  return crashed.cpus.filter((cpu) => {
    const word = view.getBigUint64(8 * Math.floor(cpu / 64), crashed.dump.littleEndian);
    return ((word >> BigInt(cpu % 64)) & 1n) === 1n;
  });
}

/**
 * The interrupt controller as /proc/interrupts names it. Some chips have no name but a function that prints one: of the GICv2 it is known what that prints
 * (drivers/irqchip/irq-gic.c, Linux 6.12); of others what they are the domain of is named.
 */
export function irqChip(crashed: CrashedKernel, { struct }: IrqDescriptor): string | undefined {
  const chip = struct.follow('irq_data.chip');
  const name = chip?.text('name') ?? '';
  if (name !== '') return name;
  const print = crashed.symbols.address('gic_irq_print_chip');
  const isGic = chip?.has('irq_print_chip') === true && chip.pointer('irq_print_chip') === print;
  const gics = crashed.symbols.address('gic_data');
  const size = crashed.layouts.size('gic_chip_data');
  if (isGic && gics !== undefined && size !== undefined)
    return `GIC-${(struct.pointer('irq_data.chip_data') - gics) / BigInt(size)}`;
  if (!struct.has('irq_data.domain')) return undefined;
  return struct.follow('irq_data.domain')?.text('name') || undefined;
}

/** More handlers than share an interrupt. */
const maxActions = 1024;

/** Its handlers, struct irqaction. */
export function* irqActions({ struct }: IrqDescriptor, missing: Missing): Generator<Struct> {
  const seen = new Set<bigint>();
  const what = 'the handlers of an interrupt';
  let action = missing.attempt(what, () => struct.follow('action'));
  while (action !== undefined) {
    if (seen.has(action.address) || seen.size >= maxActions) {
      missing.note(`${what}: their list goes round`);
      return;
    }
    seen.add(action.address);
    yield action;
    const current = action;
    action = missing.attempt(what, () => current.follow('next'));
  }
}

export interface CpuInterrupt {
  /** As /proc/interrupts names it: "LOC". */
  readonly name: string;
  /** By CPU, in the order asked for. */
  readonly counts: readonly number[];
}

/** Of irq_cpustat_t, until 7.1. */
const x86Names: readonly (readonly [name: string, member: string])[] = [
  ['NMI', '__nmi_count'],
  ['LOC', 'apic_timer_irqs'],
  ['SPU', 'irq_spurious_count'],
  ['PMI', 'apic_perf_irqs'],
  ['IWI', 'apic_irq_work_irqs'],
  ['RTR', 'icr_read_retry_count'],
  ['PLT', 'x86_platform_ipis'],
  ['RES', 'irq_resched_count'],
  ['CAL', 'irq_call_count'],
  ['TLB', 'irq_tlb_count'],
  ['TRM', 'irq_thermal_count'],
  ['THR', 'irq_threshold_count'],
  ['DFR', 'irq_deferred_error_count'],
  ['HYP', 'irq_hv_callback_count'],
  ['HRE', 'irq_hv_reenlightenment_count'],
  ['HVS', 'hyperv_stimer0_count'],
  ['PIN', 'kvm_posted_intr_ipis'],
  ['NPI', 'kvm_posted_intr_nested_ipis'],
  ['PIW', 'kvm_posted_intr_wakeup_ipis'],
];

/** Per-CPU variables of their own, until 7.1. */
const x86Variables = [
  ['MCE', 'mce_exception_count'],
  ['MCP', 'mce_poll_count'],
] as const;

function perCpuCounter(
  crashed: CrashedKernel,
  [name, symbol]: (typeof x86Variables)[number],
  cpus: readonly number[],
): CpuInterrupt[] {
  if (crashed.symbols.address(symbol) === undefined) return [];
  return [{ name, counts: cpus.map((cpu) => readUnsignedInt(crashed.kernel, crashed.perCpu(symbol, cpu))) }];
}

/** x86's interrupts that have no descriptor: of timers, other CPUs, errors. None on arm64, whose are like all others. */
export function cpuInterrupts(crashed: CrashedKernel, cpus: readonly number[]): CpuInterrupt[] {
  if (crashed.dump.arch !== 'x86_64') return [];
  const stats = cpus.map((cpu) => crashed.struct('irq_cpustat_t', crashed.perCpu('irq_stat', cpu)));
  const [first] = stats;
  if (first === undefined) return [];
  if (!first.has('counts')) {
    const members = x86Names
      .filter(([, member]) => first.has(member))
      .map(([name, member]) => ({ name, counts: stats.map((stat) => stat.number(member)) }));
    return [...members, ...x86Variables.flatMap((of) => perCpuCounter(crashed, of, cpus))];
  }
  const info = crashed.symbols.require('irq_stat_info');
  const size = crashed.layouts.requireSize('irq_stat_info');
  const length = crashed.layouts.length('irq_cpustat_t.counts') ?? 0;
  return Array.from({ length }, (_, i) => ({
    name: crashed
      .struct('irq_stat_info', info + BigInt(i * size))
      .text('symbol')
      .trim(),
    counts: stats.map((stat) => readUnsignedInt(crashed.kernel, stat.addressOf('counts') + BigInt(4 * i))),
  }));
}
