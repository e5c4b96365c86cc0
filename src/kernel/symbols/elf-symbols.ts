/**
 * The symbol table and the build id of a vmlinux or a kernel module.
 *
 * Source of truth: System V gABI chapter 4 (Elf64_Sym); include/linux/buildid.h (Linux 6.1) for the note. Values are link addresses (offsets
 * into their sections, in a module).
 *
 * A vmlinux has some 200,000 symbols. They stay as bytes; an index of their names' hashes (two arrays of 32-bit numbers, no object a
 * symbol) is made on the first question.
 */
import { latin1, u64, viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { type ElfSections, SectionType } from '../../formats/elf-sections.ts';
import { buildIdOf } from '../build-id.ts';
import { NameIndex } from './name-index.ts';

export interface ElfSymbol {
  readonly name: string;
  readonly value: bigint;
  /** Bytes; 0 when the symbol has none (labels of the linker and of assembly). */
  readonly size: number;
  /** Index of its section; 0xfff1 for an absolute value. */
  readonly section: number;
  readonly isLocal: boolean;
  readonly isFunction: boolean;
}

const symbolSize = 24;
const undefinedSection = 0;
const localBinding = 0;
/** STT_FUNC. */
const functionType = 2;

export class ElfSymbols {
  readonly sections: ElfSections;
  private readonly symbols: DataView;
  private readonly strings: Uint8Array;
  private readonly littleEndian: boolean;
  private index: NameIndex | undefined;

  /** E_NO_INFO when the file has no symbol table. */
  constructor(sections: ElfSections) {
    this.sections = sections;
    this.littleEndian = sections.elf.littleEndian;
    const { name: file } = sections.source;
    const table = sections.all.find(({ type }) => type === SectionType.symtab);
    if (table === undefined) {
      throw new VmcoreError('E_NO_INFO', 'has no symbol table', {
        file,
        hint: 'give the vmlinux with debug information (package linux-image-RELEASE-dbg or kernel-debuginfo); the kernel unpacked from a vmlinuz has no symbols',
      });
    }
    const strings = sections.all[table.link];
    if (strings === undefined || table.size % symbolSize !== 0) {
      throw new VmcoreError(
        'E_CORRUPT',
        `a symbol table of ${table.size} bytes with strings in section ${table.link}`,
        {
          file,
          offset: table.offset,
          hint: 'copy the file again',
        },
      );
    }
    this.symbols = viewOf(sections.read(table));
    this.strings = sections.read(strings);
  }

  /** The symbol of this name, a global one before a local one; undefined when there is none with an address. */
  find(name: string): ElfSymbol | undefined {
    let local: number | undefined;
    for (const number of this.byName().find(name)) {
      if (this.binding(number) !== localBinding) return this.symbol(number);
      local ??= number;
    }
    return local === undefined ? undefined : this.symbol(local);
  }

  /** Every symbol of this name with an address. */
  *all(name: string): Generator<ElfSymbol> {
    for (const number of this.byName().find(name)) yield this.symbol(number);
  }

  /** All that have a name and an address, in the order of the table. */
  *[Symbol.iterator](): Generator<ElfSymbol> {
    for (let number = 1; number < this.symbols.byteLength / symbolSize; number++)
      if (this.nameOf(number) > 0) yield this.symbol(number);
  }

  address(name: string): bigint | undefined {
    return this.find(name)?.value;
  }

  /** The GNU build id as lower-case hex; undefined when the file has none. */
  buildId(): string | undefined {
    return buildIdOf(this.sections);
  }

  private byName(): NameIndex {
    this.index ??= new NameIndex(this.symbols.byteLength / symbolSize, {
      stringsOf: () => this.strings,
      // The empty name is at 0.
      nameOf: (number) => this.nameOf(number) || -1,
    });
    return this.index;
  }

  /** 0 for symbols without a name or without a definition. */
  private nameOf(number: number): number {
    const at = number * symbolSize;
    const isDefined = this.symbols.getUint16(at + 6, this.littleEndian) !== undefinedSection;
    return isDefined ? this.symbols.getUint32(at, this.littleEndian) : 0;
  }

  private symbol(number: number): ElfSymbol {
    const at = number * symbolSize;
    const name = this.nameOf(number);
    const end = this.strings.indexOf(0, name);
    return {
      name: latin1(this.strings.subarray(name, end < 0 ? undefined : end)),
      isLocal: this.binding(number) === localBinding,
      isFunction: (this.symbols.getUint8(at + 4) & 0xf) === functionType,
      value: this.symbols.getBigUint64(at + 8, this.littleEndian),
      size: u64(this.symbols, at + 16, this.littleEndian),
      section: this.symbols.getUint16(at + 6, this.littleEndian),
    };
  }

  private binding(number: number): number {
    return this.symbols.getUint8(number * symbolSize + 4) >> 4;
  }
}
