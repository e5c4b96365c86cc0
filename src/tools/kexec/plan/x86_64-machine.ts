/** What the running x86_64 machine tells the next kernel, read from /proc and /sys. */

import { readAcpiRootPointer, readBootParams, readEfi, readFirmwareMap } from '../machine/firmware.ts';
import type { IomemEntry } from '../machine/iomem.ts';
import type { KernelFiles } from '../machine/kernel-files.ts';
import { memoryMapOf } from './free-memory.ts';
import type { X86Machine } from './x86_64-plan.ts';
import { withSmbios } from './x86_64-setup-data.ts';

/** `efi: 'leave out'` is --noefi: the next kernel gets no EFI runtime services. E_FILE for files that may not be read. */
export function readX86Machine(
  files: KernelFiles,
  iomem: readonly IomemEntry[],
  efi: 'hand over' | 'leave out',
): X86Machine {
  const found = efi === 'hand over' ? readEfi(files) : undefined;
  return {
    memoryMap: memoryMapOf(readFirmwareMap(files), iomem),
    bootParams: readBootParams(files),
    efi: found && withSmbios(found, files),
    acpiRsdp: readAcpiRootPointer(files),
    fiveLevelPaging: usesFiveLevels(files.cpuinfo()),
  };
}

/** The kernel hides the flag when it does not use 5-level page tables (early_identify_cpu() in arch/x86/kernel/cpu/common.c, Linux 6.1). */
export const usesFiveLevels = (cpuinfo: string): boolean => /^flags\s*:.*\bla57\b/m.test(cpuinfo);
