/**
 * Register sets as Linux saves them: struct pt_regs on a stack, user_regs_struct in an NT_PRSTATUS note. On both architectures the two begin alike.
 *
 * Source of truth: arch/x86/include/asm/ptrace.h, arch/arm64/include/uapi/asm/ptrace.h, include/uapi/linux/elfcore.h (Linux 4.18 to 7.2).
 */
import { viewOf } from '../../base/bytes.ts';
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { Arch } from '../../formats/dump.ts';

const x86Names = [
  ...['r15', 'r14', 'r13', 'r12', 'rbp', 'rbx', 'r11', 'r10', 'r9', 'r8', 'rax', 'rcx', 'rdx', 'rsi', 'rdi'],
  ...['orig_rax', 'rip', 'cs', 'rflags', 'rsp', 'ss'],
];
const arm64Names = [...Array.from({ length: 31 }, (_, i) => `x${i}`), 'sp', 'pc', 'pstate'];

/** In the order in which they lie, 64 bits each. */
export const registerNames: Readonly<Record<Arch, readonly string[]>> = {
  x86_64: x86Names,
  arm64: arm64Names,
};

const roles = {
  x86_64: { pc: 'rip', sp: 'rsp', framePointer: 'rbp' },
  arm64: { pc: 'pc', sp: 'sp', framePointer: 'x29' },
} as const;

/** Bytes of the set. */
export const registersSize = (arch: Arch): number => registerNames[arch].length * 8;

export class Registers {
  readonly arch: Arch;
  private readonly values: ReadonlyMap<string, bigint>;

  constructor(arch: Arch, values: ReadonlyMap<string, bigint>) {
    this.arch = arch;
    this.values = values;
  }

  /** From `registersSize` bytes. */
  static from(arch: Arch, bytes: Uint8Array, littleEndian: boolean): Registers {
    const view = viewOf(bytes);
    return new Registers(
      arch,
      new Map(registerNames[arch].map((name, i) => [name, view.getBigUint64(i * 8, littleEndian)])),
    );
  }

  /** 0 for what the set does not have. */
  get(name: string): bigint {
    return this.values.get(name) ?? 0n;
  }

  /** Name and value of each, in the order in which they lie. */
  [Symbol.iterator](): Iterator<readonly [name: string, value: bigint]> {
    return this.values[Symbol.iterator]();
  }

  get pc(): Vaddr {
    return asVaddr(this.get(roles[this.arch].pc));
  }

  get sp(): Vaddr {
    return asVaddr(this.get(roles[this.arch].sp));
  }

  get framePointer(): bigint {
    return this.get(roles[this.arch].framePointer);
  }

  /** They are of user space: ring 3, or EL0. */
  get isUser(): boolean {
    return this.arch === 'x86_64' ? (this.get('cs') & 3n) === 3n : (this.get('pstate') & 0xfn) === 0n;
  }
}
