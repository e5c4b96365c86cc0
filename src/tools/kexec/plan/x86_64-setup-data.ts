/**
 * setup_data: a list of things for an x86_64 kernel that have no place in boot_params; and EFI's memory map, which lies beside it.
 *
 * Sources of truth: arch/x86/include/uapi/asm/setup_data.h (bootparam.h up to 6.6), Documentation/arch/x86/boot.rst (setup_data); struct
 * efi_setup_data in arch/x86/include/asm/efi.h and efi_memory_desc_t in include/linux/efi.h (Linux 6.1). A kernel older than a type skips
 * that node: SETUP_RNG_SEED came with 6.0.
 */
import { alignUp, putU64, viewOf } from '../../../base/bytes.ts';
import type { EfiFacts, EfiRuntimeRange } from '../machine/firmware.ts';
import type { KernelFiles } from '../machine/kernel-files.ts';

export const SetupDataType = { e820Extension: 1, efi: 4, rngSeed: 9 } as const;

export interface SetupDataNode {
  readonly type: number;
  readonly data: Uint8Array;
}

/** next (64 bits), type and length (32 bits each). */
const nodeHeaderSize = 16;
const nodeAlignment = 16;

export const setupDataSize = (nodes: readonly SetupDataNode[]): number =>
  nodes.reduce((sum, { data }) => sum + alignUp(nodeHeaderSize + data.length, nodeAlignment), 0);

/** The nodes one behind the other, each pointing at the next, for physical `address`. */
export function encodeSetupData(nodes: readonly SetupDataNode[], address: number): Uint8Array {
  const bytes = new Uint8Array(setupDataSize(nodes));
  const view = viewOf(bytes);
  let at = 0;
  nodes.forEach(({ type, data }, i) => {
    const next = at + alignUp(nodeHeaderSize + data.length, nodeAlignment);
    putU64(view, at, i + 1 < nodes.length ? address + next : 0, true);
    view.setUint32(at + 8, type, true);
    view.setUint32(at + 12, data.length, true);
    bytes.set(data, at + nodeHeaderSize);
    at = next;
  });
  return bytes;
}

/** What an EFI machine is handed over with: what `readEfi` tells, and the SMBIOS entry point. */
export interface X86EfiFacts extends EfiFacts {
  /** Physical; 0 when there is none. */
  readonly smbios: number;
}

/** With `SMBIOS=0x…` of /sys/firmware/efi/systab. */
export function withSmbios(efi: EfiFacts, files: KernelFiles): X86EfiFacts {
  const match = /^SMBIOS=(0x[0-9a-f]+)$/im.exec(files.textIfThere('sys/firmware/efi/systab') ?? '');
  return { ...efi, smbios: Number(match?.[1] ?? 0) };
}

/** struct efi_setup_data: fw_vendor, one field that is no longer used (runtime), tables, smbios, 8 reserved; 64 bits each. */
export function encodeEfiSetupData(efi: X86EfiFacts): Uint8Array {
  const bytes = new Uint8Array(12 * 8);
  const view = viewOf(bytes);
  [efi.firmwareVendor, efi.runtimeServices, efi.configTable, efi.smbios].forEach((value, i) => {
    putU64(view, i * 8, value, true);
  });
  return bytes;
}

/** efi_memory_desc_t without what newer firmware appends to it. */
export const efiDescriptorSize = 40;

export function encodeEfiMemoryMap(ranges: readonly EfiRuntimeRange[]): Uint8Array {
  const bytes = new Uint8Array(ranges.length * efiDescriptorSize);
  const view = viewOf(bytes);
  ranges.forEach(({ type, physical, virtual, pages, attribute }, i) => {
    const at = i * efiDescriptorSize;
    view.setUint32(at, type, true);
    putU64(view, at + 8, physical, true);
    view.setBigUint64(at + 16, virtual, true);
    putU64(view, at + 24, pages, true);
    view.setBigUint64(at + 32, attribute, true);
  });
  return bytes;
}
