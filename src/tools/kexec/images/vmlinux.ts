/**
 * vmlinux: the kernel as it was linked, an ELF file.
 *
 * Its PT_LOADs are put side by side as they lie in memory, holes filled with zeros, so that one segment carries the kernel. For arm64 the
 * result is an Image, header included: objcopy makes the Image the same way (arch/arm64/boot/Makefile). For x86_64 it is what the
 * decompressor of a bzImage would leave behind (parse_elf() in arch/x86/boot/compressed/misc.c), entered as that enters it: in 64-bit
 * mode, with boot_params in rsi. It runs at any 2 MiB boundary, because startup_64 computes where it is (arch/x86/kernel/head64.c,
 * __startup_64; Linux 6.1).
 */
import { MemorySource } from '../../../base/byte-source.ts';
import { putU64, viewOf } from '../../../base/bytes.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { hex } from '../../../base/units.ts';
import {
  type ElfFile,
  ElfMachine,
  ElfType,
  type ProgramHeader,
  parseElf,
  SegmentType,
} from '../../../formats/elf.ts';
import { isArm64Image, readArm64Image } from './arm64-image.ts';
import { SetupHeader, XloadFlag } from './bzimage.ts';
import { type BareImage, maxKernelBytes, releaseIn } from './image.ts';

/** The kernel's own mapping of x86_64: __START_KERNEL_map. */
const x86KernelMap = 0xffff_ffff_8000_0000n;
const x86Alignment = 2 ** 21;
/** COMMAND_LINE_SIZE of x86_64 without the NUL (arch/x86/include/asm/setup.h). */
const x86CommandLineMax = 2047;
/** Kernels have five at most. */
const maxLoads = 64;

/** Reads a file that begins as ELF. E_FILE for what is no kernel, E_UNSUPPORTED for one of another kind, E_TRUNCATED, E_CORRUPT. */
export function readVmlinux(bytes: Uint8Array, file: string): BareImage {
  const elf = parseKernelElf(bytes, file);
  const notAKernel = (what: string): VmcoreError =>
    new VmcoreError('E_FILE', `${what}, not a kernel`, { file, hint: 'name a kernel image' });
  if (elf.type === ElfType.core) throw notAKernel('an ELF core dump');
  if (elf.type !== ElfType.exec && elf.type !== ElfType.dyn)
    throw notAKernel('an ELF object (such as a module)');
  if (elf.segments.some(({ type }) => type === SegmentType.interp)) throw notAKernel('a program');
  if (!elf.littleEndian) {
    throw new VmcoreError('E_UNSUPPORTED', 'a big-endian ELF file', {
      file,
      hint: 'name a little-endian kernel',
    });
  }
  const loads = elf.segments.filter(({ type, memorySize }) => type === SegmentType.load && memorySize > 0);
  if (loads.length > maxLoads) {
    throw new VmcoreError('E_CORRUPT', `${loads.length} segments`, { file, hint: 'name a kernel image' });
  }
  for (const load of loads) checkLoad(load, bytes.length, file);
  // The field e_entry, which formats/elf.ts does not need for dumps.
  const entry = viewOf(bytes).getBigUint64(24, true);
  const image = readers[elf.machine]?.({ bytes, file, elf, loads, entry });
  if (image === undefined) throw notAKernel('an ELF program');
  return image;
}

/** The reader is that of dumps: what it advises is about dumps. */
function parseKernelElf(bytes: Uint8Array, file: string): ElfFile {
  try {
    return parseElf(new MemorySource(bytes, file));
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    throw new VmcoreError(error.code, error.message, {
      file,
      offset: error.offset,
      hint: error.code === 'E_UNSUPPORTED' ? 'name a 64-bit kernel' : 'get the kernel image again',
    });
  }
}

interface Kernel {
  readonly bytes: Uint8Array;
  readonly file: string;
  readonly elf: ElfFile;
  readonly loads: readonly ProgramHeader[];
  readonly entry: bigint;
}

/** By e_machine; undefined when it is a program, not a kernel. */
const readers: Readonly<Record<number, (kernel: Kernel) => BareImage | undefined>> = {
  [ElfMachine.x86_64]: x86Kernel,
  [ElfMachine.aarch64]: arm64Kernel,
};

export const isKnownMachine = (machine: number): boolean => readers[machine] !== undefined;

function checkLoad({ offset, fileSize, memorySize }: ProgramHeader, length: number, file: string): void {
  if (fileSize > 0 && offset + fileSize > length) {
    throw new VmcoreError(
      'E_TRUNCATED',
      `the file has ${length} bytes, a segment reaches up to ${offset + fileSize}: the last ${offset + fileSize - length} are missing`,
      { file, offset, hint: 'get the kernel image again' },
    );
  }
  if (fileSize > memorySize) {
    throw new VmcoreError('E_CORRUPT', `a segment has ${fileSize} bytes for ${memorySize} bytes of memory`, {
      file,
      offset,
      hint: 'get the kernel image again',
    });
  }
}

function x86Kernel({ bytes, file, loads, entry }: Kernel): BareImage | undefined {
  if (!loads.some(({ vaddr }) => vaddr >= x86KernelMap)) return undefined;
  const base = Math.min(...loads.map(({ paddr }) => paddr));
  const memorySize = Math.max(...loads.map(({ paddr, memorySize }) => paddr + memorySize)) - base;
  const holder = loads.find(({ paddr, memorySize }) => holds(BigInt(paddr), memorySize, entry));
  if (holder === undefined || base % x86Alignment !== 0 || memorySize > maxKernelBytes) {
    throw new VmcoreError(
      'E_CORRUPT',
      `entry ${hex(entry)} for ${hex(memorySize)} bytes of memory at ${hex(base)}`,
      { file, hint: 'name a vmlinux as it was linked' },
    );
  }
  const data = flatten(
    bytes,
    loads.map((load) => ({ ...load, at: load.paddr - base })),
  );
  return {
    arch: 'x86_64',
    format: 'vmlinux',
    release: releaseIn(data),
    fileForm: undefined,
    data,
    memorySize,
    entryOffset: Number(entry) - base,
    alignment: x86Alignment,
    preferredAddress: base,
    relocatable: true,
    above4G: true,
    // Nothing in the file tells, so EFI is not handed over.
    takesEfi: false,
    // startup_64 asks the processor which mode is on.
    takesFiveLevels: true,
    commandLineMax: x86CommandLineMax,
    initrdAddressMax: 0xffff_ffff,
    setupHeader: x86SetupHeader(base, memorySize),
  };
}

/** The same as a bzImage of this kernel would have, in the fields that a kernel shows or reads later on. */
function x86SetupHeader(base: number, memorySize: number): Uint8Array {
  const header = new Uint8Array(SetupHeader.initSize + 4 - SetupHeader.start);
  const view = viewOf(header);
  const at = (field: number): number => field - SetupHeader.start;
  view.setUint16(at(SetupHeader.bootFlag), 0xaa55, true);
  view.setUint8(at(SetupHeader.jumpDistance), SetupHeader.initSize + 4 - SetupHeader.magic);
  header.set(Buffer.from('HdrS'), at(SetupHeader.magic));
  view.setUint16(at(SetupHeader.version), 0x20f, true);
  view.setUint32(at(SetupHeader.kernelAlignment), x86Alignment, true);
  view.setUint8(at(SetupHeader.relocatable), 1);
  view.setUint16(at(SetupHeader.xloadFlags), XloadFlag.kernel64 | XloadFlag.above4G, true);
  view.setUint32(at(SetupHeader.commandLineSize), x86CommandLineMax, true);
  putU64(view, at(SetupHeader.preferredAddress), base, true);
  view.setUint32(at(SetupHeader.initSize), memorySize, true);
  return header;
}

/** e_entry is `_text`, where the Image header is. The link addresses are virtual, p_paddr mostly too: only distances count. */
function arm64Kernel({ bytes, file, loads, entry }: Kernel): BareImage | undefined {
  const first = loads.find(({ vaddr, fileSize }) => holds(vaddr, fileSize, entry));
  if (first === undefined) return undefined;
  const header = bytes.subarray(first.offset + Number(entry - first.vaddr), first.offset + first.fileSize);
  if (!isArm64Image(header)) return undefined;
  const placed = loads
    .filter(({ vaddr, memorySize }) => vaddr + BigInt(memorySize) > entry)
    .map((load) => ({ ...load, at: Number(load.vaddr - entry) }));
  if (placed.some(({ at, fileSize }) => at + fileSize > maxKernelBytes)) {
    throw new VmcoreError('E_CORRUPT', 'its segments are further apart than a kernel is large', {
      file,
      hint: 'name a vmlinux as it was linked',
    });
  }
  return readArm64Image(flatten(bytes, placed), file, 'vmlinux');
}

const holds = (start: bigint, size: number, address: bigint): boolean =>
  start <= address && address < start + BigInt(size);

/** The bytes of all segments at their places, up to the last byte that comes from the file. `at` may be negative: cut off. */
function flatten(
  bytes: Uint8Array,
  loads: readonly (ProgramHeader & { readonly at: number })[],
): Uint8Array<ArrayBuffer> {
  const flat = new Uint8Array(Math.max(...loads.map(({ at, fileSize }) => at + fileSize)));
  for (const { at, offset, fileSize } of loads) {
    const cut = Math.max(0, -at);
    if (cut < fileSize) flat.set(bytes.subarray(offset + cut, offset + fileSize), at + cut);
  }
  return flat;
}
