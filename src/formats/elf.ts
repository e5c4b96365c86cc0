/**
 * ELF64: the file header, program headers and notes, of core files and of programs, in either byte order.
 *
 * Source of truth: include/uapi/linux/elf.h (Linux 6.1) and the System V ABI. All offsets and sizes are bytes.
 * Nothing here is allocated by a size from the file before that size was checked against the file.
 */
import { type ByteSource, readExact } from '../base/byte-source.ts';
import { alignUp, cString, putU64, u64, viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';

export const ElfType = { relocatable: 1, exec: 2, dyn: 3, core: 4 } as const;
export const ElfMachine = { x86_64: 62, aarch64: 183 } as const;
export const SegmentType = { load: 1, dynamic: 2, interp: 3, note: 4 } as const;

/** e_phnum value that means "the real count is in sh_info of section 0". */
export const PN_XNUM = 0xffff;
export const elfHeaderSize = 64;
export const programHeaderSize = 56;
export const sectionHeaderSize = 64;
/** A dump has one PT_LOAD per RAM range or run of kept pages; makedumpfile -E makes a few hundred thousand at most. */
const maxProgramHeaders = 4_000_000;

export interface ProgramHeader {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly vaddr: bigint;
  readonly paddr: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

export interface ElfFile {
  readonly source: ByteSource;
  readonly type: number;
  readonly machine: number;
  readonly flags: number;
  readonly littleEndian: boolean;
  readonly segments: readonly ProgramHeader[];
}

/** Does the file begin as an ELF file? Its class and byte order are checked by `parseElf`. */
export const isElf = (head: Uint8Array): boolean =>
  head.length >= 4 && head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46;

/** Reads the headers. E_UNSUPPORTED for 32-bit files, E_CORRUPT or E_TRUNCATED for broken ones. */
export function parseElf(source: ByteSource): ElfFile {
  const header = readExact(source, 0, elfHeaderSize, 'the ELF header');
  const corrupt = (what: string, offset: number): VmcoreError =>
    new VmcoreError('E_CORRUPT', what, { file: source.name, offset, hint: 'copy the dump again' });

  if (header[4] !== 2) {
    if (header[4] !== 1) throw corrupt(`ELF class ${header[4]} does not exist`, 4);
    throw new VmcoreError('E_UNSUPPORTED', 'a 32-bit ELF file', {
      file: source.name,
      hint: 'use the crash utility for 32-bit kernels',
    });
  }
  if (header[5] !== 1 && header[5] !== 2) throw corrupt(`ELF byte order ${header[5]} does not exist`, 5);
  const littleEndian = header[5] === 1;
  const view = viewOf(header);

  const tableOffset = u64(view, 32, littleEndian);
  const entrySize = view.getUint16(54, littleEndian);
  let count = view.getUint16(56, littleEndian);
  if (count > 0 && entrySize !== programHeaderSize)
    throw corrupt(`program headers of ${entrySize} bytes`, 54);
  if (count === PN_XNUM) {
    const section = readExact(source, u64(view, 40, littleEndian), sectionHeaderSize, 'section header 0');
    count = viewOf(section).getUint32(44, littleEndian);
  }
  if (count > maxProgramHeaders) throw corrupt(`${count} program headers`, 56);

  const table = viewOf(readExact(source, tableOffset, count * programHeaderSize, 'the program header table'));
  return {
    source,
    type: view.getUint16(16, littleEndian),
    machine: view.getUint16(18, littleEndian),
    flags: view.getUint32(48, littleEndian),
    littleEndian,
    segments: programHeadersIn(table, littleEndian),
  };
}

/** The program headers of a table that is all there. */
export function programHeadersIn(table: DataView, littleEndian: boolean): ProgramHeader[] {
  const headers: ProgramHeader[] = [];
  for (let at = 0; at + programHeaderSize <= table.byteLength; at += programHeaderSize) {
    headers.push({
      type: table.getUint32(at, littleEndian),
      flags: table.getUint32(at + 4, littleEndian),
      offset: u64(table, at + 8, littleEndian),
      vaddr: table.getBigUint64(at + 16, littleEndian),
      paddr: u64(table, at + 24, littleEndian),
      fileSize: u64(table, at + 32, littleEndian),
      memorySize: u64(table, at + 40, littleEndian),
    });
  }
  return headers;
}

/** Where e_phnum is, 16 bits. */
export const programHeaderCountOffset = 56;

/**
 * Writes the first 64 bytes of a core file with `count` program headers behind them: ELF64, version 1, no sections. The count is the
 * caller's to keep below PN_XNUM, or to tell in section header 0.
 */
export function putCoreHeader(view: DataView, machine: number, count: number, littleEndian: boolean): void {
  [0x7f, 0x45, 0x4c, 0x46, 2, littleEndian ? 1 : 2, 1].forEach((byte, i) => void view.setUint8(i, byte));
  view.setUint16(16, ElfType.core, littleEndian);
  view.setUint16(18, machine, littleEndian);
  view.setUint32(20, 1, littleEndian);
  putU64(view, 32, elfHeaderSize, littleEndian);
  view.setUint16(52, elfHeaderSize, littleEndian);
  view.setUint16(54, programHeaderSize, littleEndian);
  view.setUint16(programHeaderCountOffset, count, littleEndian);
}

/** Writes one program header at `at`; `align` is p_align. */
export function putProgramHeader(
  view: DataView,
  at: number,
  header: ProgramHeader,
  littleEndian: boolean,
  align = 0,
): void {
  view.setUint32(at, header.type, littleEndian);
  view.setUint32(at + 4, header.flags, littleEndian);
  putU64(view, at + 8, header.offset, littleEndian);
  view.setBigUint64(at + 16, header.vaddr, littleEndian);
  putU64(view, at + 24, header.paddr, littleEndian);
  putU64(view, at + 32, header.fileSize, littleEndian);
  putU64(view, at + 40, header.memorySize, littleEndian);
  putU64(view, at + 48, align, littleEndian);
}

export interface Note {
  /** "CORE", "VMCOREINFO", ... */
  readonly name: string;
  readonly type: number;
  readonly data: Uint8Array;
}

/**
 * Splits a note area into notes. Names and descriptors are padded to 4 bytes. The area of /proc/vmcore is padded
 * with zeros, so an all-zero header ends it. E_CORRUPT when a note runs over the end.
 */
export function parseNotes(
  bytes: Uint8Array,
  littleEndian: boolean,
  file: string,
  fileOffset: number,
): Note[] {
  const view = viewOf(bytes);
  const notes: Note[] = [];
  let at = 0;
  while (at + 12 <= bytes.length) {
    const nameSize = view.getUint32(at, littleEndian);
    const dataSize = view.getUint32(at + 4, littleEndian);
    const type = view.getUint32(at + 8, littleEndian);
    if (nameSize === 0 && dataSize === 0) break;
    const dataAt = at + 12 + alignUp(nameSize, 4);
    if (dataAt + dataSize > bytes.length) {
      throw new VmcoreError('E_CORRUPT', `a note of ${nameSize} + ${dataSize} bytes runs over its segment`, {
        file,
        offset: fileOffset + at,
        hint: 'copy the dump again',
      });
    }
    notes.push({
      name: cString(bytes.subarray(at + 12, at + 12 + nameSize)),
      type,
      data: bytes.subarray(dataAt, dataAt + dataSize),
    });
    at = dataAt + alignUp(dataSize, 4);
  }
  return notes;
}

/** Bytes from a note's beginning to its data: three 32-bit words and the padded name. */
export const noteDataOffset = (name: string): number => 12 + alignUp(name.length + 1, 4);
export const encodedNoteSize = (note: Note): number =>
  noteDataOffset(note.name) + alignUp(note.data.length, 4);

/** The inverse of `parseNotes`, for writers. */
export function encodeNotes(notes: readonly Note[], littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(notes.reduce((sum, note) => sum + encodedNoteSize(note), 0));
  const view = viewOf(bytes);
  let at = 0;
  for (const note of notes) {
    view.setUint32(at, note.name.length + 1, littleEndian);
    view.setUint32(at + 4, note.data.length, littleEndian);
    view.setUint32(at + 8, note.type, littleEndian);
    for (let i = 0; i < note.name.length; i++) bytes[at + 12 + i] = note.name.charCodeAt(i);
    bytes.set(note.data, at + noteDataOffset(note.name));
    at += encodedNoteSize(note);
  }
  return bytes;
}
