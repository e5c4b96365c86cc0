/**
 * Types from the DWARF of a vmlinux: the same answers as BTF gives, and the types of global variables.
 *
 * Source of truth: DWARF 5 chapter 5 (types), also in its older forms: DW_AT_bit_offset of DWARF 2 and 3 counts from the most significant end.
 *
 * The section is searched (dwarf-scan.ts) for what was announced by `prepare`, all in one walk; the first name that nobody announced costs a walk of
 * its own, the second one finds all names there are. Entries become types when they are asked for; the last few units stay in memory for that.
 */
import type { ElfSections } from '../../formats/elf-sections.ts';
import { Attribute, Tag } from './dwarf-abbrev.ts';
import { DwarfScan, type Wanted } from './dwarf-scan.ts';
import { DwarfUnits, type Entry, type Unit, type UnitHeader } from './dwarf-units.ts';
import type { BaseType, EnumType, Member, StructType, Type, TypeSource } from './types.ts';

const keptUnits = 16;
const nothing: Type = { kind: 'opaque', name: 'void' };
const elsewhere: Type = { kind: 'opaque', name: '' };

/** DW_ATE_*, chapter 7.8. */
const Encoding = { boolean: 2, float: 4, signed: 5, signedChar: 6 } as const;

export class Dwarf implements TypeSource {
  readonly name = 'DWARF';
  private readonly units: DwarfUnits;
  private readonly kept = new Map<UnitHeader, Unit>();
  private readonly made = new Map<number, Type>();
  private readonly searched = new Set<string>();
  private found = new Map<string, number>();
  /** Names that nobody announced. */
  private surprises: 'none' | 'one' | 'all known' = 'none';

  /** E_NO_INFO when the file has no DWARF, E_CORRUPT when its units make no sense. */
  constructor(sections: ElfSections) {
    this.units = new DwarfUnits(sections);
  }

  /** Searches for all of `wanted` in one walk. */
  prepare(wanted: Iterable<Wanted>): void {
    const missing = [...wanted].filter((key) => !this.searched.has(key));
    if (missing.length === 0) return;
    for (const [key, offset] of new DwarfScan(this.units, missing).run()) this.found.set(key, offset);
    for (const key of missing) this.searched.add(key);
  }

  struct(name: string): StructType | undefined {
    const type = this.named(`struct ${name}`);
    return type?.kind === 'struct' || type?.kind === 'union' ? type : undefined;
  }

  enumeration(name: string): EnumType | undefined {
    const type = this.named(`enum ${name}`);
    return type?.kind === 'enum' ? type : undefined;
  }

  typedef(name: string): Type | undefined {
    return this.named(`typedef ${name}`);
  }

  variable(name: string): Type | undefined {
    return this.named(`variable ${name}`);
  }

  private named(key: Wanted): Type | undefined {
    if (!this.searched.has(key) && this.surprises !== 'all known') this.search(key);
    const offset = this.found.get(key);
    return offset === undefined ? undefined : this.typeAt(offset);
  }

  private search(key: Wanted): void {
    if (this.surprises === 'one') {
      this.found = new Map([...new DwarfScan(this.units, 'everything').run(), ...this.found]);
      this.surprises = 'all known';
      return;
    }
    this.surprises = 'one';
    this.prepare([key]);
  }

  private typeAt(offset: number): Type {
    const known = this.made.get(offset);
    if (known !== undefined) return known;
    const entry = this.entryAt(offset);
    const type = entry === undefined ? elsewhere : this.make(entry);
    this.made.set(offset, type);
    return type;
  }

  private entryAt(offset: number): Entry | undefined {
    const header = this.units.headerAt(offset);
    if (header === undefined || offset < header.entriesAt)
      throw this.units.corrupt('a DWARF reference to no unit', offset);
    let unit = this.kept.get(header);
    if (unit === undefined) {
      unit = this.units.load(header);
      this.kept.set(header, unit);
      for (const oldest of this.kept.keys()) {
        if (this.kept.size <= keptUnits) break;
        this.kept.delete(oldest);
      }
    }
    return this.units.entry(unit, offset);
  }

  private make(entry: Entry): Type {
    const { offset } = entry;
    const name = this.nameOf(entry);
    const size = this.number(entry, Attribute.byteSize) ?? 0;
    const target = (): Type => this.targetOf(entry);
    switch (entry.tag) {
      case Tag.baseType:
        return this.baseType(entry, name, size);
      case Tag.pointerType:
        return { kind: 'pointer', size: size || entry.unit.header.addressSize, target };
      case Tag.structureType:
      case Tag.unionType:
        if (entry.attributes.has(Attribute.declaration)) return { kind: 'opaque', name };
        return {
          kind: entry.tag === Tag.structureType ? 'struct' : 'union',
          name,
          size,
          members: () => this.members(offset),
        };
      case Tag.enumerationType:
        return { kind: 'enum', name, size, values: () => this.enumValues(offset) };
      case Tag.arrayType:
        return this.arrayType(entry);
      case Tag.typedef:
        return { kind: 'alias', name, target };
      case Tag.constType:
      case Tag.volatileType:
      case Tag.restrictType:
      case Tag.atomicType:
      case Tag.variable:
        return { kind: 'alias', name: '', target };
      default:
        return { kind: 'opaque', name };
    }
  }

  private baseType(entry: Entry, name: string, size: number): BaseType {
    const encoding = this.number(entry, Attribute.encoding);
    switch (encoding) {
      case Encoding.boolean:
        return { kind: 'base', name, size, encoding: 'boolean' };
      case Encoding.float:
        return { kind: 'base', name, size, encoding: 'float' };
      case Encoding.signed:
      case Encoding.signedChar:
        return { kind: 'base', name, size, encoding: 'signed' };
      default:
        return { kind: 'base', name, size, encoding: 'unsigned' };
    }
  }

  /** One subrange a dimension, the outermost first. */
  private arrayType(entry: Entry): Type {
    const lengths: number[] = [];
    for (const child of this.units.children(entry)) {
      if (child.tag !== Tag.subrangeType) continue;
      const count = this.number(child, Attribute.count);
      const upper = this.number(child, Attribute.upperBound);
      lengths.push(Math.max(0, count ?? (upper === undefined ? 0 : upper + 1)));
    }
    let element = (): Type => this.targetOf(entry);
    for (const length of lengths.slice(1).reverse()) {
      const inner: Type = { kind: 'array', length, element };
      element = () => inner;
    }
    return { kind: 'array', length: lengths[0] ?? 0, element };
  }

  private members(offset: number): Member[] {
    const entry = this.entryAt(offset);
    const members: Member[] = [];
    if (entry === undefined) return members;
    for (const child of this.units.children(entry)) {
      if (child.tag !== Tag.member) continue;
      const byte = this.number(child, Attribute.dataMemberLocation) ?? 0;
      const width = this.number(child, Attribute.bitSize);
      const bit = width === undefined ? 0 : this.bitOffset(child, byte, width);
      members.push({
        name: this.nameOf(child),
        offset: width === undefined ? byte : Math.floor(bit / 8),
        bits: width === undefined ? undefined : { offset: bit % 8, size: width },
        type: () => this.targetOf(child),
      });
    }
    return members;
  }

  /** From the beginning of the structure to the lowest bit of a bit field, in a little-endian machine's order. */
  private bitOffset(member: Entry, byte: number, width: number): number {
    const direct = this.number(member, Attribute.dataBitOffset);
    if (direct !== undefined) return direct;
    const fromTop = this.number(member, Attribute.bitOffset);
    if (fromTop === undefined) return byte * 8;
    const type = this.targetOf(member);
    const storage = this.number(member, Attribute.byteSize) ?? ('size' in type ? type.size : 0);
    return Math.max(0, (byte + storage) * 8 - fromTop - width);
  }

  private enumValues(offset: number): Map<string, bigint> {
    const entry = this.entryAt(offset);
    const values = new Map<string, bigint>();
    if (entry === undefined) return values;
    for (const child of this.units.children(entry)) {
      const attribute = child.attributes.get(Attribute.constValue);
      const value = attribute === undefined ? undefined : this.units.constant(child.unit, attribute);
      if (child.tag === Tag.enumerator && value !== undefined) values.set(this.nameOf(child), value);
    }
    return values;
  }

  /** The type that an entry's DW_AT_type (or that of the declaration it completes) names; void when it has none. */
  private targetOf(entry: Entry, depth = 0): Type {
    const attribute = entry.attributes.get(Attribute.type);
    if (attribute === undefined) {
      const specification = entry.attributes.get(Attribute.specification);
      const declared =
        specification === undefined ? undefined : this.units.reference(entry.unit, specification);
      const declaration = declared === undefined || depth > 0 ? undefined : this.entryAt(declared);
      return declaration === undefined ? nothing : this.targetOf(declaration, depth + 1);
    }
    const offset = this.units.reference(entry.unit, attribute);
    return offset === undefined ? elsewhere : this.typeAt(offset);
  }

  private nameOf(entry: Entry): string {
    const attribute = entry.attributes.get(Attribute.name);
    return (attribute === undefined ? undefined : this.units.string(entry.unit, attribute)) ?? '';
  }

  private number(entry: Entry, attribute: number): number | undefined {
    const value = entry.attributes.get(attribute);
    const constant = value === undefined ? undefined : this.units.constant(entry.unit, value);
    return constant === undefined ? undefined : Number(constant);
  }
}
