/**
 * The units of .debug_info: where each begins, its header, its bytes, and reading one entry (DIE) of it.
 *
 * Source of truth: DWARF 5 section 7.5 (unit headers, also of versions 2-4), 7.26 (string offsets).
 * Offsets are bytes in .debug_info unless said otherwise. Units are read one at a time: the section of a kernel has hundreds of megabytes.
 */
import { type ByteSource, readExact } from '../../base/byte-source.ts';
import { cString } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import type { ElfSections } from '../../formats/elf-sections.ts';
import { type Abbreviations, Attribute, parseAbbreviations } from './dwarf-abbrev.ts';
import { Cursor, Form, type FormContext } from './dwarf-forms.ts';

export interface UnitHeader extends FormContext {
  readonly offset: number;
  /** Where the next unit begins. */
  readonly end: number;
  /** Where the first entry begins. */
  readonly entriesAt: number;
  readonly abbreviationsAt: number;
}

/** A unit's bytes with its abbreviations. Positions in `bytes` are relative to the unit's header. */
export interface Unit {
  readonly header: UnitHeader;
  readonly cursor: Cursor;
  readonly abbreviations: Abbreviations;
  /** DW_AT_str_offsets_base: where this unit's part of .debug_str_offsets begins. */
  stringOffsetsBase: number;
}

/** One entry, its attributes found but not read. */
export interface Entry {
  readonly unit: Unit;
  /** In .debug_info. */
  readonly offset: number;
  readonly tag: number;
  readonly hasChildren: boolean;
  readonly attributes: ReadonlyMap<number, AttributeValue>;
  /** Position behind its attributes: its first child or its next sibling. */
  readonly end: number;
}

export interface AttributeValue {
  readonly form: number;
  /** Position of the value in the unit. */
  readonly at: number;
  readonly constant: bigint | undefined;
}

const maxHeaderSize = 40;
/** A kernel has some 3,000 units, with all of its modules 10,000. */
const maxUnits = 1_000_000;
/** Unit types of DWARF 5 whose header goes on with 8 bytes (a signature or an id), and 4 or 8 more for type units. */
const UnitType = { type: 2, skeleton: 4, splitCompile: 5, splitType: 6 } as const;

export class DwarfUnits {
  readonly littleEndian: boolean;
  readonly headers: readonly UnitHeader[];
  /** .debug_str, for the scan's table of wanted names. */
  readonly strings: Uint8Array;
  readonly file: string;
  private readonly info: ByteSource;
  private readonly abbreviations: Uint8Array;
  private readonly sections: ElfSections;
  private lastTable: { readonly key: string; readonly table: Abbreviations } | undefined;
  private lineStrings: Uint8Array | undefined;
  private stringOffsets: Cursor | undefined;

  /** E_NO_INFO when the file has no DWARF. */
  constructor(sections: ElfSections) {
    this.sections = sections;
    this.file = sections.source.name;
    this.littleEndian = sections.elf.littleEndian;
    const info = sections.find('.debug_info');
    const abbreviations = sections.find('.debug_abbrev');
    if (info === undefined || abbreviations === undefined) {
      throw new VmcoreError('E_NO_INFO', 'has no DWARF debug information', {
        file: this.file,
        hint: 'give the vmlinux with debug information (package linux-image-RELEASE-dbg or kernel-debuginfo)',
      });
    }
    this.info = sections.open(info);
    this.abbreviations = sections.read(abbreviations);
    this.strings = this.sectionBytes('.debug_str');
    this.headers = this.readHeaders();
  }

  /** Reads a unit. `buffer` is used again when the unit fits, which makes an earlier unit read into it invalid. */
  load(header: UnitHeader, buffer?: Uint8Array): Unit {
    const size = header.end - header.offset;
    let bytes: Uint8Array;
    if (buffer !== undefined && buffer.length >= size) {
      bytes = buffer.subarray(0, size);
      if (this.info.read(header.offset, bytes) < size) throw this.corrupt('a unit is cut off', header.offset);
    } else bytes = readExact(this.info, header.offset, size, 'a DWARF unit');
    const unit: Unit = {
      header,
      cursor: new Cursor(bytes, this.littleEndian),
      abbreviations: this.abbreviationsOf(header),
      // Without the attribute, the first table behind the section's header (DWARF 5 section 7.26).
      stringOffsetsBase: header.offsetSize === 8 ? 16 : 8,
    };
    const root = header.version >= 5 ? this.entry(unit, header.entriesAt) : undefined;
    const base = root?.attributes.get(Attribute.strOffsetsBase);
    if (base !== undefined) unit.stringOffsetsBase = Number(this.constant(unit, base) ?? 0n);
    return unit;
  }

  /** Units may share a table; neighbours do. */
  private abbreviationsOf(header: UnitHeader): Abbreviations {
    const { abbreviationsAt: at, version, addressSize, offsetSize } = header;
    const key = `${at} ${version} ${addressSize} ${offsetSize}`;
    if (this.lastTable?.key !== key)
      this.lastTable = { key, table: parseAbbreviations(this.abbreviations, at, header) };
    return this.lastTable.table;
  }

  /** The unit that has the byte at `offset`. */
  headerAt(offset: number): UnitHeader | undefined {
    const { headers } = this;
    let low = 0;
    let high = headers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (headers[middle]!.offset <= offset) low = middle + 1;
      else high = middle;
    }
    const header = headers[low - 1];
    return header !== undefined && offset < header.end ? header : undefined;
  }

  /** The entry at `offset`; undefined for a null entry. E_CORRUPT when it cannot be read. */
  entry(unit: Unit, offset: number): Entry | undefined {
    const { cursor, header } = unit;
    cursor.at = offset - header.offset;
    const code = cursor.uleb();
    if (code === 0) return undefined;
    const abbreviation = unit.abbreviations[code];
    if (abbreviation === undefined) throw this.corrupt(`DWARF abbreviation ${code} does not exist`, offset);
    const attributes = new Map<number, AttributeValue>();
    const pairs = abbreviation.attributes;
    for (let i = 0; i < pairs.length; i += 2) {
      const given = pairs[i + 1]!;
      const form = given === Form.indirect ? cursor.uleb() : given;
      const at = cursor.at;
      if (!cursor.skip(form, header)) throw this.corrupt(`DWARF form ${form} does not exist`, offset);
      if (!attributes.has(pairs[i]!))
        attributes.set(pairs[i]!, { form, at, constant: abbreviation.constants?.get(i) });
    }
    if (cursor.at > cursor.bytes.length) throw this.corrupt('a DWARF entry is cut off', offset);
    const { tag, hasChildren } = abbreviation;
    return { unit, offset, tag, hasChildren, attributes, end: cursor.at };
  }

  /** The direct children of an entry. */
  *children(parent: Entry): Generator<Entry> {
    if (!parent.hasChildren) return;
    const { unit } = parent;
    for (let at = parent.end; at < unit.cursor.bytes.length; ) {
      const child = this.entry(unit, unit.header.offset + at);
      if (child === undefined) return;
      yield child;
      at = this.behind(child);
    }
  }

  /** The text of a string attribute; undefined when it is not one (or is in a supplementary file). */
  string(unit: Unit, { form, at }: AttributeValue): string | undefined {
    const { cursor, header } = unit;
    cursor.at = at;
    switch (form) {
      case Form.string:
        return cString(cursor.bytes.subarray(at));
      case Form.strp:
        return textAt(this.strings, cursor.uint(header.offsetSize));
      case Form.lineStrp:
        this.lineStrings ??= this.sectionBytes('.debug_line_str');
        return textAt(this.lineStrings, cursor.uint(header.offsetSize));
      case Form.strx:
        return this.indexedString(unit, cursor.uleb());
      case Form.strx1:
      case Form.strx2:
      case Form.strx3:
      case Form.strx4:
        return this.indexedString(unit, cursor.uint(form - Form.strx1 + 1));
      default:
        return undefined;
    }
  }

  /** The value of an attribute that is a constant; undefined when it is not one (an expression, say). */
  constant(unit: Unit, { form, at, constant }: AttributeValue): bigint | undefined {
    if (form === Form.implicitConst) return constant;
    const { cursor, header } = unit;
    cursor.at = at;
    switch (form) {
      case Form.data1:
        return BigInt(cursor.uint(1));
      case Form.data2:
        return BigInt(cursor.uint(2));
      case Form.data4:
        return BigInt(cursor.uint(4));
      case Form.data8:
        return this.u64(cursor);
      case Form.udata:
        return cursor.uleb64();
      case Form.sdata:
        return cursor.sleb64();
      case Form.secOffset:
        return BigInt(cursor.uint(header.offsetSize));
      default:
        return undefined;
    }
  }

  /** Where an attribute points in .debug_info; undefined for references out of this file or by signature. */
  reference(unit: Unit, { form, at }: AttributeValue): number | undefined {
    const { cursor, header } = unit;
    cursor.at = at;
    switch (form) {
      case Form.ref1:
        return header.offset + cursor.uint(1);
      case Form.ref2:
        return header.offset + cursor.uint(2);
      case Form.ref4:
        return header.offset + cursor.uint(4);
      case Form.ref8:
        return header.offset + cursor.uint(8);
      case Form.refUdata:
        return header.offset + cursor.uleb();
      case Form.refAddr:
        return cursor.uint(header.version <= 2 ? header.addressSize : header.offsetSize);
      default:
        return undefined;
    }
  }

  corrupt(what: string, offset: number): VmcoreError {
    return new VmcoreError('E_CORRUPT', `${what} (at ${offset} of .debug_info)`, {
      file: this.file,
      hint: 'copy the file again',
    });
  }

  private u64(cursor: Cursor): bigint {
    const [first, second] = [BigInt(cursor.uint(4)), BigInt(cursor.uint(4))];
    return this.littleEndian ? (second << 32n) | first : (first << 32n) | second;
  }

  /** Position of what follows an entry and all below it. */
  private behind(entry: Entry): number {
    const { unit, hasChildren, attributes, end } = entry;
    if (!hasChildren) return end;
    const sibling = attributes.get(Attribute.sibling);
    const target = sibling === undefined ? undefined : this.reference(unit, sibling);
    if (target !== undefined) {
      const at = target - unit.header.offset;
      if (at < end || at > unit.cursor.bytes.length)
        throw this.corrupt('a DWARF entry has its sibling elsewhere', entry.offset);
      return at;
    }
    let at = end;
    for (let depth = 1; depth > 0 && at < unit.cursor.bytes.length; ) {
      const next = this.entry(unit, unit.header.offset + at);
      at = unit.cursor.at;
      if (next === undefined) depth--;
      else if (next.hasChildren) depth++;
    }
    return at;
  }

  private indexedString(unit: Unit, index: number): string | undefined {
    this.stringOffsets ??= new Cursor(this.sectionBytes('.debug_str_offsets'), this.littleEndian);
    const { offsetSize } = unit.header;
    this.stringOffsets.at = unit.stringOffsetsBase + index * offsetSize;
    const offset = this.stringOffsets.uint(offsetSize);
    return this.stringOffsets.at > this.stringOffsets.bytes.length ? undefined : textAt(this.strings, offset);
  }

  private sectionBytes(name: string): Uint8Array {
    const section = this.sections.find(name);
    return section === undefined ? new Uint8Array() : this.sections.read(section);
  }

  private readHeaders(): UnitHeader[] {
    const { info, littleEndian } = this;
    const headers: UnitHeader[] = [];
    const bytes = new Uint8Array(maxHeaderSize);
    for (let offset = 0; offset < info.size; ) {
      const cursor = new Cursor(bytes.subarray(0, info.read(offset, bytes)), littleEndian);
      const { length, offsetSize } = unitLength(cursor);
      const end = offset + cursor.at + length;
      const version = cursor.uint(2);
      if (!(length >= 7) || end > info.size) throw this.corrupt(`a unit of ${length} bytes`, offset);
      if (headers.length >= maxUnits) throw this.corrupt(`more than ${maxUnits} units`, offset);
      const isNew = version >= 5;
      const unitType = isNew ? cursor.uint(1) : 0;
      let addressSize = isNew ? cursor.uint(1) : 0;
      const abbreviationsAt = cursor.uint(offsetSize);
      if (!isNew) addressSize = cursor.uint(1);
      const isType = unitType === UnitType.type || unitType === UnitType.splitType;
      if (isType || unitType === UnitType.skeleton || unitType === UnitType.splitCompile) cursor.at += 8;
      if (isType) cursor.at += offsetSize;
      // A version from the future may have any header: step over the unit, as its length allows.
      if (version >= 2 && version <= 5 && (addressSize === 8 || addressSize === 4)) {
        headers.push({
          offset,
          end,
          entriesAt: offset + cursor.at,
          abbreviationsAt,
          version,
          addressSize,
          offsetSize,
        });
      }
      offset = end;
    }
    return headers;
  }
}

function unitLength(cursor: Cursor): { length: number; offsetSize: number } {
  const length = cursor.uint(4);
  return length === 0xffff_ffff ? { length: cursor.uint(8), offsetSize: 8 } : { length, offsetSize: 4 };
}

const textAt = (strings: Uint8Array, offset: number): string | undefined => {
  if (offset >= strings.length) return undefined;
  const end = strings.indexOf(0, offset);
  return cString(strings.subarray(offset, end < 0 ? strings.length : end));
};
