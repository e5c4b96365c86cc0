/** A plan for people (-d, --dry-run) and for programs (--json): all that would be loaded, and nothing of its content. */
import { viewOf } from '../../../base/bytes.ts';
import { formatSize, hex } from '../../../base/units.ts';
import {
  elfHeaderSize,
  programHeaderCountOffset,
  programHeaderSize,
  programHeadersIn,
  SegmentType,
} from '../../../formats/elf.ts';
import type { MemoryRange } from '../memory-ranges.ts';
import type { Arm64HandedOver, KexecPlan, X86HandedOver } from './plan.ts';
import { SetupDataType } from './x86_64-setup-data.ts';

/** One line each, without line ends. */
export function describePlan(plan: KexecPlan): string[] {
  const purpose = plan.kind === 'crash' ? 'capture kernel' : 'kernel to reboot into';
  return [
    `${plan.arch} ${purpose}: ${plan.release ?? 'of unknown release'} (${plan.layers.toReversed().join(' in ')})`,
    `entry     ${address(plan.entry)}${entryNote(plan)}, the kernel's is ${address(plan.kernelEntry)}`,
    'segment      first          last                 memory         data',
    ...plan.segments.map(
      ({ name, address: start, size, data }) =>
        `${name.padEnd(12)} ${span({ start, end: start + size })} ${formatSize(size).padStart(12)} ${formatSize(data.length).padStart(12)}`,
    ),
    ...plan.segments.filter(({ name }) => name === 'elfcorehdr').flatMap(({ data }) => coreHeaderLines(data)),
    ...(plan.handedOver.arch === 'x86_64' ? x86Lines(plan.handedOver) : arm64Lines(plan.handedOver)),
    `command line (${Buffer.byteLength(plan.commandLine)} bytes): ${plan.commandLine}`,
  ];
}

const entryNote = ({ entry, segments }: KexecPlan): string =>
  segments.some(({ name, address: start }) => name === 'trampoline' && start === entry)
    ? ' (trampoline)'
    : ' (given, without the trampoline)';

/** Of the ELF core header: what the capture kernel will find in /proc/vmcore, by physical and virtual address. */
function coreHeaderLines(header: Uint8Array): string[] {
  const count = viewOf(header).getUint16(programHeaderCountOffset, true);
  const table = viewOf(header.subarray(elfHeaderSize, elfHeaderSize + count * programHeaderSize));
  return [
    `ELF core header  ${count} program headers`,
    ...programHeadersIn(table, true).map(({ type, paddr, offset, vaddr, memorySize }) => {
      const place = span({ start: paddr, end: paddr + memorySize });
      if (type === SegmentType.note) return `             ${place} PT_NOTE`;
      const moved = offset === paddr ? '' : ` (copied to ${hex(offset)})`;
      return `             ${place} PT_LOAD at ${hex(vaddr)}${moved}`;
    }),
  ];
}

function x86Lines({ e820, setupData, efiMemoryMap, acpiRsdp }: X86HandedOver): string[] {
  return [
    `e820         ${e820.length} entries`,
    ...e820.map((entry) => `             ${span(entry)} ${entry.type}`),
    ...setupData.map(({ type, size }) => `setup_data   ${setupDataNames[type] ?? type}, ${size} bytes`),
    `EFI          ${efiMemoryMap === undefined ? 'not handed over' : `runtime memory map of ${efiMemoryMap} bytes`}`,
    `ACPI         ${acpiRsdp === undefined ? 'the kernel looks for it' : `RSDP at ${hex(acpiRsdp)}`}`,
  ];
}

const setupDataNames: Readonly<Record<number, string>> = {
  [SetupDataType.e820Extension]: 'more e820 entries',
  [SetupDataType.efi]: 'EFI tables',
  [SetupDataType.rngSeed]: 'random seed',
};

function arm64Lines({ deviceTree, usableMemory }: Arm64HandedOver): string[] {
  return [
    `device tree  ${span(deviceTree)} ${formatSize(deviceTree.end - deviceTree.start).padStart(12)}`,
    ...usableMemory.map(
      (range) => `usable       ${span(range)} ${formatSize(range.end - range.start).padStart(12)}`,
    ),
  ];
}

/** All but the bytes. Addresses are numbers; ends are exclusive. */
export function planJson(plan: KexecPlan): object {
  const { segments, ...rest } = plan;
  return {
    ...rest,
    segments: segments.map(({ name, address: start, size, data }) => ({
      name,
      address: start,
      size,
      dataSize: data.length,
    })),
  };
}

const address = (value: number): string => `0x${value.toString(16).padStart(12, '0')}`;
/** The last byte is in it, as /proc/iomem shows ranges. */
const span = ({ start, end }: MemoryRange): string => `${address(start)}-${address(end - 1)}`;
