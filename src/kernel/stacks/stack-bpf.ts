/**
 * Code that BPF made while the kernel ran: programs, and the trampolines that call them for a function (fentry, fexit, LSM).
 *
 * Source of truth: struct bpf_ksym of include/linux/bpf.h and `bpf_kallsyms` of kernel/bpf/core.c, since 5.8 (bfea9a8574f3; trampolines a108f7dcfa01).
 * No table tells how its frames look, but its compilers keep frame pointers: on x86_64 all begin with push %rbp; mov %rsp, %rbp.
 */
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import { walkDamagedList } from '../lists/damaged-list.ts';
import { Missing } from '../missing.ts';

export interface BpfCode {
  /** As in /proc/kallsyms: "bpf_prog_6deef7357e7b4530_sd_fw_ingress", "bpf_trampoline_6442481056". */
  readonly name: string;
  readonly start: Vaddr;
  readonly end: Vaddr;
}

/** What can be read of the list; empty when symbols or types do not tell where it is. */
export function readBpfCode(crashed: CrashedKernel): BpfCode[] {
  const head = crashed.symbols.address('bpf_kallsyms');
  const inCode = crashed.layouts.offset('bpf_ksym.lnode');
  if (head === undefined || inCode === undefined) return [];
  const missing = new Missing();
  return [...walkDamagedList(crashed.kernel, head, 'BPF code', missing)].flatMap((node) => {
    const code = crashed.struct('bpf_ksym', node - BigInt(inCode));
    const known = missing.attempt('BPF code', () => ({
      name: code.text('name'),
      start: asVaddr(code.bigint('start')),
      end: asVaddr(code.bigint('end')),
    }));
    return known ?? [];
  });
}
