/**
 * What is free for the new kernel, and what it is told is there: from the machine's facts.
 *
 * A capture kernel is loaded into the last "Crash kernel" range of /proc/iomem and nowhere else: with crashkernel=,high the first, low one
 * is for its DMA only, and the kernel refuses segments there (sanity_check_segment_list() checks against crashk_res; kernel/kexec_core.c,
 * Linux 6.1). A kernel for `kexec -e` goes anywhere in RAM: its segments are copied into place when nothing else needs that RAM any more.
 */
import { VmcoreError } from '../../../base/errors.ts';
import { type FirmwareRange, firmwareMemoryType } from '../machine/firmware.ts';
import type { IomemEntry } from '../machine/iomem.ts';
import { type MemoryRange, withoutRanges } from '../memory-ranges.ts';
import type { KexecArch } from '../segment.ts';

/** The reservation that a capture kernel is loaded into. E_NEEDS when there is none. */
export function loadRange(crashKernels: readonly MemoryRange[]): MemoryRange {
  const last = crashKernels.at(-1);
  if (last === undefined) {
    throw new VmcoreError('E_NEEDS', 'no memory is reserved for a crash kernel', {
      hint: 'boot with crashkernel=256M on the kernel command line',
    });
  }
  return last;
}

/** BIOS, real-mode code and the like. */
const lowMegabyte = { start: 0, end: 2 ** 20 };

/**
 * RAM for a kernel to reboot into. On arm64 /proc/iomem shows below System RAM what the kernel reserved for firmware (EFI tables, tables
 * of the interrupt controller) and for itself: only the kernel's own code and data may be overwritten (request_standard_resources() and
 * reserve_memblock_reserved_regions() in arch/arm64/kernel/setup.c, Linux 6.1). On x86_64 what firmware needs is no System RAM.
 */
export function freeForReboot(arch: KexecArch, iomem: readonly IomemEntry[]): MemoryRange[] {
  const ram = iomem.filter(({ name, depth }) => name === 'System RAM' && depth === 0);
  const inside = iomem.filter(({ depth }) => depth === 1);
  const taken =
    arch === 'x86_64'
      ? [lowMegabyte, ...inside.filter(({ name }) => name === 'Crash kernel')]
      : inside.filter(({ name }) => name !== 'Kernel code' && name !== 'Kernel data');
  return withoutRanges(ram, taken);
}

/**
 * The memory map of an x86_64 machine: as firmware gave it (/sys/firmware/memmap), or, on a kernel without CONFIG_FIRMWARE_MEMMAP, as
 * the running kernel knows it (/proc/iomem). Ascending.
 */
export function memoryMapOf(
  firmwareMap: readonly FirmwareRange[],
  iomem: readonly IomemEntry[],
): FirmwareRange[] {
  if (firmwareMap.length > 0) return [...firmwareMap];
  return iomem
    .filter(({ name, depth }) => isMemoryType(name) && (name !== 'System RAM' || depth === 0))
    .map(({ start, end, name }) => ({ start, end, type: firmwareMemoryType(name) }))
    .sort((a, b) => a.start - b.start);
}

/** In /proc/iomem devices stand among the memory: only names of memory count, and `Reserved`. */
const isMemoryType = (name: string): boolean =>
  name === 'Reserved' || name === 'Soft Reserved' || firmwareMemoryType(name) !== 'reserved';
