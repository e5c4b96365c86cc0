/**
 * Section headers and section contents of ELF64 programs: vmlinux and kernel modules.
 *
 * Source of truth: System V gABI chapter 4 (sections, SHF_COMPRESSED, Elf64_Chdr, extended numbering); ELFCOMPRESS_ZSTD is 2.
 * All offsets and sizes are bytes. Nothing is allocated by a size from the file before that size was checked.
 */
import { type ByteSource, MemorySource, readExact } from '../base/byte-source.ts';
import { cString, u64, viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import { type ElfFile, ElfType, elfHeaderSize, isElf, parseElf, sectionHeaderSize } from './elf.ts';
import { applyRelocations, type Relocations } from './elf-relocations.ts';

export const SectionType = { symtab: 2, note: 7, nobits: 8 } as const;
const compressedFlag = 0x800n;
const compressionHeaderSize = 24;
const compressionNames = new Map<number, 'zlib' | 'zstd'>([
  [1, 'zlib'],
  [2, 'zstd'],
]);
/** A kernel has some 70 sections, one built with -ffunction-sections some tens of thousands. */
const maxSections = 1_000_000;
/** Largest section held in memory at once; .debug_info of a distribution's vmlinux is 200-400 MB. */
const maxSectionBytes = 2 ** 31 - 1;

/** Unpacks a compressed section into exactly `size` bytes; throws (anything) when the data does not give that. */
export type Decompress = (codec: 'zlib' | 'zstd', data: Uint8Array, size: number) => Uint8Array;

export interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: bigint;
  /** Link address; 0 for sections that are not loaded. */
  readonly address: bigint;
  readonly offset: number;
  /** Bytes in the file (in memory, for NOBITS). */
  readonly size: number;
  /** Section index that goes with this one: of a symbol table, its strings. */
  readonly link: number;
}

export class ElfSections {
  readonly elf: ElfFile;
  readonly all: readonly Section[];
  private readonly decompress: Decompress;
  private readonly byName: ReadonlyMap<string, Section>;

  constructor(elf: ElfFile, all: readonly Section[], decompress: Decompress) {
    this.elf = elf;
    this.all = all;
    this.decompress = decompress;
    // The first of a name wins, as in every other tool.
    this.byName = new Map([...all].reverse().map((section) => [section.name, section]));
  }

  get source(): ByteSource {
    return this.elf.source;
  }

  /** The section of this name that has bytes in the file; undefined when there is none (or it is NOBITS, as in a .debug file). */
  find(name: string): Section | undefined {
    const section = this.byName.get(name);
    return section === undefined || section.type === SectionType.nobits ? undefined : section;
  }

  isCompressed(section: Section): boolean {
    return (section.flags & compressedFlag) !== 0n;
  }

  /** A section's bytes, unpacked and relocated. E_CORRUPT or E_TRUNCATED when the file does not have them, E_UNSUPPORTED when they are too many. */
  read(section: Section): Uint8Array {
    checkSize(this.source, section.name, section.size, section.offset);
    const stored = readExact(this.source, section.offset, section.size, `section ${section.name}`);
    const bytes = this.isCompressed(section) ? this.unpack(section, stored) : stored;
    const relocations = this.relocationsOf(section);
    if (relocations !== undefined) applyRelocations(bytes, relocations);
    return bytes;
  }

  /**
   * A section as a source of its own: read piece by piece from the file when it is stored as it is, unpacked as a whole
   * when it is compressed. Closing it closes nothing.
   */
  open(section: Section): ByteSource {
    const { source } = this;
    const name = `${source.name}:${section.name}`;
    if (this.isCompressed(section) || this.relocationsOf(section) !== undefined)
      return new MemorySource(this.read(section), name);
    if (section.offset + section.size > source.size) {
      throw new VmcoreError('E_TRUNCATED', `section ${section.name} ends behind the file`, {
        file: source.name,
        offset: section.offset,
        hint: 'copy the file again',
      });
    }
    return new Window(source, section.offset, section.size, name);
  }

  /** Reads bytes of the loaded image by link address. Undefined when the file does not have them (NOBITS, or outside all sections). */
  readAt(address: bigint, length: number): Uint8Array | undefined {
    for (const section of this.all) {
      if (section.address === 0n || section.type === SectionType.nobits) continue;
      const at = address - section.address;
      if (at < 0n || at + BigInt(length) > BigInt(section.size)) continue;
      return readExact(this.source, section.offset + Number(at), length, `section ${section.name}`);
    }
    return undefined;
  }

  /** Those of a debug section of a kernel module; everything else is linked. */
  private relocationsOf({ name }: Section): Relocations | undefined {
    const { type, machine, littleEndian } = this.elf;
    const section = type === ElfType.relocatable && isDebug(name) ? this.find(`.rela${name}`) : undefined;
    const symbols = section && this.all[section.link];
    if (section === undefined || symbols === undefined) return undefined;
    return { machine, littleEndian, entries: this.read(section), symbols: this.read(symbols) };
  }

  private unpack(section: Section, bytes: Uint8Array): Uint8Array {
    const { littleEndian, source } = this.elf;
    const corrupt = (what: string, cause?: unknown): VmcoreError =>
      new VmcoreError('E_CORRUPT', `section ${section.name}: ${what}`, {
        file: source.name,
        offset: section.offset,
        hint: 'copy the file again',
        cause,
      });
    if (bytes.length < compressionHeaderSize) throw corrupt('too short for its compression header');
    const view = viewOf(bytes);
    const kind = view.getUint32(0, littleEndian);
    const codec = compressionNames.get(kind);
    const size = u64(view, 8, littleEndian);
    if (codec === undefined) throw corrupt(`compression ${kind} does not exist`);
    checkSize(source, section.name, size, section.offset);
    // zlib's densest stream is 1032:1, zstd's is unbounded in theory; no real section comes near either.
    if (size > (bytes.length + 64) * 2048) throw corrupt(`${bytes.length} bytes cannot hold ${size}`);
    let whole: Uint8Array;
    try {
      whole = this.decompress(codec, bytes.subarray(compressionHeaderSize), size);
    } catch (cause) {
      throw corrupt('does not decompress', cause);
    }
    if (whole.length !== size) throw corrupt(`decompresses to ${whole.length} bytes, not ${size}`);
    return whole;
  }
}

const isDebug = (name: string): boolean => name.startsWith('.debug_');

function checkSize(source: ByteSource, name: string, size: number, offset: number): void {
  if (size <= maxSectionBytes) return;
  throw new VmcoreError('E_UNSUPPORTED', `section ${name} has ${size} bytes`, { file: source.name, offset });
}

class Window implements ByteSource {
  readonly name: string;
  readonly size: number;
  private readonly source: ByteSource;
  private readonly start: number;

  constructor(source: ByteSource, start: number, size: number, name: string) {
    this.source = source;
    this.start = start;
    this.size = size;
    this.name = name;
  }

  read(offset: number, into: Uint8Array): number {
    const length = Math.max(0, Math.min(into.length, this.size - offset));
    return this.source.read(this.start + offset, into.subarray(0, length));
  }

  close(): void {}
}

/** Parses the section headers. As `parseElf`; E_NO_INFO when the file has none (a core, a kernel packed for booting, or no ELF file at all). */
export function openElfSections(source: ByteSource, decompress: Decompress): ElfSections {
  const head = new Uint8Array(4);
  source.read(0, head);
  if (!isElf(head)) {
    throw new VmcoreError('E_NO_INFO', 'is not an ELF file', {
      file: source.name,
      hint: 'give the vmlinux with debug information (package linux-image-RELEASE-dbg or kernel-debuginfo); a vmlinuz or an Image has no symbols',
    });
  }
  const elf = parseElf(source);
  const { littleEndian } = elf;
  const header = viewOf(readExact(source, 0, elfHeaderSize, 'the ELF header'));
  const tableOffset = u64(header, 40, littleEndian);
  const entrySize = header.getUint16(58, littleEndian);
  let count = header.getUint16(60, littleEndian);
  let namesIndex = header.getUint16(62, littleEndian);
  if (tableOffset === 0) {
    throw new VmcoreError('E_NO_INFO', 'an ELF file without sections', {
      file: source.name,
      hint: 'give the vmlinux of the kernel, with its debug information',
    });
  }
  const corrupt = (what: string): VmcoreError =>
    new VmcoreError('E_CORRUPT', what, {
      file: source.name,
      offset: tableOffset,
      hint: 'copy the file again',
    });
  if (entrySize !== sectionHeaderSize) throw corrupt(`section headers of ${entrySize} bytes`);
  // More than 0xff00 sections: the real numbers are in section 0.
  if (count === 0 || namesIndex === 0xffff) {
    const first = viewOf(readExact(source, tableOffset, sectionHeaderSize, 'section header 0'));
    if (count === 0) count = u64(first, 32, littleEndian);
    if (namesIndex === 0xffff) namesIndex = first.getUint32(40, littleEndian);
  }
  if (count > maxSections) throw corrupt(`${count} sections`);
  const table = viewOf(readExact(source, tableOffset, count * sectionHeaderSize, 'the section headers'));
  const entry = (index: number, name: string): Section => {
    const at = index * sectionHeaderSize;
    return {
      name,
      type: table.getUint32(at + 4, littleEndian),
      flags: table.getBigUint64(at + 8, littleEndian),
      address: table.getBigUint64(at + 16, littleEndian),
      offset: u64(table, at + 24, littleEndian),
      size: u64(table, at + 32, littleEndian),
      link: table.getUint32(at + 40, littleEndian),
    };
  };
  if (namesIndex >= count) throw corrupt(`section ${namesIndex}, with the names, of ${count}`);
  const namesSection = entry(namesIndex, '(names)');
  checkSize(source, namesSection.name, namesSection.size, namesSection.offset);
  const names = readExact(source, namesSection.offset, namesSection.size, 'the section names');
  const all = Array.from({ length: count }, (_, index) =>
    entry(index, cString(names.subarray(table.getUint32(index * sectionHeaderSize, littleEndian)))),
  );
  return new ElfSections(elf, all, decompress);
}
