/**
 * /proc/iomem: what every range of physical memory is used for, as the running kernel sees it.
 *
 * Source of truth: kernel/resource.c (r_show) and, for the names, arch/x86/kernel/e820.c (e820_type_to_string), arch/arm64/kernel/setup.c
 * and mm/memory_hotplug.c, Linux 6.1. Two blanks a level; both addresses belong to the range. Without CAP_SYS_ADMIN every address is
 * shown as zero: a file like that is refused here, because nobody can tell it from a machine without memory later on.
 */
import { VmcoreError } from '../../../base/errors.ts';
import { type MemoryRange, normalRanges } from '../memory-ranges.ts';

export interface IomemEntry extends MemoryRange {
  /** `System RAM`, `Crash kernel`, `Reserved`, … */
  readonly name: string;
  /** 0 for the outermost ranges. */
  readonly depth: number;
}

/** In the order of the file. E_NEEDS when the addresses are hidden from us, E_CORRUPT when there is not a single range. */
export function parseIomem(text: string, file = '/proc/iomem'): IomemEntry[] {
  const entries = Array.from(
    text.matchAll(/^( *)([0-9a-f]+)-([0-9a-f]+) : (.*)$/gim),
    ([, indent, first, last, name]): IomemEntry => ({
      start: Number.parseInt(first!, 16),
      end: Number.parseInt(last!, 16) + 1,
      name: name!,
      depth: indent!.length / 2,
    }),
  );
  if (entries.length === 0) throw new VmcoreError('E_CORRUPT', 'not one range of memory in it', { file });
  if (entries.every(({ start, end }) => start === 0 && end === 1)) {
    throw new VmcoreError('E_NEEDS', 'shows zeros instead of addresses', {
      file,
      hint: 'run as root of the machine (CAP_SYS_ADMIN), outside of a container',
    });
  }
  return entries;
}

/**
 * All RAM that the kernel uses, ascending, hot-plugged memory included: `System RAM` is found at any depth, as `System RAM (virtio_mem)`
 * below its device and as `System RAM (kmem)` below persistent memory.
 */
export const systemRam = (entries: readonly IomemEntry[]): MemoryRange[] =>
  normalRanges(entries.filter(({ name }) => /^System RAM( \(|$)/.test(name)));

/**
 * Every reservation of crashkernel=, ascending: with `,high` there is a second one below 4 GiB. The capture kernel is loaded into the
 * last one.
 */
export const crashKernels = (entries: readonly IomemEntry[]): MemoryRange[] =>
  entries
    .filter(({ name, end }) => name === 'Crash kernel' && end > 1)
    .map(({ start, end }) => ({ start, end }))
    .sort((a, b) => a.start - b.start);

/** The ranges with exactly this name, in the order of the file. */
export const rangesNamed = (entries: readonly IomemEntry[], name: string): MemoryRange[] =>
  entries.filter((entry) => entry.name === name).map(({ start, end }) => ({ start, end }));
