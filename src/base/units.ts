/**
 * Branded numbers, so that a page frame number cannot be passed where a physical address is meant.
 *
 * Pfn and Paddr are plain numbers (physical addresses stay below 2^53); Vaddr is a bigint, because kernel
 * virtual addresses use all 64 bits. Hot loops do not use Vaddr at all: they work on physical addresses.
 */
declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Page frame number: physical address divided by the page size. */
export type Pfn = Brand<number, 'pfn'>;
/** Physical address, bytes. */
export type Paddr = Brand<number, 'paddr'>;
/** Kernel virtual address. */
export type Vaddr = Brand<bigint, 'vaddr'>;

export const asPfn = (value: number): Pfn => value as Pfn;
export const asPaddr = (value: number): Paddr => value as Paddr;
/** Wraps to 64 bits, so that address arithmetic may run over either end. */
export const asVaddr = (value: bigint): Vaddr => BigInt.asUintN(64, value) as Vaddr;

export const hex = (value: number | bigint): string => `0x${value.toString(16)}`;

/** A run of page frames, `end` excluded. */
export interface PfnRange {
  readonly start: Pfn;
  readonly end: Pfn;
}

const binaryUnits: Readonly<Record<string, number>> = {
  '': 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
};

/** Reads a size as the kernel's memparse() does (lib/cmdline.c): digits and K, M, G or T. Undefined when it is not one. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+)([KMGT]?)B?$/i.exec(text.trim());
  if (!match) return undefined;
  const bytes = Number(match[1]) * (binaryUnits[match[2]!.toUpperCase()] ?? 1);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Bytes for people: `61.5 MiB`. */
export function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let value = bytes;
  let unit = 0;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  // From 1023.5 on it would be shown as 1024 of the smaller unit.
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}
