/** The `irq` view: interrupts, what they come from, who handles them, and how often they came. Addresses are "0x…". */
import { hex } from '../../base/units.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import {
  type CpuInterrupt,
  cpuInterrupts,
  type IrqDescriptor,
  irqActions,
  irqChip,
  irqCounts,
  irqMask,
  readIrqs,
} from '../../kernel/irqs.ts';
import { Missing } from '../../kernel/missing.ts';
import type { Struct } from '../../kernel/struct.ts';
import { symbolText } from './address.ts';

export interface IrqInfo {
  readonly irq: number;
  /** The interrupt controller, or its domain: "IO-APIC", "PCI-MSI", ":intc@8000000"; null when it has none. */
  readonly chip: string | null;
  /** What the controller calls it. */
  readonly hwirq: number | null;
  /** Of its kind: "edge", "fasteoi"; null when it has none. */
  readonly name: string | null;
  /** The function that deals with its kind: "handle_edge_irq". */
  readonly flow: string | null;
  readonly actions: readonly {
    /** "eth0", "i8042". */
    readonly name: string;
    readonly handler: string;
    /** Where it has a thread: what that runs, and its pid. */
    readonly thread: { readonly handler: string; readonly pid: number | null } | null;
  }[];
  /** How often it came: of each CPU in `cpus`. */
  readonly counts: readonly number[];
  /** How often it was disabled more than enabled: it comes only at 0. Null for one that each CPU enables for itself. */
  readonly disabled: number | null;
  /** CPUs that may get it, and that do; null where the kernel does not choose. */
  readonly affinity: readonly number[] | null;
  readonly effectiveAffinity: readonly number[] | null;
  /** Of its struct irq_desc. */
  readonly address: string;
}

export interface IrqList {
  readonly cpus: readonly number[];
  readonly irqs: readonly IrqInfo[];
  /** x86's interrupts without a number: "LOC", "NMI", "RES". */
  readonly cpuInterrupts: readonly CpuInterrupt[];
  readonly missing: readonly string[];
}

/** Never fails: what cannot be read is left out or null, and `missing` says why. */
export function listIrqs(crashed: CrashedKernel): IrqList {
  const missing = new Missing();
  const cpus = missing.attempt('the CPUs', () => crashed.cpus) ?? [];
  const irqs = [...missing.drain('the interrupts', readIrqs(crashed, missing))].map((irq) =>
    describe(crashed, irq, cpus, missing),
  );
  return {
    cpus,
    irqs,
    cpuInterrupts: missing.attempt('interrupts without a number', () => cpuInterrupts(crashed, cpus)) ?? [],
    missing: missing.lines,
  };
}

function describe(
  crashed: CrashedKernel,
  descriptor: IrqDescriptor,
  cpus: readonly number[],
  missing: Missing,
): IrqInfo {
  const { irq, struct } = descriptor;
  const attempt = <T>(what: string, read: () => T | undefined): T | null =>
    missing.attempt(`${what} of interrupt ${irq}`, read) ?? null;
  const noted = new Missing();
  const actions = [...irqActions(descriptor, noted)].flatMap(
    (action) => noted.attempt('a handler', () => describeAction(crashed, action)) ?? [],
  );
  for (const line of noted.lines) missing.note(`interrupt ${irq}: ${line}`);
  return {
    irq,
    chip: attempt('the chip', () => irqChip(crashed, descriptor)),
    hwirq: attempt('the number', () => struct.number('irq_data.hwirq')),
    name: attempt('the name', () => struct.text('name')) || null,
    flow: attempt('the flow', () => placeText(crashed, struct.pointer('handle_irq'))),
    actions,
    counts: attempt('the counts', () => irqCounts(crashed, descriptor, cpus)) ?? [],
    // Of one that each CPU enables for itself it says nothing.
    disabled: attempt('the depth', () =>
      struct.has('percpu_enabled') && struct.pointer('percpu_enabled') !== 0n
        ? undefined
        : struct.number('depth'),
    ),
    affinity: attempt('the affinity', () => irqMask(crashed, descriptor, 'irq_common_data.affinity')),
    effectiveAffinity: attempt('the affinity', () =>
      irqMask(crashed, descriptor, 'irq_common_data.effective_affinity'),
    ),
    address: hex(struct.address),
  };
}

function describeAction(crashed: CrashedKernel, action: Struct): IrqInfo['actions'][number] {
  const threadHandler = action.pointer('thread_fn');
  return {
    name: action.text('name'),
    handler: placeText(crashed, action.pointer('handler')),
    thread:
      threadHandler === 0n
        ? null
        : {
            handler: placeText(crashed, threadHandler),
            pid: new Missing().attempt('', () => action.follow('thread')?.number('pid')) ?? null,
          },
  };
}

const placeText = (crashed: CrashedKernel, address: bigint): string =>
  symbolText(crashed, address) ?? hex(address);
