/**
 * The ELF vmcore: what /proc/vmcore shows and makedumpfile -E writes. One PT_NOTE, and a PT_LOAD per run of RAM.
 *
 * Source of truth: fs/proc/vmcore.c and kernel/kexec_elf.c (Linux 6.1); makedumpfile's IMPLEMENTATION for -E.
 */
import { type ByteSource, readExact } from '../base/byte-source.ts';
import { VmcoreError } from '../base/errors.ts';
import type { Arch, Dump, DumpFormat, OpenOptions } from './dump.ts';

import {
  type ElfFile,
  ElfMachine,
  ElfType,
  isElf,
  type Note,
  parseElf,
  parseNotes,
  SegmentType,
} from './elf.ts';
import { ElfMemory } from './elf-memory.ts';
import { maxNoteBytes, pageSizeOf, vmcoreinfoText } from './notes.ts';

/** e_flags bit that makedumpfile sets in an ELF dump it could not finish (DUMP_ELF_INCOMPLETE, elf_info.h 1.7.9). */
export const elfIncompleteFlag = 1;

export const elfCore: DumpFormat = {
  name: 'elf',
  probe: isElf,
  open(source, options) {
    const elf = parseElf(source);
    if (elf.type !== ElfType.core) {
      const what =
        elf.type === ElfType.exec || elf.type === ElfType.dyn ? 'an ELF program' : `ELF type ${elf.type}`;
      throw new VmcoreError('E_NOT_A_DUMP', `${what}, not a core dump`, {
        file: source.name,
        hint: 'give the vmcore itself',
      });
    }
    const arch = archOf(elf);
    const notes = readNotes(elf);
    const vmcoreinfo = vmcoreinfoText(notes);
    const loads = elf.segments.filter((segment) => segment.type === SegmentType.load);
    if (loads.length === 0) {
      throw new VmcoreError('E_CORRUPT', 'an ELF core without a single PT_LOAD: no memory in it', {
        file: source.name,
      });
    }
    checkLoads(source, elf, options);
    const pageSize = pageSizeOf(vmcoreinfo);
    const memory = new ElfMemory(source, loads, pageSize);
    const incomplete = (elf.flags & elfIncompleteFlag) !== 0;
    return {
      format: 'elf',
      arch,
      source,
      littleEndian: elf.littleEndian,
      memory,
      notes,
      vmcoreinfo,
      segments: loads,
      describe: () => ({
        format: 'elf',
        detail: `ELF core, ${loads.length} memory segments`,
        arch,
        pageSize,
        dumpLevel: undefined,
        incomplete,
        compression: undefined,
        zeroPages: undefined,
      }),
    } satisfies Dump;
  },
};

/** E_UNSUPPORTED for machines we do not know. */
export function archOf(elf: ElfFile): Arch {
  if (elf.machine === ElfMachine.x86_64) return 'x86_64';
  if (elf.machine === ElfMachine.aarch64) return 'arm64';
  throw new VmcoreError('E_UNSUPPORTED', `ELF machine ${elf.machine}`, {
    file: elf.source.name,
    hint: 'x86_64 (62) and arm64 (183) dumps are read',
  });
}

/** The notes of all PT_NOTE segments. */
export function readNotes(elf: ElfFile): Note[] {
  return elf.segments
    .filter((segment) => segment.type === SegmentType.note && segment.fileSize > 0)
    .flatMap((segment) => {
      if (segment.fileSize > maxNoteBytes) {
        throw new VmcoreError('E_CORRUPT', `a note segment of ${segment.fileSize} bytes`, {
          file: elf.source.name,
          offset: segment.offset,
        });
      }
      const bytes = readExact(elf.source, segment.offset, segment.fileSize, 'the note segment');
      return parseNotes(bytes, elf.littleEndian, elf.source.name, segment.offset);
    });
}

function checkLoads(source: ByteSource, elf: ElfFile, options: OpenOptions): void {
  let end = 0;
  for (const { type, offset, fileSize, memorySize, paddr } of elf.segments) {
    if (type !== SegmentType.load) continue;
    if (!Number.isSafeInteger(paddr + memorySize)) {
      throw new VmcoreError('E_CORRUPT', `a memory segment ends beyond any physical memory`, {
        file: source.name,
        offset,
      });
    }
    if (fileSize > 0) end = Math.max(end, offset + fileSize);
  }
  const declaredIncomplete = (elf.flags & elfIncompleteFlag) !== 0;
  if (end > source.size && !declaredIncomplete && options.cutShort === 'refuse') {
    throw new VmcoreError(
      'E_TRUNCATED',
      `memory segments reach to byte ${end}, the file has ${source.size}`,
      {
        file: source.name,
        offset: source.size,
        hint: 'copy the dump again, or read what is there with --cut-short',
      },
    );
  }
}
