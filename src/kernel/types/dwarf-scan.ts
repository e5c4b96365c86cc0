/**
 * Finding named types and variables in hundreds of megabytes of DWARF: a walk over the top level of each unit that reads no more of an entry
 * than its name, steps over children by their sibling, and ends when everything wanted was found.
 *
 * Names are compared by their place in .debug_str: each place is judged once and remembered in a table of one byte a place.
 */
import { type Abbreviation, Attribute, Tag } from './dwarf-abbrev.ts';
import type { DwarfUnits, Unit } from './dwarf-units.ts';

/** The name spaces of C, as far as they matter here. */
export type Wanted = `${'struct' | 'enum' | 'typedef' | 'variable'} ${string}`;

const spaceOf = new Map<number, string>([
  [Tag.structureType, 'struct'],
  [Tag.unionType, 'struct'],
  [Tag.enumerationType, 'enum'],
  [Tag.typedef, 'typedef'],
  [Tag.variable, 'variable'],
]);

/** Bits of `passed`, one a name space; the last for names that nobody wants. */
const spaceBits: Readonly<Record<string, number>> = { struct: 1, enum: 2, typedef: 4, variable: 8 };
const unwanted = 0x80;

export class DwarfScan {
  private readonly units: DwarfUnits;
  /** Undefined when everything is wanted. */
  private readonly remaining: Set<string> | undefined;
  private readonly names: ReadonlySet<string> | undefined;
  /** For places in .debug_str: the name spaces in which the name there needs no further look. */
  private readonly passed: Uint8Array;
  private readonly found = new Map<string, number>();
  /** `extern` declarations of wanted variables, in case that nothing better comes. */
  private readonly declared = new Map<string, number>();

  /** "everything": all that has a name, in one walk through all units (a second for a distribution's kernel). */
  constructor(units: DwarfUnits, wanted: Iterable<Wanted> | 'everything') {
    this.units = units;
    this.remaining = wanted === 'everything' ? undefined : new Set(wanted);
    this.names = this.remaining && new Set([...this.remaining].map((key) => key.slice(key.indexOf(' ') + 1)));
    this.passed = new Uint8Array(units.strings.length);
  }

  /**
   * Where in .debug_info each wanted entry is: its first complete definition, or, of variables only, a declaration. Entries that are
   * nowhere are left out.
   */
  run(): ReadonlyMap<string, number> {
    const { headers } = this.units;
    const largest = headers.reduce((most, { offset, end }) => Math.max(most, end - offset), 0);
    // Most units are below a megabyte; a larger one gets a buffer of its own.
    const buffer = new Uint8Array(Math.min(largest, 4 * 2 ** 20));
    for (const header of headers) {
      if (this.remaining?.size === 0) break;
      this.scan(this.units.load(header, buffer));
    }
    return new Map([...this.declared, ...this.found]);
  }

  private scan(unit: Unit): void {
    const { cursor, header, abbreviations } = unit;
    const { length } = cursor.bytes;
    cursor.at = header.entriesAt - header.offset;
    for (let depth = 0; cursor.at < length && this.remaining?.size !== 0; ) {
      const start = cursor.at;
      const code = cursor.uleb();
      if (code === 0) {
        depth--;
        if (depth <= 0) return;
        continue;
      }
      const abbreviation = abbreviations[code];
      if (abbreviation === undefined)
        throw this.units.corrupt(`DWARF abbreviation ${code} does not exist`, start);
      const values = cursor.at;
      if (depth === 1) {
        const space = spaceOf.get(abbreviation.tag);
        if (space !== undefined) this.judge(unit, abbreviation, space, start, values);
      }
      depth = this.stepOver(unit, abbreviation, values, depth);
    }
  }

  /** Moves the cursor behind the entry, and behind its children when it says where that is; returns the depth there. */
  private stepOver(unit: Unit, abbreviation: Abbreviation, values: number, depth: number): number {
    const { cursor, header } = unit;
    if (depth > 0 && abbreviation.hasChildren && abbreviation.siblingAt >= 0) {
      cursor.at = values + abbreviation.siblingAt;
      const sibling = cursor.uint(4);
      // Backwards would be a loop: walk the children instead.
      if (sibling > values) {
        cursor.at = sibling;
        return depth;
      }
    }
    cursor.at = values;
    if (abbreviation.fixedSize >= 0) cursor.at += abbreviation.fixedSize;
    else {
      const { attributes } = abbreviation;
      for (let i = 1; i < attributes.length; i += 2)
        if (!cursor.skip(attributes[i]!, header))
          throw this.units.corrupt(`DWARF form ${attributes[i]} does not exist`, header.offset + values);
    }
    return abbreviation.hasChildren ? depth + 1 : depth;
  }

  private judge(unit: Unit, abbreviation: Abbreviation, space: string, start: number, values: number): void {
    const { hasName, nameAt, isCompletion, isDeclaration, tag } = abbreviation;
    const isVariable = tag === Tag.variable;
    if (!(hasName || (isVariable && isCompletion)) || (isDeclaration && !isVariable)) return;
    let place: number | undefined;
    if (nameAt >= 0) {
      unit.cursor.at = values + nameAt;
      place = unit.cursor.uint(unit.header.offsetSize);
      if (((this.passed[place] ?? 0) & (unwanted | spaceBits[space]!)) !== 0) return;
    }
    const offset = unit.header.offset + start;
    const name = this.nameOf(unit, offset);
    const pass = (bits: number): void => {
      if (place !== undefined && place < this.passed.length) this.passed[place]! |= bits;
    };
    if (name === undefined || this.names?.has(name) === false) {
      pass(unwanted);
      return;
    }
    const key = `${space} ${name}`;
    if (!isDeclaration) {
      if (this.remaining?.delete(key) ?? !this.found.has(key)) this.found.set(key, offset);
      pass(spaceBits[space]!);
    } else if ((this.remaining?.has(key) ?? true) && !this.declared.has(key)) this.declared.set(key, offset);
  }

  /** The name of an entry, or of the declaration in the same unit that it completes. */
  private nameOf(unit: Unit, offset: number): string | undefined {
    const entry = this.units.entry(unit, offset);
    const own = entry?.attributes.get(Attribute.name);
    if (own !== undefined) return this.units.string(unit, own);
    const completed = entry?.attributes.get(Attribute.specification);
    const declared = completed === undefined ? undefined : this.units.reference(unit, completed);
    const { offset: start, end } = unit.header;
    if (declared === undefined || declared < start || declared >= end) return undefined;
    const name = this.units.entry(unit, declared)?.attributes.get(Attribute.name);
    return name === undefined ? undefined : this.units.string(unit, name);
  }
}
