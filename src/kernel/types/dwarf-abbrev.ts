/**
 * Abbreviations: the shapes of DWARF's entries, one table a unit. Each also tells, worked out once, how the search for names gets over
 * such an entry.
 *
 * Source of truth: DWARF 5 section 7.5.3.
 */
import { Cursor, Form, type FormContext, fixedSizeOf } from './dwarf-forms.ts';

export const Tag = {
  arrayType: 0x01,
  enumerationType: 0x04,
  member: 0x0d,
  pointerType: 0x0f,
  structureType: 0x13,
  typedef: 0x16,
  unionType: 0x17,
  subrangeType: 0x21,
  baseType: 0x24,
  constType: 0x26,
  enumerator: 0x28,
  variable: 0x34,
  volatileType: 0x35,
  restrictType: 0x37,
  atomicType: 0x47,
} as const;

export const Attribute = {
  sibling: 0x01,
  name: 0x03,
  byteSize: 0x0b,
  bitOffset: 0x0c,
  bitSize: 0x0d,
  constValue: 0x1c,
  upperBound: 0x2f,
  count: 0x37,
  dataMemberLocation: 0x38,
  declaration: 0x3c,
  encoding: 0x3e,
  specification: 0x47,
  type: 0x49,
  dataBitOffset: 0x6b,
  strOffsetsBase: 0x72,
} as const;

export class Abbreviation {
  readonly tag: number;
  readonly hasChildren: boolean;
  /** Pairs of attribute and form. */
  readonly attributes: readonly number[];
  /** Values of attributes with DW_FORM_implicit_const, by position of the pair. */
  readonly constants: ReadonlyMap<number, bigint> | undefined;
  /** Bytes of all values together when that never varies; -1 when it does. */
  readonly fixedSize: number;
  /** Where in those bytes name and sibling are, when they have their usual forms (strp, ref4); -1 when not. */
  readonly nameAt: number;
  readonly siblingAt: number;
  readonly hasName: boolean;
  /** Completes a declaration elsewhere, which has the name. */
  readonly isCompletion: boolean;
  readonly isDeclaration: boolean;

  constructor(
    tag: number,
    hasChildren: boolean,
    attributes: readonly number[],
    constants: ReadonlyMap<number, bigint> | undefined,
    context: FormContext,
  ) {
    this.tag = tag;
    this.hasChildren = hasChildren;
    this.attributes = attributes;
    this.constants = constants;
    let at = 0;
    let [nameAt, siblingAt, hasName, isCompletion, isDeclaration] = [-1, -1, false, false, false];
    for (let i = 0; i < attributes.length; i += 2) {
      const attribute = attributes[i]!;
      const form = attributes[i + 1]!;
      if (attribute === Attribute.name) {
        hasName = true;
        if (form === Form.strp && at >= 0) nameAt = at;
      } else if (attribute === Attribute.sibling) {
        if (form === Form.ref4 && at >= 0) siblingAt = at;
      } else if (attribute === Attribute.specification) isCompletion = true;
      else if (attribute === Attribute.declaration) isDeclaration = true;
      const size = fixedSizeOf(form, context);
      at = size === undefined || at < 0 ? -1 : at + size;
    }
    this.fixedSize = at;
    this.nameAt = nameAt;
    this.siblingAt = siblingAt;
    this.hasName = hasName;
    this.isCompletion = isCompletion;
    this.isDeclaration = isDeclaration;
  }
}

export type Abbreviations = readonly (Abbreviation | undefined)[];

/** More codes than any compiler gives out in one table. */
const maxCode = 1_000_000;

/** The table at `offset` of .debug_abbrev, by code. What is cut off or absurd ends it; units that miss an entry then say so. */
export function parseAbbreviations(section: Uint8Array, offset: number, context: FormContext): Abbreviations {
  const cursor = new Cursor(section, true);
  cursor.at = offset;
  const table: (Abbreviation | undefined)[] = [];
  while (cursor.at < section.length) {
    const code = cursor.uleb();
    if (code === 0 || code > maxCode) break;
    const tag = cursor.uleb();
    const hasChildren = cursor.u8() !== 0;
    const attributes: number[] = [];
    let constants: Map<number, bigint> | undefined;
    while (cursor.at < section.length) {
      const attribute = cursor.uleb();
      const form = cursor.uleb();
      if (form === Form.implicitConst) {
        constants ??= new Map();
        constants.set(attributes.length, cursor.sleb64());
      }
      if (attribute === 0 && form === 0) break;
      attributes.push(attribute, form);
    }
    // Codes almost always count up from 1; holes in between are left undefined.
    while (table.length < code) table.push(undefined);
    table[code] = new Abbreviation(tag, hasChildren, attributes, constants, context);
  }
  return table;
}
