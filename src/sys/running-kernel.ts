/** What the running kernel says of its memory outside of /proc/kcore. Linux only; all of it needs root to be true. */
import { readFileSync } from 'node:fs';
import { asVmcoreError } from './system-error.ts';

/** Physical addresses, bytes, `end` excluded. */
export interface MemoryRange {
  readonly start: number;
  readonly end: number;
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot read', { file: path });
  }
};

/** The "Crash kernel" lines of /proc/iomem: memory that is RAM, but not the kernel's. */
export const crashKernelRanges = (): MemoryRange[] => parseCrashKernelRanges(read('/proc/iomem'));

export const parseCrashKernelRanges = (iomem: string): MemoryRange[] =>
  Array.from(iomem.matchAll(/^\s*([0-9a-f]+)-([0-9a-f]+) : Crash kernel$/gim), ([, start, last]) => ({
    start: Number.parseInt(start!, 16),
    end: Number.parseInt(last!, 16) + 1,
  })).filter(({ end }) => end > 1); // Zeros: shown to whoever is not root.

/** Where the VMCOREINFO note lies: physical address and size, both hexadecimal (kernel/ksysfs.c, vmcoreinfo_show). */
export function vmcoreinfoPlace(): { readonly paddr: number; readonly size: number } | undefined {
  const match = /^(?:0x)?([0-9a-f]+) ([0-9a-f]+)\s*$/i.exec(read('/sys/kernel/vmcoreinfo'));
  if (!match) return undefined;
  return { paddr: Number.parseInt(match[1]!, 16), size: Number.parseInt(match[2]!, 16) };
}
