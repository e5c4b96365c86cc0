/**
 * The registers of each CPU when the machine stopped: NT_PRSTATUS notes.
 *
 * The crashing kernel saves one for each CPU that it could stop, in memory of that CPU (`crash_notes`, a per-CPU pointer: kernel/kexec_core.c and
 * crash_core.c). /proc/vmcore shows them one after the other and leaves out what was not written, so that the notes of a dump do not say whose they
 * are when a CPU is missing; the kernel's own memory does. Dumps that no crash kernel made (QEMU's) have notes alone, one a CPU.
 */
import { viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr } from '../../base/units.ts';
import { cpuNotes } from '../../formats/dump.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import { Missing } from '../missing.ts';
import { Registers, registersSize } from './registers.ts';

export interface CpuRegisters {
  readonly registers: Registers;
  /** Of the task that ran, as the crashing kernel took it down. */
  readonly pid: number;
  /** Why it is not certain that they are of this CPU. */
  readonly doubt?: string;
}

/** struct elf_prstatus on 64-bit machines. */
const prstatus = { pid: 32, registers: 112 } as const;
/** Elf64_Nhdr and "CORE", padded. */
const note = { nameSize: 0, descriptorSize: 4, type: 8, descriptor: 20 } as const;

export class CpuNotes {
  private readonly crashed: CrashedKernel;
  private known: ReadonlyMap<number, CpuRegisters> | undefined;

  constructor(crashed: CrashedKernel) {
    this.crashed = crashed;
  }

  /** Undefined for a CPU that left none: it was offline, or did not answer when it was to be stopped. */
  of(cpu: number): CpuRegisters | undefined {
    return this.all().get(cpu);
  }

  /** By CPU number. */
  all(): ReadonlyMap<number, CpuRegisters> {
    this.known ??= this.fromMemory() ?? this.inOrder();
    return this.known;
  }

  /** Undefined when the kernel's own memory has none at all. */
  private fromMemory(): Map<number, CpuRegisters> | undefined {
    const { crashed } = this;
    const { kernel } = crashed;
    const { arch, littleEndian } = kernel.dump;
    const found = new Map<number, CpuRegisters>();
    try {
      const area = kernel.readPointer(crashed.symbols.require('crash_notes'));
      for (const cpu of crashed.cpus) {
        const bytes = kernel.read(
          crashed.onCpu(area, cpu),
          note.descriptor + prstatus.registers + registersSize(arch),
        );
        const view = viewOf(bytes);
        const isWritten =
          view.getUint32(note.nameSize, littleEndian) === 5 &&
          view.getUint32(note.type, littleEndian) === 1 &&
          view.getUint32(note.descriptorSize, littleEndian) >= prstatus.registers + registersSize(arch);
        if (isWritten) found.set(cpu, this.decode(bytes.subarray(note.descriptor)));
      }
    } catch (error) {
      if (error instanceof VmcoreError) return undefined;
      throw error;
    }
    return found.size === 0 ? undefined : found;
  }

  /**
   * The dump's notes, one for each CPU that was online, or else for each that there could be. Where the dump tells of neither, they are numbered, and in
   * doubt.
   */
  private inOrder(): Map<number, CpuRegisters> {
    const size = prstatus.registers + registersSize(this.crashed.dump.arch);
    const notes = cpuNotes(this.crashed.dump.notes).filter(({ data }) => data.length >= size);
    const unknown = new Missing();
    const masks = (['online', 'possible'] as const).flatMap((mask) => {
      const cpus = unknown.attempt(`the ${mask} CPUs`, () => this.crashed.cpuMask(mask));
      return cpus === undefined ? [] : [cpus];
    });
    if (masks.length > 0) {
      const owners = masks.find((cpus) => cpus.length === notes.length) ?? [];
      return new Map(owners.map((cpu, i) => [cpu, this.decode(notes[i]!.data)]));
    }
    const doubt = `which CPU this was is not certain: its number is that of its note (${unknown.lines[0]})`;
    return new Map(notes.map(({ data }, i) => [i, { ...this.decode(data), doubt }]));
  }

  private decode(descriptor: Uint8Array): CpuRegisters {
    const { arch, littleEndian } = this.crashed.dump;
    return {
      pid: viewOf(descriptor).getInt32(prstatus.pid, littleEndian),
      registers: Registers.from(
        arch,
        descriptor.subarray(prstatus.registers, prstatus.registers + registersSize(arch)),
        littleEndian,
      ),
    };
  }
}

/** A pt_regs in memory. E_UNREADABLE when it is not in the dump. */
export const registersAt = ({ kernel }: CrashedKernel, address: bigint): Registers => {
  const { arch, littleEndian } = kernel.dump;
  return Registers.from(arch, kernel.read(asVaddr(address), registersSize(arch)), littleEndian);
};
