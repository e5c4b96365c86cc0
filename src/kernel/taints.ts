/**
 * What a kernel or a module is tainted with: bits, letters and what they mean.
 *
 * Letters are read from the kernel's own table: struct taint_flag taint_flags[] of kernel/panic.c (since 4.10, 7fd8329ba502); distributions add theirs.
 * Meanings: Documentation/admin-guide/tainted-kernels.rst (Linux 7.2).
 */
import type { CrashedKernel } from './crashed-kernel.ts';

export interface Taint {
  readonly bit: number;
  /** As an oops prints it; "?" when the kernel's table does not tell and the bit is none of ours. */
  readonly letter: string;
  readonly meaning: string;
}

/** By bit. A kernel that is not tainted prints "G" in place of "P". */
const known: readonly (readonly [letter: string, meaning: string])[] = [
  ['P', 'a proprietary module was loaded'],
  ['F', 'a module was loaded by force'],
  ['S', 'a CPU or a configuration out of specification'],
  ['R', 'a module was unloaded by force'],
  ['M', 'a processor reported a machine check'],
  ['B', 'a page was found in a state that it cannot be in'],
  ['U', 'a user program asked for it'],
  ['D', 'the kernel died before: an oops or a BUG'],
  ['A', 'an ACPI table was overridden'],
  ['W', 'a warning was issued'],
  ['C', 'a staging driver was loaded'],
  ['I', 'a workaround for a bug of the firmware is in use'],
  ['O', 'a module from outside the kernel tree was loaded'],
  ['E', 'an unsigned module was loaded'],
  ['L', 'a soft lockup happened'],
  ['K', 'the kernel was live-patched'],
  ['X', 'the distribution said so'],
  ['T', 'built with the plugin that randomizes structures'],
  ['N', 'a test was run in the kernel'],
  ['J', 'a debug command was given to a device by fwctl'],
];

/** TAINT_FLAGS_COUNT is 20 in 7.2; more than 64 cannot be in a mask. */
const maxBit = 64;

/** What the bits of a mask are, ascending. Without the kernel's table the letters are those of Linux. */
export function explainTaints(crashed: CrashedKernel, mask: bigint): Taint[] {
  const taints: Taint[] = [];
  for (let bit = 0; bit < maxBit; bit++) {
    if (((mask >> BigInt(bit)) & 1n) === 0n) continue;
    const own = known[bit];
    const letter = letterInTable(crashed, bit) ?? own?.[0] ?? '?';
    taints.push({
      bit,
      letter,
      meaning: own !== undefined && own[0] === letter ? own[1] : `bit ${bit}, which Linux does not have`,
    });
  }
  return taints;
}

/** Bits 0-31 are what tables have room for: beyond them there is nothing to read. */
const tableBits = 32;

function letterInTable(crashed: CrashedKernel, bit: number): string | undefined {
  const table = crashed.symbols.address('taint_flags');
  const size = crashed.layouts.size('taint_flag');
  if (table === undefined || size === undefined || bit >= tableBits) return undefined;
  const entry = crashed.struct('taint_flag', table + BigInt(bit * size));
  const letter = String.fromCharCode(entry.number('c_true'));
  return /^[A-Za-z]$/.test(letter) ? letter : undefined;
}
