/**
 * Which CPU the crash began on.
 *
 * Source of truth: `crashing_cpu` of arch/x86/kernel/{crash,reboot}.c, set when the other CPUs are stopped; `panic_cpu` of kernel/panic.c, set by the CPU
 * that panics or goes to the crash kernel (7bbee5ca3896, 4.5); `die_owner` of arch/x86/kernel/dumpstack.c. All are -1 while nobody is. Where none is known
 * (no CONFIG_KALLSYMS_ALL), it is the CPU that took down its registers in __crash_kexec() (kernel/kexec_core.c, crash_core.c): only one can be there.
 */
import type { CrashedKernel } from '../crashed-kernel.ts';
import { Missing } from '../missing.ts';
import { readInt } from '../numbers.ts';
import { CpuNotes } from './stack-registers.ts';

/** Undefined when none crashed (a dump of a running machine), or nothing tells. */
export function crashingCpu(
  crashed: CrashedKernel,
  notes: CpuNotes = new CpuNotes(crashed),
): number | undefined {
  for (const name of ['crashing_cpu', 'panic_cpu', 'die_owner']) {
    const address = crashed.symbols.address(name);
    if (address === undefined) continue;
    const cpu = new Missing().attempt('', () => readInt(crashed.kernel, address));
    const isCpu =
      cpu !== undefined && (new Missing().attempt('', () => crashed.cpus)?.includes(cpu) ?? cpu >= 0);
    if (isCpu) return cpu;
  }
  for (const [cpu, { registers }] of notes.all())
    if (!registers.isUser && crashed.symbols.lookup(registers.pc)?.name === '__crash_kexec') return cpu;
  return undefined;
}
