/**
 * A plan for the machine we run on: reads the image and the machine's facts, and hands both to the planner of the architecture.
 *
 * Nothing is loaded here: --dry-run ends with the plan.
 */
import { readFileSync } from 'node:fs';
import { VmcoreError } from '../../base/errors.ts';
import type { DeviceTree } from '../../formats/fdt.ts';
import { nodeCrypto } from '../../sys/late-modules.ts';
import { asVmcoreError } from '../../sys/system-error.ts';
import { buildElfCoreHeader, elfCoreHeaderFacts, elfCoreHeaderRoom } from './elfcorehdr.ts';
import type { KernelImage } from './images/image.ts';
import { type MachineFacts, readMachineFacts } from './machine/facts.ts';
import { type IomemEntry, parseIomem } from './machine/iomem.ts';
import { KernelFiles } from './machine/kernel-files.ts';
import { pageSize } from './machine/page-size.ts';
import type { MemoryRange } from './memory-ranges.ts';
import { planArm64 } from './plan/arm64-plan.ts';
import { freeForReboot } from './plan/free-memory.ts';
import type { AddressBounds } from './plan/placement.ts';
import type { KexecPlan, PlanRequest, Purpose } from './plan/plan.ts';
import { serialConsole } from './plan/serial-console.ts';
import { readX86Machine } from './plan/x86_64-machine.ts';
import { planX86_64 } from './plan/x86_64-plan.ts';
import { readDeviceTreeFile, runningDeviceTree } from './running-device-tree.ts';
import type { KexecArch } from './segment.ts';
import type { LoadKind } from './status.ts';
import { hasShaInstructions } from './trampoline/sha-instructions.ts';

export interface MachinePlanRequest {
  readonly kind: LoadKind;
  readonly image: KernelImage;
  /** Files. */
  readonly initrd: string | undefined;
  readonly dtb: string | undefined;
  readonly commandLine: string;
  readonly bounds: AddressBounds;
  /** --entry: physical. */
  readonly entry: number | undefined;
  /** Are the segments verified before they are run? */
  readonly verify: boolean;
  /** The running kernel updates the ELF core header when CPUs and memory come and go. */
  readonly hotplug: boolean;
  readonly efi: 'hand over' | 'leave out';
}

/** The architecture of this machine. E_UNSUPPORTED when it is none of ours. */
export function machineArch(): KexecArch {
  if (process.platform === 'linux' && process.arch === 'x64') return 'x86_64';
  if (process.platform === 'linux' && process.arch === 'arm64') return 'arm64';
  throw new VmcoreError('E_UNSUPPORTED', `kexec on ${process.platform} ${process.arch}`, {
    hint: 'run it on Linux, on x86_64 or arm64',
  });
}

/** Reads a file that is loaded: a kernel, an initramfs. E_FILE when it cannot be read. */
export function readLoaded(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot read', { file: path });
  }
}

/** Lays everything out. Errors of the machine's facts, the image and the placement; see there. */
export function planForMachine(request: MachinePlanRequest, files = new KernelFiles()): KexecPlan {
  const { image } = request;
  const iomem = parseIomem(files.text('proc/iomem'), files.path('proc/iomem'));
  const common: PlanRequest = {
    initrd: request.initrd === undefined ? image.bundled?.initrd : readLoaded(request.initrd),
    commandLine: request.commandLine,
    purpose: purposeOf(request, iomem, files),
    pageSize: pageSize(files),
    bounds: request.bounds,
    console: serialConsole(image.arch, request.commandLine, iomem),
    shaInstructions: hasShaInstructions(image.arch, files.cpuinfo()),
    random: (bytes) => nodeCrypto().randomBytes(bytes),
    verify: request.verify,
    entry: request.entry,
  };
  if (image.arch === 'x86_64') {
    return planX86_64({ ...common, image, machine: readX86Machine(files, iomem, request.efi) });
  }
  return planArm64({ ...common, image, machine: { deviceTree: deviceTreeFor(request) } });
}

function deviceTreeFor({ kind, dtb }: MachinePlanRequest): DeviceTree {
  if (dtb !== undefined) return readDeviceTreeFile(dtb);
  const { tree, from, path } = runningDeviceTree();
  if (from === 'folder' && kind === 'reboot') {
    throw new VmcoreError('E_NEEDS', 'does not tell what memory the firmware keeps', {
      file: path,
      hint: 'use a kernel that shows /sys/firmware/fdt, or name the device tree with --dtb',
    });
  }
  return tree;
}

function purposeOf(
  { kind, image, hotplug }: MachinePlanRequest,
  iomem: readonly IomemEntry[],
  files: KernelFiles,
): Purpose {
  if (kind === 'reboot') return { kind, free: freeForReboot(image.arch, iomem) };
  const machine = readMachineFacts(files);
  if (hotplug && machine.hotplugHeaderSize === undefined) {
    throw new VmcoreError('E_NEEDS', 'this kernel does not update the ELF core header itself', {
      file: files.path('sys/kernel/crash_elfcorehdr_size'),
      hint: 'leave out --hotplug, and load again when processors or memory change',
    });
  }
  const facts = elfCoreHeaderFacts(machine);
  const range = lowMemory(machine);
  // Where the copy will be is not known yet; how long the header becomes is.
  const data = buildElfCoreHeader(
    range === undefined ? facts : { ...facts, moved: { ...range, to: range.start } },
  );
  return {
    kind,
    elfcorehdr: {
      data,
      size: elfCoreHeaderRoom(data.length, hotplug ? machine.hotplugHeaderSize : undefined),
      updatedByKernel: hotplug,
    },
    reserved: machine.crashKernels,
    ...(range === undefined
      ? {}
      : { lowMemory: { range, coreHeader: (moved) => buildElfCoreHeader({ ...facts, moved }) } }),
  };
}

/**
 * RAM of the first 640 KiB, where kernels before 5.5 have things of their own. Since then they keep out of it (6f599d84231f, "x86/kdump:
 * Always reserve the low 1M when the crashkernel option is specified"), which they do not tell otherwise than by their release.
 */
function lowMemory({ arch, release, ram }: MachineFacts): MemoryRange | undefined {
  if (arch !== 'x86_64' || !isBefore(release, 5, 5)) return undefined;
  return ram.find(({ end }) => end <= 640 * 1024);
}

/** Is a release such as `4.19.0-27-amd64` older than major.minor? */
export function isBefore(release: string, major: number, minor: number): boolean {
  const [, first = '', second = ''] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return Number(first) < major || (Number(first) === major && Number(second) < minor);
}
