/**
 * What the firmware told the running kernel, for handing it on to the next one: the memory map, EFI's runtime services, boot_params.
 *
 * Source of truth: Documentation/ABI/testing/sysfs-firmware-memmap, drivers/firmware/memmap.c; sysfs-firmware-efi and
 * sysfs-firmware-efi-runtime-map, drivers/firmware/efi/{efi,runtime-map}.c; sysfs-kernel-boot_params, Linux 6.1. The names of types are
 * those of e820_type_to_string() in arch/x86/kernel/e820.c; 7.x may spell further ones, which are handed on as reserved.
 */
import { VmcoreError } from '../../../base/errors.ts';
import type { MemoryRange } from '../memory-ranges.ts';
import type { KernelFiles } from './kernel-files.ts';

export type FirmwareMemoryType = 'ram' | 'acpi' | 'acpi-nvs' | 'pram' | 'pmem' | 'unusable' | 'reserved';

export interface FirmwareRange extends MemoryRange {
  readonly type: FirmwareMemoryType;
}

const types: Readonly<Record<string, FirmwareMemoryType>> = {
  'System RAM': 'ram',
  'ACPI Tables': 'acpi',
  'ACPI Non-volatile Storage': 'acpi-nvs',
  'Persistent Memory (legacy)': 'pram',
  'Persistent Memory': 'pmem',
  'Unusable memory': 'unusable',
  // EFI's "soft reserved" memory is RAM that only its driver may use.
  'Soft Reserved': 'reserved',
};

/** What may be handed to another kernel as a kind of memory: an unknown name is no memory that anybody may touch. */
export const firmwareMemoryType = (name: string): FirmwareMemoryType => types[name] ?? 'reserved';

/** /sys/firmware/memmap, ascending; none where the kernel has no such folder (arm64). E_CORRUPT for values that are no addresses. */
export function readFirmwareMap(files: KernelFiles): FirmwareRange[] {
  const folder = 'sys/firmware/memmap';
  return files
    .names(folder)
    .filter((name) => /^\d+$/.test(name))
    .map((name): FirmwareRange => {
      const field = (key: string): string => files.text(`${folder}/${name}/${key}`).trim();
      const value = (key: string): number => numberOf(field(key), files.path(`${folder}/${name}/${key}`));
      return { start: value('start'), end: value('end') + 1, type: firmwareMemoryType(field('type')) };
    })
    .sort((a, b) => a.start - b.start);
}

/** One efi_memory_desc_t of the runtime services, as the running kernel mapped it. */
export interface EfiRuntimeRange {
  readonly type: number;
  readonly physical: number;
  readonly virtual: bigint;
  /** Of 4096 bytes. */
  readonly pages: number;
  readonly attribute: bigint;
}

export interface EfiFacts {
  /** Physical addresses of what the system table points at. */
  readonly firmwareVendor: number;
  readonly runtimeServices: number;
  readonly configTable: number;
  readonly runtimeMap: readonly EfiRuntimeRange[];
}

/** Undefined on a machine that was not booted by EFI, or whose kernel keeps no runtime map (`noefi`, arm64). */
export function readEfi(files: KernelFiles): EfiFacts | undefined {
  const folder = 'sys/firmware/efi';
  const runtimeMap = files
    .names(`${folder}/runtime-map`)
    .filter((name) => /^\d+$/.test(name))
    .sort((a, b) => Number(a) - Number(b))
    .map((name): EfiRuntimeRange => {
      const path = (key: string): string => `${folder}/runtime-map/${name}/${key}`;
      const value = (key: string): number => numberOf(files.text(path(key)).trim(), files.path(path(key)));
      const wide = (key: string): bigint => BigInt(files.text(path(key)).trim());
      return {
        type: value('type'),
        physical: value('phys_addr'),
        virtual: wide('virt_addr'),
        pages: value('num_pages'),
        attribute: wide('attribute'),
      };
    });
  if (runtimeMap.length === 0) return undefined;
  const address = (key: string): number =>
    numberOf(files.text(`${folder}/${key}`).trim(), files.path(`${folder}/${key}`));
  return {
    firmwareVendor: address('fw_vendor'),
    runtimeServices: address('runtime'),
    configTable: address('config_table'),
    runtimeMap,
  };
}

/**
 * The physical address of ACPI's root pointer, from /sys/firmware/efi/systab: `ACPI20=0x…`, else `ACPI=0x…`. Undefined without EFI;
 * elsewhere the kernel finds it in the first MiB by itself.
 */
export function readAcpiRootPointer(files: KernelFiles): number | undefined {
  const text = files.textIfThere('sys/firmware/efi/systab') ?? '';
  const match = /^ACPI20=(0x[0-9a-f]+)$/im.exec(text) ?? /^ACPI=(0x[0-9a-f]+)$/im.exec(text);
  return match === null ? undefined : Number(match[1]);
}

/** struct boot_params of the running x86_64 kernel, 4096 bytes; undefined on other architectures. */
export const readBootParams = (files: KernelFiles): Uint8Array | undefined =>
  files.names('sys/kernel/boot_params').includes('data')
    ? files.bytes('sys/kernel/boot_params/data')
    : undefined;

function numberOf(text: string, file: string): number {
  const value = Number(text);
  if (/^(0x[0-9a-f]+|\d+)$/i.test(text) && Number.isSafeInteger(value)) return value;
  throw new VmcoreError('E_CORRUPT', `"${text}" is not an address or a size`, { file });
}
