/**
 * The ELF core header (elfcorehdr): what the capture kernel is told of the memory of the one that crashed.
 *
 * An ELF file header and program headers, nothing else. A PT_NOTE for the notes of each CPU, one for VMCOREINFO, then a PT_LOAD for the
 * kernel's own image and one for each range of RAM. There is no file yet: p_offset is the physical address too, and the capture kernel
 * makes /proc/vmcore out of it (formats/proc-vmcore.ts).
 *
 * Source of truth: crash_prepare_elf64_headers(), in kernel/kexec_file.c up to 6.8 and in kernel/crash_core.c since then, which did not
 * change what it makes from 4.18 to 7.2, but for the CPUs: those present up to 6.5, all possible ones since 6.6 (17b5fb7e1be6). We
 * are told of those present by sysfs, and a CPU without registers has an empty note either way.
 */
import { alignUp, viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import {
  ElfMachine,
  elfHeaderSize,
  PN_XNUM,
  type ProgramHeader,
  programHeaderSize,
  putCoreHeader,
  putProgramHeader,
  SegmentType,
} from '../../formats/elf.ts';
import { dumpedRanges, type MachineFacts } from './machine/facts.ts';
import type { NotePlace } from './machine/note-places.ts';
import type { KernelText } from './machine/running-image.ts';
import type { MemoryRange } from './memory-ranges.ts';
import type { KexecArch } from './segment.ts';

/** ELF_CORE_HEADER_ALIGN of the kernel, include/linux/kexec.h. kexec-tools has 1024, what elfcorehdr=NK can name. */
export const elfCoreHeaderAlign = 4096;
const readWriteExecute = 7;

/** RAM whose content is somewhere else when the capture kernel runs: the first 640 KiB of kernels before 5.5, copied by the trampoline. */
export interface MovedRange extends MemoryRange {
  /** Physical address of the copy. */
  readonly to: number;
}

export interface ElfCoreHeaderFacts {
  readonly arch: KexecArch;
  readonly cpuNotes: readonly NotePlace[];
  readonly vmcoreinfo: NotePlace;
  readonly kernelText: KernelText | undefined;
  /** RAM to be dumped, ascending. */
  readonly ranges: readonly MemoryRange[];
  /** Virtual minus physical address in the linear map. */
  readonly linearOffset: bigint;
  /** In none of `ranges`, and below them. */
  readonly moved?: MovedRange;
}

/** For the machine as it is. */
export const elfCoreHeaderFacts = (machine: MachineFacts): ElfCoreHeaderFacts => ({
  arch: machine.arch,
  cpuNotes: machine.cpuNotes,
  vmcoreinfo: machine.vmcoreinfo,
  kernelText: machine.kernelText,
  ranges: dumpedRanges(machine),
  linearOffset: machine.linearOffset,
});

/** The header, a multiple of `elfCoreHeaderAlign` bytes. E_UNSUPPORTED for more ranges than its 16-bit count takes. */
export function buildElfCoreHeader(facts: ElfCoreHeaderFacts): Uint8Array {
  const segments = [
    ...[...facts.cpuNotes, facts.vmcoreinfo].map(noteSegment),
    ...(facts.kernelText === undefined ? [] : [textSegment(facts.kernelText)]),
    ...(facts.moved === undefined ? [] : [ramSegment(facts.moved, facts.linearOffset, facts.moved.to)]),
    ...facts.ranges.map((range) => ramSegment(range, facts.linearOffset)),
  ];
  // The capture kernel reads e_phnum alone: PN_XNUM and section header 0 are unknown to it.
  if (segments.length >= PN_XNUM) {
    throw new VmcoreError('E_UNSUPPORTED', `${segments.length} ranges of memory and notes`, {
      hint: `the capture kernel takes ${PN_XNUM - 1} at most: join memory blocks that were plugged in one by one`,
    });
  }
  const bytes = new Uint8Array(
    alignUp(elfHeaderSize + segments.length * programHeaderSize, elfCoreHeaderAlign),
  );
  const view = viewOf(bytes);
  putCoreHeader(
    view,
    facts.arch === 'x86_64' ? ElfMachine.x86_64 : ElfMachine.aarch64,
    segments.length,
    true,
  );
  segments.forEach((segment, i) => {
    putProgramHeader(view, elfHeaderSize + i * programHeaderSize, segment, true);
  });
  return bytes;
}

/**
 * Bytes of memory to set aside for a header of `length` bytes. With `hotplugHeaderSize` (of MachineFacts) the kernel can make it anew in
 * place when CPUs or memory come and go.
 */
export const elfCoreHeaderRoom = (length: number, hotplugHeaderSize: number | undefined): number =>
  alignUp(Math.max(length, hotplugHeaderSize ?? 0), elfCoreHeaderAlign);

const noteSegment = ({ address, size }: NotePlace): ProgramHeader => ({
  type: SegmentType.note,
  flags: 0,
  offset: address,
  vaddr: 0n,
  paddr: address,
  fileSize: size,
  memorySize: size,
});

const loadSegment = (vaddr: bigint, paddr: number, size: number, offset: number): ProgramHeader => ({
  type: SegmentType.load,
  flags: readWriteExecute,
  offset,
  vaddr: BigInt.asUintN(64, vaddr),
  paddr,
  fileSize: size,
  memorySize: size,
});

const textSegment = ({ vaddr, paddr, size }: KernelText): ProgramHeader =>
  loadSegment(vaddr, paddr, size, paddr);

const ramSegment = (
  { start, end }: MemoryRange,
  linearOffset: bigint,
  offset: number = start,
): ProgramHeader => loadSegment(BigInt(start) + linearOffset, start, end - start, offset);
