/**
 * Everything that kexec_load(2) gets for an x86_64 kernel, laid out.
 *
 *   kernel        the protected-mode part of a bzImage, or a vmlinux; entered in 64-bit mode with boot_params in rsi
 *   bss           what it has to itself behind that
 *   elfcorehdr    for a capture kernel; named by elfcorehdr= and left out of its memory map
 *   backup        only for kernels before 5.5: what the trampoline copies there from the first MiB
 *   initrd
 *   boot_params   boot_params, the command line, EFI's memory map and setup_data, one behind the other
 *   trampoline    entered first; verifies the others
 *
 * The kernel goes to the lowest place that suits it, everything else as high as it can be: so nothing lies where the kernel grows, which is
 * up to init_size bytes from its load address. Sources of truth: Documentation/arch/x86/boot.rst and, for what is handed on,
 * arch/x86/kernel/kexec-bzimage64.c (bzImage64_load(); 6.1 to 7.2).
 */
import { alignUp } from '../../../base/bytes.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { hex } from '../../../base/units.ts';
import type { X86KernelImage } from '../images/image.ts';
import type { FirmwareRange } from '../machine/firmware.ts';
import { type MemoryRange, withoutRanges } from '../memory-ranges.ts';
import { loadRange } from './free-memory.ts';
import { commonPieces, Layout } from './layout.ts';
import type { Piece } from './placement.ts';
import { checkCommandLine, type KexecPlan, type PlanRequest, withoutAddresses } from './plan.ts';
import {
  bootParamsSize,
  buildBootParams,
  hasEfi,
  maxE820Entries,
  runningAcpiRsdp,
} from './x86_64-boot-params.ts';
import { crashE820, encodeE820, rebootE820 } from './x86_64-e820.ts';
import {
  efiDescriptorSize,
  encodeEfiMemoryMap,
  encodeEfiSetupData,
  encodeSetupData,
  type SetupDataNode,
  SetupDataType,
  setupDataSize,
  type X86EfiFacts,
} from './x86_64-setup-data.ts';

/** What the running machine tells the next kernel. */
export interface X86Machine {
  /** See memoryMapOf(). */
  readonly memoryMap: readonly FirmwareRange[];
  /** /sys/kernel/boot_params/data. */
  readonly bootParams: Uint8Array | undefined;
  /** Undefined on a machine without EFI, and with --noefi. */
  readonly efi: X86EfiFacts | undefined;
  /** From EFI's tables; where boot_params has it, it need not be given. */
  readonly acpiRsdp: number | undefined;
  /** Does the running kernel use 5-level page tables? The next one is entered with them. */
  readonly fiveLevelPaging: boolean;
}

export interface X86PlanRequest extends PlanRequest {
  readonly image: X86KernelImage;
  readonly machine: X86Machine;
}

const fourGigabytes = 2 ** 32;
/** `elfcorehdr=` and the kilobytes of an address of 52 bits. */
const longestCoreHeaderWord = 'elfcorehdr=4503599627370496K '.length;
const rngSeedBytes = 32;

/** E_NEEDS when it does not fit (with the bytes it takes), E_USAGE for a command line that is too long, E_UNSUPPORTED for the image. */
export function planX86_64(request: X86PlanRequest): KexecPlan {
  const { image, machine, purpose, pageSize } = request;
  checkImage(request);
  const efi =
    image.takesEfi && machine.bootParams !== undefined && hasEfi(machine.bootParams)
      ? machine.efi
      : undefined;
  const acpiRsdp = machine.acpiRsdp ?? (machine.bootParams && runningAcpiRsdp(machine.bootParams));
  const words = withRootPointer(withoutAddresses(request.commandLine), efi, acpiRsdp);
  const room = parameterRoom(request, words, efi);
  const layout = new Layout(
    'x86_64',
    [
      kernelPiece(image),
      ...commonPieces(request, () => (image.above4G ? {} : { max: image.initrdAddressMax + 1 })),
      // A kernel that cannot be above 4 GiB cannot read its parameters there either.
      {
        name: 'boot_params',
        size: room.size,
        align: pageSize,
        from: 'top',
        bounds: () => (image.above4G ? {} : { max: fourGigabytes }),
      },
    ],
    purpose.kind === 'crash'
      ? request
      : { ...request, purpose: { ...purpose, free: withoutRanges(purpose.free, keptByEfi(efi)) } },
  );

  const { elfcorehdr, initrd } = layout;
  const commandLine =
    elfcorehdr === undefined ? words : `elfcorehdr=${elfcorehdr.start / 1024}K ${words}`.trimEnd();
  checkCommandLine(commandLine, image.commandLineMax);
  const e820 =
    purpose.kind === 'crash' && elfcorehdr !== undefined
      ? crashE820(machine.memoryMap, purpose.reserved, [
          elfcorehdr,
          ...(purpose.lowMemory === undefined ? [] : [layout.at('backup')]),
        ])
      : rebootE820(machine.memoryMap, keptByEfi(efi));
  const bootParams = layout.at('boot_params').start;
  const parameters = fillParameters({
    request,
    room,
    address: bootParams,
    commandLine,
    initrd,
    e820,
    efi,
    acpiRsdp,
  });
  const kernelEntry = layout.at('kernel').start + image.entryOffset;
  return {
    arch: 'x86_64',
    kind: purpose.kind,
    release: image.release,
    layers: image.layers,
    kernelEntry,
    ...layout.withTrampoline(
      [
        ...layout.kernelSegments(image.data),
        ...layout.commonSegments(),
        layout.segment('boot_params', parameters.bytes),
      ],
      kernelEntry,
      bootParams,
    ),
    commandLine,
    initrd,
    elfcorehdr,
    handedOver: {
      arch: 'x86_64',
      bootParams,
      e820,
      setupData: parameters.nodes.map(({ type, data }) => ({ type, size: data.length })),
      efiMemoryMap: efi && efi.runtimeMap.length * efiDescriptorSize,
      acpiRsdp,
    },
  };
}

function checkImage({ image, machine, purpose }: X86PlanRequest): void {
  if (machine.fiveLevelPaging && !image.takesFiveLevels) {
    throw new VmcoreError(
      'E_UNSUPPORTED',
      'this machine runs with 5-level page tables, the kernel cannot start with them',
      {
        hint: 'use a kernel of 4.18 or later, or boot this one with no5lvl',
      },
    );
  }
  if (image.relocatable || purpose.kind === 'reboot') return;
  const range = loadRange(purpose.reserved);
  if (image.preferredAddress >= range.start && image.preferredAddress + image.memorySize <= range.end) return;
  throw new VmcoreError(
    'E_UNSUPPORTED',
    `the kernel runs at ${hex(image.preferredAddress)} only (CONFIG_RELOCATABLE=n); reserved is ${hex(range.start)}-${hex(range.end - 1)}`,
    { hint: 'use a relocatable kernel' },
  );
}

function kernelPiece(image: X86KernelImage): Piece {
  const { preferredAddress, memorySize, relocatable, above4G } = image;
  const max = !relocatable
    ? preferredAddress + alignUp(memorySize, 4096)
    : above4G
      ? Number.MAX_SAFE_INTEGER
      : fourGigabytes;
  return {
    name: 'kernel',
    size: memorySize,
    align: image.alignment,
    from: 'bottom',
    // Below its preferred address the kernel would move itself up, onto other things (boot.rst, pref_address).
    bounds: () => ({ min: Math.max(preferredAddress, 2 ** 20), max }),
  };
}

/**
 * Without EFI's tables a kernel looks for ACPI's root pointer in the first MiB, where EFI machines have none. boot_params has a field for
 * it, which kernels before 4.20 do not know (e6e094e053af); `acpi_rsdp=` is as old as EFI kexec (acpi_os_get_root_pointer() in
 * drivers/acpi/osl.c), though a locked down kernel ignores it. So both are given.
 */
const withRootPointer = (
  commandLine: string,
  efi: X86EfiFacts | undefined,
  acpiRsdp: number | undefined,
): string =>
  efi !== undefined || acpiRsdp === undefined
    ? commandLine
    : `${commandLine} acpi_rsdp=${hex(acpiRsdp)}`.trimStart();

/**
 * Tables of EFI that the running kernel keeps (efi_mem_reserve(): memory attributes, ESRT, …) are in its runtime map, but lie in memory that
 * the firmware's map calls RAM. The next kernel reads them too.
 */
const keptByEfi = (efi: X86EfiFacts | undefined): MemoryRange[] =>
  (efi?.runtimeMap ?? []).map(({ physical, pages }) => ({ start: physical, end: physical + pages * 4096 }));

/** What follows boot_params in their segment: offsets from its beginning. */
interface ParameterRoom {
  readonly efiMapAt: number;
  readonly setupDataAt: number;
  readonly size: number;
}

function parameterRoom(
  request: X86PlanRequest,
  commandLine: string,
  efi: X86EfiFacts | undefined,
): ParameterRoom {
  const crashWord = request.purpose.kind === 'crash' ? longestCoreHeaderWord : 0;
  const efiMapAt = alignUp(bootParamsSize + crashWord + Buffer.byteLength(commandLine) + 1, 16);
  const setupDataAt = alignUp(efiMapAt + (efi?.runtimeMap.length ?? 0) * efiDescriptorSize, 16);
  // What is kept within a range of the map splits it: room for what cannot be known before everything has its place.
  const splits =
    2 *
    (request.purpose.kind === 'crash' ? request.purpose.reserved.length + 2 : (efi?.runtimeMap.length ?? 0));
  const most = request.machine.memoryMap.length + splits;
  const nodes = setupNodes(
    efi,
    new Uint8Array(rngSeedBytes),
    new Uint8Array(Math.max(0, most - maxE820Entries) * 20),
  );
  return { efiMapAt, setupDataAt, size: setupDataAt + setupDataSize(nodes) };
}

/** The types that have content. */
function setupNodes(
  efi: X86EfiFacts | undefined,
  rngSeed: Uint8Array,
  moreE820: Uint8Array,
): SetupDataNode[] {
  return [
    ...(moreE820.length === 0 ? [] : [{ type: SetupDataType.e820Extension, data: moreE820 }]),
    ...(efi === undefined ? [] : [{ type: SetupDataType.efi, data: encodeEfiSetupData(efi) }]),
    { type: SetupDataType.rngSeed, data: rngSeed },
  ];
}

interface ParameterFacts {
  readonly request: X86PlanRequest;
  readonly room: ParameterRoom;
  /** Of boot_params. */
  readonly address: number;
  readonly commandLine: string;
  readonly initrd: MemoryRange | undefined;
  readonly e820: readonly FirmwareRange[];
  readonly efi: X86EfiFacts | undefined;
  readonly acpiRsdp: number | undefined;
}

function fillParameters(facts: ParameterFacts): { bytes: Uint8Array; nodes: readonly SetupDataNode[] } {
  const { request, room, address, efi, e820 } = facts;
  const nodes = setupNodes(efi, request.random(rngSeedBytes), encodeE820(e820.slice(maxE820Entries)));
  const bytes = new Uint8Array(room.size);
  bytes.set(
    buildBootParams({
      image: request.image,
      running: request.machine.bootParams,
      commandLine: address + bootParamsSize,
      initrd: facts.initrd,
      e820,
      setupData: address + room.setupDataAt,
      efi: efi && {
        memoryMap: { address: address + room.efiMapAt, size: efi.runtimeMap.length * efiDescriptorSize },
        descriptorSize: efiDescriptorSize,
      },
      acpiRsdp: facts.acpiRsdp,
    }),
  );
  bytes.set(Buffer.from(facts.commandLine), bootParamsSize);
  if (efi !== undefined) bytes.set(encodeEfiMemoryMap(efi.runtimeMap), room.efiMapAt);
  bytes.set(encodeSetupData(nodes, address + room.setupDataAt), room.setupDataAt);
  return { bytes, nodes };
}
