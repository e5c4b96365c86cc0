/**
 * DWARF byte by byte, from DWARF 5 chapter 7 (and version 4's unit header): entries are given as trees, abbreviations and references are
 * worked out here.
 */
import { type SectionSpec, stringTable } from './elf-program.ts';

export const DW_TAG = {
  array: 0x01,
  enumeration: 0x04,
  member: 0x0d,
  pointer: 0x0f,
  unit: 0x11,
  structure: 0x13,
  typedef: 0x16,
  union: 0x17,
  subrange: 0x21,
  base: 0x24,
  const: 0x26,
  enumerator: 0x28,
  subprogram: 0x2e,
  variable: 0x34,
  partialUnit: 0x3c,
} as const;

export const DW_AT = {
  sibling: 0x01,
  name: 0x03,
  byteSize: 0x0b,
  bitOffset: 0x0c,
  bitSize: 0x0d,
  constValue: 0x1c,
  upperBound: 0x2f,
  count: 0x37,
  location: 0x38,
  declaration: 0x3c,
  encoding: 0x3e,
  specification: 0x47,
  type: 0x49,
  dataBitOffset: 0x6b,
  strOffsetsBase: 0x72,
} as const;

export type FormName =
  | 'string'
  | 'strp'
  | 'line_strp'
  | 'strx1'
  | 'data1'
  | 'data2'
  | 'data4'
  | 'data8'
  | 'data16'
  | 'udata'
  | 'sdata'
  | 'implicit_const'
  | 'flag'
  | 'flag_present'
  | 'ref4'
  | 'ref_udata'
  | 'ref_addr'
  | 'ref_sig8'
  | 'sec_offset'
  | 'exprloc'
  | 'block1'
  | 'addr'
  | 'indirect_data1';

const formCodes: Readonly<Record<FormName, number>> = {
  string: 0x08,
  strp: 0x0e,
  line_strp: 0x1f,
  strx1: 0x25,
  data1: 0x0b,
  data2: 0x05,
  data4: 0x06,
  data8: 0x07,
  data16: 0x1e,
  udata: 0x0f,
  sdata: 0x0d,
  implicit_const: 0x21,
  flag: 0x0c,
  flag_present: 0x19,
  ref4: 0x13,
  ref_udata: 0x15,
  ref_addr: 0x10,
  ref_sig8: 0x20,
  sec_offset: 0x17,
  exprloc: 0x18,
  block1: 0x0a,
  addr: 0x01,
  indirect_data1: 0x16,
};

/** An attribute, its form and its value; a reference is the label of an entry, anywhere in .debug_info. */
export type Attribute = readonly [
  attribute: number,
  form: FormName,
  value: number | string | readonly number[],
];

export interface Die {
  readonly tag: number;
  readonly label?: string;
  readonly attributes?: readonly Attribute[];
  readonly children?: readonly Die[];
  /** Write a DW_AT_sibling, as gcc does and clang does not. */
  readonly sibling?: boolean;
}

export interface UnitSpec {
  readonly version: 2 | 3 | 4 | 5;
  readonly root: Die;
}

const leb = (value: number): number[] => {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return bytes;
};

const signedLeb = (value: number): number[] => {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    const isLast = (rest >> 7 === 0 && (rest & 0x40) === 0) || (rest >> 7 === -1 && (rest & 0x40) !== 0);
    bytes.push((rest & 0x7f) | (isLast ? 0 : 0x80));
    if (isLast) return bytes;
  }
};

const little = (value: number, size: number): number[] => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true);
  return [...bytes.subarray(0, size)];
};

interface Fixup {
  readonly at: number;
  readonly label: string;
  /** Where the unit begins; 0 for references into the whole section. */
  readonly base: number;
}

/** .debug_info, .debug_abbrev and the string sections of some units. */
export function dwarfSections(units: readonly UnitSpec[]): SectionSpec[] {
  const strings = collectStrings(units.map(({ root }) => root));
  const table = stringTable(strings);
  const info: number[] = [];
  const abbreviations: number[] = [];
  const labels = new Map<string, number>();
  const fixups: Fixup[] = [];
  for (const { version, root } of units) {
    const unitAt = info.length;
    const codes = new Map<string, number>();
    const abbreviationsAt = abbreviations.length;
    info.push(0, 0, 0, 0, version, 0);
    if (version >= 5) info.push(root.tag === DW_TAG.partialUnit ? 3 : 1, 8, ...little(abbreviationsAt, 4));
    else info.push(...little(abbreviationsAt, 4), 8);

    const put = (die: Die): void => {
      const attributes: readonly Attribute[] = [
        ...(die.sibling ? ([[DW_AT.sibling, 'ref4', `${info.length}:end`]] as const) : []),
        ...(die.attributes ?? []),
      ];
      if (die.label !== undefined) labels.set(die.label, info.length);
      const start = info.length;
      info.push(...leb(codeOf(die, attributes)));
      for (const [, form, value] of attributes) putValue(form, value);
      if (die.children !== undefined) {
        for (const child of die.children) put(child);
        info.push(0);
      }
      labels.set(`${start}:end`, info.length);
    };
    const codeOf = (die: Die, attributes: readonly Attribute[]): number => {
      const shape: number[] = [...leb(die.tag), die.children === undefined ? 0 : 1];
      for (const [attribute, form, value] of attributes) {
        shape.push(...leb(attribute), ...leb(formCodes[form]));
        if (form === 'implicit_const') shape.push(...signedLeb(value as number));
      }
      shape.push(0, 0);
      const key = shape.join();
      const known = codes.get(key);
      if (known !== undefined) return known;
      const code = codes.size + 1;
      codes.set(key, code);
      abbreviations.push(...leb(code), ...shape);
      return code;
    };
    const putValue = (form: FormName, value: number | string | readonly number[]): void => {
      if (typeof value === 'object')
        info.push(...(form === 'exprloc' ? leb(value.length) : [value.length]), ...value);
      else if (typeof value === 'string') putText(form, value);
      else if (form === 'udata') info.push(...leb(value));
      else if (form === 'sdata') info.push(...signedLeb(value));
      else if (form === 'indirect_data1') info.push(formCodes.data1, value);
      else if (form === 'data16') info.push(...little(value, 8), ...little(0, 8));
      else info.push(...little(value, sizes[form] ?? 0));
    };
    const putText = (form: FormName, value: string): void => {
      if (form === 'string') info.push(...new TextEncoder().encode(value), 0);
      else if (form === 'strp' || form === 'line_strp') info.push(...little(table.at(value), 4));
      else if (form === 'strx1') info.push(strings.indexOf(value));
      else {
        fixups.push({ at: info.length, label: value, base: form === 'ref_addr' ? 0 : unitAt });
        // A padded LEB128 keeps the place of a reference that is not known yet.
        info.push(...(form === 'ref_udata' ? [0x80, 0x80, 0x80, 0] : [0, 0, 0, 0]));
      }
    };
    put(root);
    abbreviations.push(0);
    info.splice(unitAt, 4, ...little(info.length - unitAt - 4, 4));
  }
  for (const { at, label, base } of fixups) {
    const target = labels.get(label)! - base;
    const isLeb = info[at] === 0x80;
    const bytes = isLeb
      ? [0, 7, 14].map((shift) => ((target >> shift) & 0x7f) | 0x80).concat(0)
      : little(target, 4);
    info.splice(at, 4, ...bytes);
  }
  const offsets = strings.flatMap((value) => little(table.at(value), 4));
  return [
    { name: '.debug_info', data: Uint8Array.from(info) },
    { name: '.debug_abbrev', data: Uint8Array.from(abbreviations) },
    { name: '.debug_str', data: table.bytes },
    { name: '.debug_line_str', data: table.bytes },
    {
      name: '.debug_str_offsets',
      data: Uint8Array.from([...little(offsets.length + 4, 4), 5, 0, 0, 0, ...offsets]),
    },
  ];
}

const sizes: Partial<Readonly<Record<FormName, number>>> = {
  data1: 1,
  flag: 1,
  data2: 2,
  data4: 4,
  sec_offset: 4,
  data8: 8,
  ref_sig8: 8,
  addr: 8,
};

function collectStrings(dies: readonly Die[]): string[] {
  const found = new Set<string>();
  const visit = ({ attributes, children }: Die): void => {
    for (const [, form, value] of attributes ?? [])
      if (typeof value === 'string' && /str[px]/.test(form)) found.add(value);
    for (const child of children ?? []) visit(child);
  };
  for (const die of dies) visit(die);
  return [...found];
}
