/**
 * ELF64 core files byte by byte, from the tables of the System V ABI (gabi chapters 4 and 5), so that readers are not tested with our
 * own writer.
 */

export interface ElfSegmentSpec {
  /** p_type; PT_LOAD (1) when not given. */
  readonly type?: number;
  readonly paddr: number;
  readonly vaddr?: bigint;
  readonly data?: Uint8Array;
  /** p_memsz; as many bytes as `data` when not given. */
  readonly memorySize?: number;
  /** p_filesz; as many bytes as `data` when not given. */
  readonly fileSize?: number;
  /** p_offset; where `data` lies when not given. */
  readonly offset?: number;
}

export interface ElfSpec {
  /** EI_CLASS: 1 is 32-bit, 2 is 64-bit. */
  readonly fileClass?: number;
  readonly littleEndian?: boolean;
  /** e_type; ET_CORE (4) when not given. */
  readonly type?: number;
  /** e_machine; EM_X86_64 (62) when not given. */
  readonly machine?: number;
  readonly flags?: number;
  /** The bytes of the PT_NOTE segment; none when not given. */
  readonly notes?: Uint8Array;
  readonly segments?: readonly ElfSegmentSpec[];
  /** How the number of program headers is told: in e_phnum, or, from 0xffff on (PN_XNUM), in section header 0. */
  readonly countIn?: 'e_phnum' | 'section-0';
}

export const elfHeaderBytes = 64;
export const programHeaderBytes = 56;
const sectionHeaderBytes = 64;

/** File header, program headers, section header 0 if needed, notes, then the segments' bytes, one after the other. */
export function elfFile(spec: ElfSpec): Uint8Array {
  const little = spec.littleEndian ?? true;
  const notes = spec.notes ?? new Uint8Array();
  const loads = spec.segments ?? [];
  const extended = spec.countIn === 'section-0';
  const count = loads.length + (notes.length > 0 ? 1 : 0);
  const sectionAt = elfHeaderBytes + count * programHeaderBytes;
  const notesAt = sectionAt + (extended ? sectionHeaderBytes : 0);
  const dataAt = notesAt + notes.length;
  const dataSize = loads.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
  const bytes = new Uint8Array(dataAt + dataSize);
  const view = new DataView(bytes.buffer);
  const u16 = (at: number, value: number): void => view.setUint16(at, value, little);
  const u32 = (at: number, value: number): void => view.setUint32(at, value, little);
  const u64 = (at: number, value: bigint | number): void => view.setBigUint64(at, BigInt(value), little);

  bytes.set([0x7f, 0x45, 0x4c, 0x46, spec.fileClass ?? 2, little ? 1 : 2, 1]);
  u16(16, spec.type ?? 4);
  u16(18, spec.machine ?? 62);
  u32(20, 1);
  u64(32, elfHeaderBytes); // e_phoff
  u64(40, extended ? sectionAt : 0); // e_shoff
  u32(48, spec.flags ?? 0);
  u16(52, elfHeaderBytes);
  u16(54, programHeaderBytes);
  u16(56, extended ? 0xffff : count);
  u16(58, extended ? sectionHeaderBytes : 0);
  u16(60, extended ? 1 : 0);
  if (extended) u32(sectionAt + 44, count); // sh_info

  let header = elfHeaderBytes;
  const putHeader = (
    type: number,
    offset: number,
    vaddr: bigint,
    paddr: number,
    file: number,
    memory: number,
  ) => {
    u32(header, type);
    u32(header + 4, 7);
    u64(header + 8, offset);
    u64(header + 16, vaddr);
    u64(header + 24, paddr);
    u64(header + 32, file);
    u64(header + 40, memory);
    header += programHeaderBytes;
  };
  if (notes.length > 0) putHeader(4, notesAt, 0n, 0, notes.length, notes.length);
  bytes.set(notes, notesAt);
  let at = dataAt;
  for (const {
    type = 1,
    paddr,
    vaddr = 0n,
    data = new Uint8Array(),
    memorySize,
    fileSize,
    offset,
  } of loads) {
    putHeader(type, offset ?? at, vaddr, paddr, fileSize ?? data.length, memorySize ?? data.length);
    bytes.set(data, at);
    at += data.length;
  }
  return bytes;
}

/** One note: sizes and type as 32-bit words, then name and descriptor, each padded to 4 bytes. */
export function noteBytes(name: string, type: number, data: Uint8Array, littleEndian = true): Uint8Array {
  const padded = (size: number): number => (size + 3) & ~3;
  const bytes = new Uint8Array(12 + padded(name.length + 1) + padded(data.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, name.length + 1, littleEndian);
  view.setUint32(4, data.length, littleEndian);
  view.setUint32(8, type, littleEndian);
  bytes.set(new TextEncoder().encode(name), 12);
  bytes.set(data, 12 + padded(name.length + 1));
  return bytes;
}

export const vmcoreinfoNote = (text: string, littleEndian = true): Uint8Array =>
  noteBytes('VMCOREINFO', 0, new TextEncoder().encode(text), littleEndian);

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
