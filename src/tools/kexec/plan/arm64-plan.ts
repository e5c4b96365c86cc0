/**
 * Everything that kexec_load(2) gets for an arm64 kernel, laid out.
 *
 *   kernel        the Image, at text_offset from a 2 MiB boundary; entered with the device tree's address in x0
 *   elfcorehdr    for a capture kernel; named by linux,elfcorehdr
 *   initrd        close enough to the kernel for it to map both
 *   dtb           the device tree: command line, initrd, ELF core header, usable memory
 *   trampoline    entered first; verifies the others
 *
 * Sources of truth: Documentation/arch/arm64/booting.rst, and arch/arm64/kernel/kexec_image.c and machine_kexec_file.c for the same work by
 * the kernel (6.1 to 7.2).
 */
import { alignDown, alignUp } from '../../../base/bytes.ts';
import type { DeviceTree } from '../../../formats/fdt.ts';
import { captureDeviceTree, deviceTreeBlob, type NextKernel } from '../device-tree.ts';
import type { Arm64KernelImage } from '../images/image.ts';
import type { MemoryRange } from '../memory-ranges.ts';
import { commonPieces, Layout } from './layout.ts';
import type { AddressBounds, Piece } from './placement.ts';
import { checkCommandLine, type KexecPlan, type PlanRequest, withoutAddresses } from './plan.ts';

export interface Arm64PlanRequest extends PlanRequest {
  readonly image: Arm64KernelImage;
  readonly machine: {
    /** The running kernel's, or the one of --dtb. */
    readonly deviceTree: DeviceTree;
    /** Where the running kernel has its own: its reservation is given up. */
    readonly runningBlob?: MemoryRange;
  };
}

const kernelAlignment = 2 * 2 ** 20;
const gibibyte = 2 ** 30;
/** Kernel and initrd within one such window, which begins at a GiB: booting.rst, "Call the kernel image". */
const window = 32 * gibibyte;
/** Of a kernel that may be anywhere: booting.rst, flags, bit 3. */
const addressLimit = 2 ** 48;
/** COMMAND_LINE_SIZE without the NUL: arch/arm64/include/uapi/asm/setup.h. */
const commandLineMax = 2047;

/** E_NEEDS when it does not fit (with the bytes it takes), or for a device tree that is too large; E_USAGE for the command line. */
export function planArm64(request: Arm64PlanRequest): KexecPlan {
  const { image, initrd, purpose, pageSize } = request;
  const commandLine = withoutAddresses(request.commandLine);
  checkCommandLine(commandLine, commandLineMax);
  // The tree's size does not depend on the addresses in it.
  const some = (size: number): MemoryRange => ({ start: pageSize, end: pageSize + size });
  const treeSize = treeFor(request, commandLine, {
    initrd: initrd && some(initrd.length),
    elfcorehdr: purpose.kind === 'crash' ? some(purpose.elfcorehdr.size) : undefined,
  }).length;
  const layout = new Layout(
    'arm64',
    [
      kernelPiece(image),
      ...commonPieces(request, (placed) => windowAround(placed('kernel'))),
      // Aligned to its own size it crosses no 2 MiB boundary: the kernel maps it in blocks of that size.
      { name: 'dtb', size: treeSize, align: powerOfTwoFor(treeSize), from: 'top' },
    ],
    request,
  );

  const tree = treeFor(request, commandLine, layout);
  const deviceTree = { start: layout.at('dtb').start, end: layout.at('dtb').start + tree.length };
  const kernelEntry = layout.at('kernel').start + image.textOffset;
  return {
    arch: 'arm64',
    kind: purpose.kind,
    release: image.release,
    layers: image.layers,
    kernelEntry,
    ...layout.withTrampoline(
      [
        ...layout.kernelSegments(image.data, image.textOffset),
        ...layout.commonSegments(),
        layout.segment('dtb', tree),
      ],
      kernelEntry,
      deviceTree.start,
    ),
    commandLine,
    initrd: layout.initrd,
    elfcorehdr: layout.elfcorehdr,
    handedOver: {
      arch: 'arm64',
      deviceTree,
      usableMemory: purpose.kind === 'crash' ? purpose.reserved : [],
    },
  };
}

function treeFor(
  { machine, purpose, random }: Arm64PlanRequest,
  commandLine: string,
  { initrd, elfcorehdr }: Pick<KexecPlan, 'initrd' | 'elfcorehdr'>,
): Uint8Array {
  const next: NextKernel = {
    commandLine,
    initrd,
    crash:
      purpose.kind === 'crash' && elfcorehdr !== undefined
        ? { elfcorehdr, usable: purpose.reserved }
        : undefined,
    runningBlob: machine.runningBlob,
    random,
  };
  return deviceTreeBlob(captureDeviceTree(machine.deviceTree, next));
}

/** The lowest place: kernels before 4.6 cannot use what is below them, and later ones do not mind. */
const kernelPiece = (image: Arm64KernelImage): Piece => ({
  name: 'kernel',
  size: image.textOffset + image.memorySize,
  align: kernelAlignment,
  from: 'bottom',
  bounds: () => (image.anywhere ? { max: addressLimit } : {}),
});

/** Everywhere that is in one window with all of `kernel`. */
const windowAround = (kernel: MemoryRange): AddressBounds => ({
  min: Math.max(0, alignUp(kernel.end, gibibyte) - window),
  max: alignDown(kernel.start, gibibyte) + window,
});

const powerOfTwoFor = (size: number): number => 2 ** Math.ceil(Math.log2(size));
