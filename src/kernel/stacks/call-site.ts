/**
 * Which code calls what: proof that a word on a stack is the return address that it seems to be, where no table tells.
 *
 * A return address on a sound stack follows a call; one that does not was never put there by a call. Functions without ORC (STACK_FRAME_NON_STANDARD: __crash_kexec, in which the registers of the crashing CPU are saved) are bridged this way. Only calls
 * that name their target count: `E8 rel32` (Intel SDM vol. 2, CALL), `BL` (Arm ARM C6.2.35). What goes through a register proves less: that a call ends
 * there, not to whom. Code that was patched since (kprobes, static calls, ftrace) is taken for the call that it may have been.
 */
import { viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import type { KernelText } from './stack-text.ts';

/** Calls may go behind the ENDBR64 that a function begins with (arch/x86/kernel/alternative.c, 6.x with IBT). */
const endbrSize = 4n;
/** The longest form of CALL r/m64 here: REX, opcode, ModRM, SIB, disp32. */
const longestCall = 8;

/** The target of the call that returns to an address; undefined when what is before it is no such call. */
export function directCallTarget(kernel: Kernel, returnAddress: Vaddr): Vaddr | undefined {
  const { arch } = kernel.dump;
  if (arch === 'arm64') {
    const word = viewOf(kernel.read(asVaddr(returnAddress - 4n), 4)).getUint32(0, true);
    if (word >>> 26 !== 0b100101) return undefined;
    // 26 bits, signed, of words.
    return asVaddr(returnAddress - 4n + BigInt((word << 6) >> 6) * 4n);
  }
  const bytes = viewOf(kernel.read(asVaddr(returnAddress - 5n), 5));
  return bytes.getUint8(0) === 0xe8 ? asVaddr(returnAddress + BigInt(bytes.getInt32(1, true))) : undefined;
}

/** Whether a call, of any kind, ends right before an address. */
export function followsCall(kernel: Kernel, returnAddress: Vaddr): boolean {
  if (directCallTarget(kernel, returnAddress) !== undefined) return true;
  if (kernel.dump.arch === 'arm64') {
    const word = viewOf(kernel.read(asVaddr(returnAddress - 4n), 4)).getUint32(0, true);
    // BLR, and its forms that authenticate.
    return (word & 0xfffffc1f) >>> 0 === 0xd63f0000 || (word & 0xfefff800) >>> 0 === 0xd63f0800;
  }
  const bytes = kernel.read(asVaddr(returnAddress - BigInt(longestCall)), longestCall);
  return Array.from({ length: longestCall - 1 }, (_, i) => i).some(
    (at) => bytes[at] === 0xff && indirectCallLength(bytes, at) === longestCall - at,
  );
}

/** What INT3, JMP rel32 and a NOP of five bytes begin with: kprobes, optimised kprobes, static calls without a target. */
const patches = [0xcc, 0xe9, 0x0f];
/** BRK of any number (Arm ARM C6.2.42): kprobes. */
const isBreakpoint = (word: number): boolean => (word & 0xffe0001f) >>> 0 === 0xd4200000;
/** Reached by a far return when a CPU starts (arch/x86/kernel/head_64.S). */
const startCode = /^(secondary_|common_)?startup_64/;

/**
 * Whether an address can be where a call returns to. Only what is surely none is refused: code that is not in the dump any more (that of the start is freed)
 * says nothing.
 */
export function canBeReturn(kernel: Kernel, text: KernelText, address: Vaddr): boolean {
  const range = text.at(address - 1n);
  if (range === undefined) return false;
  if (range.isFreed || startCode.test(text.functionAt(asVaddr(address - 1n))?.name ?? '')) return true;
  try {
    if (followsCall(kernel, address)) return true;
    // Between functions there are NOPs and INT3s too.
    if (text.functionAt(address)?.address === address) return false;
    if (kernel.dump.arch === 'arm64')
      return isBreakpoint(viewOf(kernel.read(asVaddr(address - 4n), 4)).getUint32(0, true));
    return patches.includes(kernel.read(asVaddr(address - 5n), 1)[0]!);
  } catch (error) {
    if (error instanceof VmcoreError) return true;
    throw error;
  }
}

/** Bytes of the `FF /2` at `at`; 0 when it is another instruction. */
function indirectCallLength(bytes: Uint8Array, at: number): number {
  const modrm = bytes[at + 1]!;
  if (((modrm >> 3) & 7) !== 2) return 0;
  const mod = modrm >> 6;
  const rm = modrm & 7;
  if (mod === 3) return 2;
  const sib = rm === 4 ? 1 : 0;
  const isBaseless = mod === 0 && (rm === 5 || (sib === 1 && ((bytes[at + 2] ?? 0) & 7) === 5));
  return 2 + sib + (mod === 1 ? 1 : mod === 2 || isBaseless ? 4 : 0);
}

export interface CallSite {
  readonly returnAddress: Vaddr;
  /** Where on the stack it lies. */
  readonly slot: Vaddr;
}

/**
 * The first word from `from` up to `end` (multiples of 8) that is the return address of a call to the function that begins at `start`. Errors as
 * Kernel.read, for the stack.
 */
export function findCallTo(
  kernel: Kernel,
  text: KernelText,
  start: Vaddr,
  { from, end }: { readonly from: bigint; readonly end: bigint },
): CallSite | undefined {
  for (let slot = (from + 7n) & ~7n; slot + 8n <= end; slot += 8n) {
    const word = kernel.readPointer(asVaddr(slot));
    if (text.at(word - 1n) === undefined) continue;
    const target = directCallTarget(kernel, word);
    if (target === start || target === asVaddr(start + endbrSize))
      return { returnAddress: word, slot: asVaddr(slot) };
  }
  return undefined;
}
