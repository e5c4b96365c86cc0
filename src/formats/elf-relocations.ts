/**
 * Relocations of sections that are not loaded: in a kernel module (ET_REL) every offset in its DWARF is zero until they are applied.
 *
 * Source of truth: System V gABI chapter 4 (Elf64_Rela); x86-64 psABI table 4.9; ELF for the Arm 64-bit Architecture, table "Static Data relocations".
 * Only absolute ones are: references of one debug section to another have no others.
 */
import { viewOf } from '../base/bytes.ts';
import { ElfMachine } from './elf.ts';

const entrySize = 24;
const symbolSize = 24;
/** R_X86_64_64, R_X86_64_32, R_X86_64_32S; R_AARCH64_ABS64, R_AARCH64_ABS32: bytes that each fills. */
const sizes: Readonly<Record<number, ReadonlyMap<number, 4 | 8>>> = {
  [ElfMachine.x86_64]: new Map([
    [1, 8],
    [10, 4],
    [11, 4],
  ]),
  [ElfMachine.aarch64]: new Map([
    [257, 8],
    [258, 4],
  ]),
};

export interface Relocations {
  readonly machine: number;
  readonly littleEndian: boolean;
  /** Elf64_Rela entries. */
  readonly entries: Uint8Array;
  /** The symbol table that they name. */
  readonly symbols: Uint8Array;
}

/** Applies them to `bytes` in place. What points outside, or is of another kind, is left as it is. */
export function applyRelocations(
  bytes: Uint8Array,
  { machine, littleEndian, entries, symbols }: Relocations,
): void {
  const kinds = sizes[machine];
  const into = viewOf(bytes);
  const from = viewOf(entries);
  const table = viewOf(symbols);
  for (let at = 0; at + entrySize <= entries.length; at += entrySize) {
    // The kind is in the lower half of r_info, the symbol in the upper one.
    const size = kinds?.get(from.getUint32(at + (littleEndian ? 8 : 12), littleEndian));
    const symbol = from.getUint32(at + (littleEndian ? 12 : 8), littleEndian) * symbolSize;
    const place = from.getBigUint64(at, littleEndian);
    if (size === undefined || place + BigInt(size) > BigInt(bytes.length)) continue;
    const base = symbol + symbolSize <= symbols.length ? table.getBigUint64(symbol + 8, littleEndian) : 0n;
    const value = base + from.getBigInt64(at + 16, littleEndian);
    if (size === 8) into.setBigUint64(Number(place), BigInt.asUintN(64, value), littleEndian);
    else into.setUint32(Number(place), Number(BigInt.asUintN(32, value)), littleEndian);
  }
}
