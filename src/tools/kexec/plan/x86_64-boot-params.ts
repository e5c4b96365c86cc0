/**
 * struct boot_params (the "zero page"), which an x86_64 kernel finds in rsi: 4096 bytes, all of them zero but for what is said here.
 *
 * Sources of truth: struct boot_params in arch/x86/include/uapi/asm/bootparam.h, Documentation/arch/x86/boot.rst ("64-bit boot
 * protocol") and zero-page.rst; which fields a kernel that starts another one fills: setup_boot_parameters() and setup_efi_state() in
 * arch/x86/kernel/kexec-bzimage64.c (6.1 to 7.2, which differ in nothing that is filled here).
 */
import { putU64, u64, viewOf } from '../../../base/bytes.ts';
import { SetupHeader } from '../images/bzimage.ts';
import type { X86KernelImage } from '../images/image.ts';
import type { FirmwareRange } from '../machine/firmware.ts';
import type { MemoryRange } from '../memory-ranges.ts';
import { encodeE820, extendedMemory } from './x86_64-e820.ts';

export const bootParamsSize = 4096;

/** Offsets of fields; those of the setup header are in images/bzimage.ts. */
export const BootParams = {
  screenInfo: 0x000,
  extendedMemory: 0x002,
  acpiRsdp: 0x070,
  ramdiskImageHigh: 0x0c0,
  ramdiskSizeHigh: 0x0c4,
  commandLineHigh: 0x0c8,
  edid: 0x140,
  efiInfo: 0x1c0,
  alternativeMemory: 0x1e0,
  e820Count: 0x1e8,
  eddCount: 0x1e9,
  eddSignatureCount: 0x1ea,
  secureBoot: 0x1ec,
  eddSignatures: 0x290,
  e820Table: 0x2d0,
  eddTable: 0xd00,
} as const;

/** struct efi_info, from BootParams.efiInfo on. */
export const EfiInfo = {
  signature: 0,
  systemTable: 4,
  descriptorSize: 8,
  descriptorVersion: 12,
  memoryMap: 16,
  memoryMapSize: 20,
  systemTableHigh: 24,
  memoryMapHigh: 28,
} as const;

/** E820_MAX_ENTRIES_ZEROPAGE: more go into setup_data. */
export const maxE820Entries = 128;

/** What is copied from the running kernel's boot_params as it is: it describes the machine, not the kernel. Offset and size. */
const ofTheMachine: readonly (readonly [number, number])[] = [
  [BootParams.screenInfo, 0x40],
  [BootParams.edid, 0x80],
  [BootParams.eddCount, 2],
  [BootParams.eddSignatures, 16 * 4],
  [SetupHeader.hardwareSubarch, 4],
  // EDDMAXNR = 6 entries of 82 bytes.
  [BootParams.eddTable, 6 * 82],
];

/** kexec's number as a boot loader (boot.rst, type_of_loader), in the upper four bits. */
const loaderType = 0x0d << 4;

/** EFI's runtime services, as the running kernel mapped them. */
export interface EfiHandover {
  /** Physical address and bytes of the memory map of runtime services. */
  readonly memoryMap: { readonly address: number; readonly size: number };
  /** Of one entry. */
  readonly descriptorSize: number;
}

export interface BootParamsFacts {
  readonly image: Pick<X86KernelImage, 'setupHeader'>;
  /** The running kernel's: /sys/kernel/boot_params/data. Without them there is no console at the beginning, and no EFI. */
  readonly running: Uint8Array | undefined;
  /** Physical. */
  readonly commandLine: number;
  /** Its exact bytes. */
  readonly initrd: MemoryRange | undefined;
  /** At most `maxE820Entries` are put here. */
  readonly e820: readonly FirmwareRange[];
  /** Physical address of the first node; 0 without. */
  readonly setupData: number;
  readonly efi: EfiHandover | undefined;
  /** Physical; undefined: the kernel finds it in EFI's tables or in the first MiB. */
  readonly acpiRsdp: number | undefined;
}

export function buildBootParams(facts: BootParamsFacts): Uint8Array {
  const { image, running, initrd, e820, efi } = facts;
  const bytes = new Uint8Array(bootParamsSize);
  const view = viewOf(bytes);
  bytes.set(image.setupHeader, SetupHeader.start);
  if (running !== undefined) {
    for (const [at, size] of ofTheMachine) bytes.set(running.subarray(at, at + size), at);
  }
  view.setUint8(SetupHeader.loaderType, loaderType);
  view.setUint8(SetupHeader.loadFlags, 0);
  const setHalves = (low: number, high: number, value: number): void => {
    view.setUint32(low, value % 2 ** 32, true);
    view.setUint32(high, Math.floor(value / 2 ** 32), true);
  };
  setHalves(SetupHeader.commandLinePointer, BootParams.commandLineHigh, facts.commandLine);
  setHalves(SetupHeader.ramdiskImage, BootParams.ramdiskImageHigh, initrd?.start ?? 0);
  setHalves(
    SetupHeader.ramdiskSize,
    BootParams.ramdiskSizeHigh,
    initrd === undefined ? 0 : initrd.end - initrd.start,
  );
  putU64(view, SetupHeader.setupData, facts.setupData, true);
  putU64(view, BootParams.acpiRsdp, facts.acpiRsdp ?? 0, true);

  const entries = e820.slice(0, maxE820Entries);
  view.setUint8(BootParams.e820Count, entries.length);
  bytes.set(encodeE820(entries), BootParams.e820Table);
  const memory = extendedMemory(entries);
  // 64 MiB is all that 16 bits are used for.
  view.setUint16(BootParams.extendedMemory, Math.min(memory, 0xfc00), true);
  view.setUint32(BootParams.alternativeMemory, Math.min(memory, 0xffff_ffff), true);

  if (efi !== undefined && running !== undefined) handOverEfi(bytes, running, efi);
  return bytes;
}

function handOverEfi(
  bytes: Uint8Array,
  running: Uint8Array,
  { memoryMap, descriptorSize }: EfiHandover,
): void {
  const view = viewOf(bytes);
  bytes.set(running.subarray(BootParams.efiInfo, BootParams.efiInfo + 32), BootParams.efiInfo);
  bytes[BootParams.secureBoot] = running[BootParams.secureBoot] ?? 0;
  const at = (field: number): number => BootParams.efiInfo + field;
  view.setUint32(at(EfiInfo.descriptorSize), descriptorSize, true);
  view.setUint32(at(EfiInfo.memoryMap), memoryMap.address % 2 ** 32, true);
  view.setUint32(at(EfiInfo.memoryMapHigh), Math.floor(memoryMap.address / 2 ** 32), true);
  view.setUint32(at(EfiInfo.memoryMapSize), memoryMap.size, true);
}

/** Was the machine booted by EFI, and does the running kernel have its memory map, in the only version there is? */
export function hasEfi(running: Uint8Array): boolean {
  const view = viewOf(running);
  return (
    view.getUint32(BootParams.efiInfo + EfiInfo.memoryMapSize, true) > 0 &&
    view.getUint32(BootParams.efiInfo + EfiInfo.descriptorVersion, true) === 1
  );
}

/** What the running kernel was told of ACPI's root pointer (4.20 and later); undefined when nothing. */
export const runningAcpiRsdp = (running: Uint8Array): number | undefined =>
  u64(viewOf(running), BootParams.acpiRsdp, true) || undefined;
