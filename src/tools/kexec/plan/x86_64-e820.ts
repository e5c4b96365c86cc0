/**
 * The e820 table: the memory map that an x86_64 kernel is started with.
 *
 * Source of truth: struct boot_e820_entry in arch/x86/include/uapi/asm/setup_data.h (bootparam.h up to 6.6), the types in
 * arch/x86/include/asm/e820/types.h; what a capture kernel gets: crash_setup_memmap_entries() in arch/x86/kernel/crash.c (6.1 to 7.2).
 */
import { putU64, viewOf } from '../../../base/bytes.ts';
import type { FirmwareMemoryType, FirmwareRange } from '../machine/firmware.ts';
import { type MemoryRange, normalRanges, withoutRanges } from '../memory-ranges.ts';

const typeNumbers: Readonly<Record<FirmwareMemoryType, number>> = {
  ram: 1,
  reserved: 2,
  acpi: 3,
  'acpi-nvs': 4,
  unusable: 5,
  pmem: 7,
  pram: 12,
};

/** Address and size of 64 bits, type of 32. */
export const e820EntrySize = 20;

/** The first MiB, which every kernel needs: other CPUs start there, in 16-bit mode. */
const lowMegabyte = 2 ** 20;
/** Smaller pieces are useless, and kernels complain of them. */
const leastPiece = 4096;

/**
 * Of a capture kernel: RAM is what was reserved and the first MiB; of everything else it is told what is no RAM. Since 5.5 a kernel with crashkernel= keeps nothing of its own in the first MiB (6f599d84231f; in 5.13 for all kernels, f1d4d47c5851), so
 * that nothing has to be copied away from there before (7c321eb2b843). `kept` is what the capture kernel must not use: the ELF core
 * header, and for older kernels that copy.
 */
export function crashE820(
  map: readonly FirmwareRange[],
  reserved: readonly MemoryRange[],
  kept: readonly MemoryRange[],
): FirmwareRange[] {
  const low = map
    .filter(({ type, start }) => type === 'ram' && start < lowMegabyte)
    .map(({ start, end }) => ({ start, end: Math.min(end, lowMegabyte) }));
  const ram = withoutRanges([...low, ...reserved], kept)
    .filter(({ start, end }) => end - start >= leastPiece)
    .map((range): FirmwareRange => ({ ...range, type: 'ram' }));
  return [...ram, ...map.filter(({ type }) => type !== 'ram')].sort((a, b) => a.start - b.start);
}

/** Of a kernel to reboot into: the machine's, neighbours of one type joined. RAM in `kept` is no RAM for it. */
export function rebootE820(map: readonly FirmwareRange[], kept: readonly MemoryRange[]): FirmwareRange[] {
  const ram = map.filter(({ type }) => type === 'ram');
  const usable = withoutRanges(ram, kept);
  const reserved = withoutRanges(ram, usable).map((range): FirmwareRange => ({ ...range, type: 'reserved' }));
  const all = [
    ...usable.map((range): FirmwareRange => ({ ...range, type: 'ram' })),
    ...reserved,
    ...map.filter(({ type }) => type !== 'ram'),
  ];
  return [...new Set(all.map(({ type }) => type))]
    .flatMap((type) =>
      normalRanges(all.filter((range) => range.type === type)).map((range) => ({ ...range, type })),
    )
    .sort((a, b) => a.start - b.start);
}

export function encodeE820(entries: readonly FirmwareRange[]): Uint8Array {
  const bytes = new Uint8Array(entries.length * e820EntrySize);
  const view = viewOf(bytes);
  entries.forEach(({ start, end, type }, i) => {
    putU64(view, i * e820EntrySize, start, true);
    putU64(view, i * e820EntrySize + 8, end - start, true);
    view.setUint32(i * e820EntrySize + 16, typeNumbers[type], true);
  });
  return bytes;
}

/** KiB of RAM in one piece from 1 MiB on: what a BIOS would tell (int 15h, ah=88h). 0 when there is none. */
export function extendedMemory(entries: readonly FirmwareRange[]): number {
  const range = entries.find(
    ({ start, end, type }) => type === 'ram' && start <= lowMegabyte && end > lowMegabyte,
  );
  return range === undefined ? 0 : Math.floor((range.end - lowMegabyte) / 1024);
}
