/** What a type is made of, and a value of it in the crashed kernel's memory. */

import { VmcoreError } from '../../base/errors.ts';
import { hex, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import { readText } from '../../kernel/text.ts';
import { requireType } from '../../kernel/types/type-finder.ts';
import { declaration, typeName, typeOfName } from '../../kernel/types/type-names.ts';
import {
  findPath,
  type Member,
  type PlacedMember,
  sizeOf,
  type Type,
  unaliased,
} from '../../kernel/types/types.ts';
import {
  type JsonValue,
  jsonOf,
  missingParts,
  readMember,
  readValue,
  type Value,
} from '../../kernel/types/value.ts';
import { quoted, valueText } from '../../kernel/types/value-text.ts';
import { typeOfVariable } from '../../kernel/types/variables.ts';
import { symbolText } from './address.ts';

/** Offsets and sizes in bytes. */
export interface MemberInfo {
  /** Empty for an anonymous structure or union, whose own members are then in `members`. */
  readonly name: string;
  /** From the beginning of the outermost structure. */
  readonly offset: number;
  /** Null when it has none: a declaration, a flexible array of them. */
  readonly size: number | null;
  readonly type: string;
  /** Bit fields: the first bit, from the least significant of the byte at `offset`, and how many. */
  readonly bits?: { readonly offset: number; readonly size: number };
  readonly members?: readonly MemberInfo[];
}

export interface TypeInfo {
  readonly name: string;
  readonly size: number | null;
  /** Whose BTF has it; null for the kernel's own. */
  readonly module: string | null;
  /** Of structures and unions; of an enum its `values` instead. */
  readonly members: readonly MemberInfo[];
  readonly values?: Readonly<Record<string, JsonValue>>;
}

/** What was asked for: "task_struct", or "task_struct.comm,se.vruntime" for some members only. */
export interface Question {
  readonly type: Type;
  readonly module: string | null;
  /** The members asked for, by their paths; undefined for all. */
  readonly members: ReadonlyMap<string, PlacedMember> | undefined;
  /** Where it is, when the name was a variable's. */
  readonly address?: Vaddr | undefined;
}

/** Deeper anonymous members than any compiler makes. */
const maxDepth = 32;

/** A type, or a variable whose type is known. E_NO_INFO when nothing knows the name, E_USAGE when it has no such member. */
export function typeQuestion(crashed: CrashedKernel, text: string): Question {
  const dot = text.indexOf('.');
  const name = dot < 0 ? text : text.slice(0, dot);
  const { type, module, address } = variable(crashed, name) ?? {
    ...requireType(crashed, name),
    address: undefined,
  };
  if (dot < 0) return { type, module: module ?? null, members: undefined, address };
  const struct = unaliased(type);
  const members = new Map<string, PlacedMember>();
  for (const path of text.slice(dot + 1).split(',')) {
    const place = struct.kind === 'struct' || struct.kind === 'union' ? findPath(struct, path) : undefined;
    if (place === undefined) throw new VmcoreError('E_USAGE', `${typeName(type)} has no member ${path}`);
    members.set(path, place);
  }
  return { type, module: module ?? null, members, address };
}

/** Undefined when it is a type, or no variable of a known type. */
function variable(
  crashed: CrashedKernel,
  name: string,
): { readonly type: Type; readonly module: undefined; readonly address: Vaddr } | undefined {
  const type =
    typeOfName(crashed.layouts, name) === undefined ? typeOfVariable(crashed.layouts, name) : undefined;
  const address = type === undefined ? undefined : crashed.symbols.address(name);
  return type === undefined || address === undefined ? undefined : { type, module: undefined, address };
}

export function describeType({ type, module, members }: Question): TypeInfo {
  const resolved = unaliased(type);
  const info = { name: typeName(type), size: sizeOf(type) ?? null, module };
  if (resolved.kind === 'enum') {
    const values = Object.fromEntries(
      [...resolved.values()].map(([name, value]) => [name, jsonOf({ kind: 'number', value: short(value) })]),
    );
    return { ...info, members: [], values };
  }
  if (resolved.kind !== 'struct' && resolved.kind !== 'union') return { ...info, members: [] };
  if (members === undefined)
    return { ...info, members: resolved.members().map((member) => memberInfo(member, 0, 0)) };
  return {
    ...info,
    members: [...members].map(([path, { offset, member }]) => ({
      ...memberInfo(member, offset - member.offset, 0),
      name: path,
    })),
  };
}

function memberInfo(member: Member, base: number, depth: number): MemberInfo {
  const type = member.type();
  const resolved = unaliased(type);
  const offset = base + member.offset;
  const isAnonymous =
    (resolved.kind === 'struct' || resolved.kind === 'union') && resolved.name === '' && type === resolved;
  return {
    name: member.name,
    offset,
    size: sizeOf(type) ?? null,
    type: typeName(type),
    ...(member.bits === undefined ? {} : { bits: member.bits }),
    ...(isAnonymous && depth < maxDepth
      ? { members: resolved.members().map((inner) => memberInfo(inner, offset, depth + 1)) }
      : {}),
  };
}

const short = (value: bigint): number | bigint =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value;

/** The layout as C, with offset and size, bytes, before each member. */
export function layoutText(question: Question): string {
  const { type, members } = question;
  const resolved = unaliased(type);
  const size = sizeOf(type);
  const end = size === undefined ? 'nothing tells its size' : `size ${size}`;
  if (resolved.kind === 'enum') {
    const values = [...resolved.values()].map(([name, value]) => `  ${name} = ${value},\n`);
    return `${typeName(type)} {\n${values.join('')}}; ${end}\n`;
  }
  if (resolved.kind !== 'struct' && resolved.kind !== 'union') {
    const meaning = type.kind === 'alias' ? ` = ${typeName(type.target())}` : '';
    return `${typeName(type)}${meaning}; ${end}\n`;
  }
  const lines =
    members === undefined
      ? resolved.members().map((member) => memberLines(member, 0, 1))
      : [...members].map(([path, { offset, member }]) =>
          memberLines({ ...member, name: path, type: () => member.type() }, offset - member.offset, 1),
        );
  return `${typeName(type)} {\n${lines.join('')}}; ${end}\n`;
}

function memberLines(member: Member, base: number, depth: number): string {
  const type = member.type();
  const offset = base + member.offset;
  const place = `${String(offset).padStart(6)} ${String(sizeOf(type) ?? '?').padStart(6)}`;
  const indent = '  '.repeat(depth);
  const own = type.kind === 'struct' || type.kind === 'union' ? type : undefined;
  if (own !== undefined && own.name === '' && depth < maxDepth) {
    const inner = own.members().map((each) => memberLines(each, offset, depth + 1));
    const end = member.name === '' ? '};' : `} ${member.name};`;
    return `${place}${indent}${own.kind} {\n${inner.join('')}${' '.repeat(13)}${indent}${end}\n`;
  }
  const bits = member.bits === undefined ? '' : `:${member.bits.size}`;
  const note = member.bits === undefined ? '' : `  /* bit ${member.bits.offset} */`;
  return `${place}${indent}${declaration(type, member.name)}${bits};${note}\n`;
}

export interface ValueInfo extends TypeInfo {
  readonly address: string;
  /** Members of anonymous structures are in the structure around them. Null where the dump lacks the page. */
  readonly value: JsonValue;
  readonly missing: readonly string[];
}

export function valueAt(crashed: CrashedKernel, question: Question, address: bigint): ValueInfo {
  const value = readQuestion(crashed, question, address);
  return {
    ...describeType(question),
    address: hex(address),
    value: jsonOf(value),
    missing: missingParts(value),
  };
}

/** As C would initialise it, pointers with what they point to. */
export const valueTextAt = (crashed: CrashedKernel, question: Question, address: bigint): string =>
  textOf(crashed, readQuestion(crashed, question, address));

export const textOf = (crashed: CrashedKernel, value: Value): string =>
  `${valueText(value, (pointer) => pointerText(crashed, pointer))}\n`;

/** What was asked for, at `address`. E_CORRUPT when the type makes no sense. */
export function readQuestion(crashed: CrashedKernel, { type, members }: Question, address: bigint): Value {
  if (members === undefined) return readValue(crashed.kernel, type, address);
  return {
    kind: 'struct',
    type: typeName(type),
    members: [...members].map(([name, place]) => ({
      name,
      value: readMember(crashed.kernel, place, address),
    })),
  };
}

/** Longer texts are not what a char * is for. */
const maxText = 128;

/** The text that a char * points to, else the symbol that the address is in. */
function pointerText(
  crashed: CrashedKernel,
  { address, target }: Extract<Value, { kind: 'pointer' }>,
): string {
  if (address === 0n) return '';
  const symbol = symbolText(crashed, address);
  const place = symbol === undefined ? '' : `<${symbol}>`;
  const resolved = unaliased(target);
  if (resolved.kind !== 'base' || resolved.name !== 'char') return place;
  try {
    const text = readText(crashed.kernel, address);
    return text.length <= maxText && !/\p{Cc}/u.test(text) ? quoted(text) : place;
  } catch (error) {
    if (error instanceof VmcoreError) return place;
    throw error;
  }
}
