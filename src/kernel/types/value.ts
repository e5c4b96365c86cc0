/**
 * A value of any C type in the crashed kernel's memory, read with all that it is made of: a tree of numbers, texts, pointers, and structures of them. What
 * is in a page that the dump lacks becomes a 'missing' in its place; everything else of the same structure is there.
 *
 * Pointers are not followed. value-text.ts writes values as C does.
 */
import { cString, viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, hex, type Vaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import { typeName } from './type-names.ts';
import {
  type BaseType,
  type EnumType,
  type Member,
  type StructType,
  sizeOf,
  type Type,
  unaliased,
} from './types.ts';

export type Value =
  | { readonly kind: 'number'; readonly value: number | bigint }
  | { readonly kind: 'boolean'; readonly value: boolean }
  /** `name`: undefined when no enumerator has this value. */
  | { readonly kind: 'enum'; readonly value: bigint; readonly name: string | undefined }
  | { readonly kind: 'pointer'; readonly address: Vaddr; readonly target: Type }
  /** An array of char, up to its NUL; one character a byte. */
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'array'; readonly elements: readonly Value[] }
  | { readonly kind: 'struct'; readonly type: string; readonly members: readonly MemberValue[] }
  | { readonly kind: 'missing'; readonly why: string };

export interface MemberValue {
  /** Empty for an anonymous structure or union. */
  readonly name: string;
  readonly value: Value;
}

/** What JSON has for it: integers beyond 2^53 are decimal strings, pointers "0x…", enumerators their name, what is missing null. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [member: string]: JsonValue };

/** More numbers than any structure of the kernel has; type information that was smashed may tell of more. */
const maxParts = 2 ** 18;
const maxDepth = 64;

/** The value of this type at `address`. Never throws for what the dump lacks; E_CORRUPT when the type makes no sense. */
export function readValue(kernel: Kernel, type: Type, address: bigint): Value {
  return new Reader(kernel).value(type, address, undefined, 0);
}

/** One member of a structure at `address`, bit fields too. */
export function readMember(kernel: Kernel, { offset, member }: PlacedMember, address: bigint): Value {
  return new Reader(kernel).value(member.type(), address + BigInt(offset), member.bits, 0);
}

interface PlacedMember {
  readonly offset: number;
  readonly member: Member;
}

class Reader {
  private readonly kernel: Kernel;
  private parts = 0;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  value(type: Type, address: bigint, bits: Member['bits'], depth: number): Value {
    if (++this.parts > maxParts || depth > maxDepth) {
      throw new VmcoreError('E_CORRUPT', `${typeName(type)} is made of more than there can be`, {
        file: this.kernel.dump.source.name,
        hint: 'the type information is damaged, or of another kernel',
      });
    }
    const resolved = unaliased(type);
    switch (resolved.kind) {
      case 'struct':
      case 'union':
        return this.struct(resolved, address, depth);
      case 'array':
        return isText(resolved.element())
          ? this.attempt(() => ({
              kind: 'text',
              text: cString(this.kernel.read(asVaddr(address), Math.min(resolved.length, maxParts))),
            }))
          : this.array(resolved.element(), resolved.length, address, depth);
      case 'pointer':
        return this.attempt(() => ({
          kind: 'pointer',
          address: this.kernel.readPointer(asVaddr(address)),
          target: resolved.target(),
        }));
      case 'enum':
        return this.attempt(() => enumValue(resolved, this.integer(address, resolved, bits)));
      case 'base':
        return this.attempt(() => this.base(resolved, address, bits));
      case 'opaque':
        return { kind: 'missing', why: `nothing tells what is in ${typeName(resolved)}` };
    }
  }

  private struct(type: StructType, address: bigint, depth: number): Value {
    return {
      kind: 'struct',
      type: typeName(type),
      members: type.members().map((member) => ({
        name: member.name,
        value: this.value(member.type(), address + BigInt(member.offset), member.bits, depth + 1),
      })),
    };
  }

  private array(element: Type, length: number, address: bigint, depth: number): Value {
    const size = sizeOf(element);
    if (size === undefined)
      return { kind: 'missing', why: `nothing tells how large ${typeName(element)} is` };
    const elements: Value[] = [];
    for (let i = 0; i < length; i++)
      elements.push(this.value(element, address + BigInt(i * size), undefined, depth + 1));
    return { kind: 'array', elements };
  }

  private base(type: BaseType, address: bigint, bits: Member['bits']): Value {
    if (type.encoding === 'float') {
      const view = viewOf(this.kernel.read(asVaddr(address), type.size));
      const { littleEndian } = this.kernel.dump;
      if (type.size === 4) return { kind: 'number', value: view.getFloat32(0, littleEndian) };
      if (type.size === 8) return { kind: 'number', value: view.getFloat64(0, littleEndian) };
      return { kind: 'missing', why: `${type.name} is of no known form` };
    }
    const value = this.integer(address, type, bits);
    if (type.encoding === 'boolean') return { kind: 'boolean', value: value !== 0n };
    const short = Number(value);
    return { kind: 'number', value: Number.isSafeInteger(short) ? short : value };
  }

  private integer(address: bigint, type: BaseType | EnumType, bits: Member['bits']): bigint {
    const isSigned = type.kind === 'base' && type.encoding === 'signed';
    const size = bits === undefined ? type.size : Math.ceil((bits.offset + bits.size) / 8);
    const bytes = this.kernel.read(asVaddr(address), Math.min(size, 16));
    if (this.kernel.dump.littleEndian) bytes.reverse();
    let word = 0n;
    for (const byte of bytes) word = (word << 8n) | BigInt(byte);
    const width = bits?.size ?? bytes.length * 8;
    const value = BigInt.asUintN(width, word >> BigInt(bits?.offset ?? 0));
    return isSigned ? BigInt.asIntN(width, value) : value;
  }

  private attempt(read: () => Value): Value {
    try {
      return read();
    } catch (error) {
      if (error instanceof VmcoreError && error.code === 'E_UNREADABLE')
        return { kind: 'missing', why: error.message };
      throw error;
    }
  }
}

/** An enumerator, also one that its source has with another sign. */
function enumValue(type: EnumType, value: bigint): Value {
  const width = type.size * 8;
  for (const [name, known] of type.values())
    if (BigInt.asUintN(width, known) === value) return { kind: 'enum', value: known, name };
  return { kind: 'enum', value, name: undefined };
}

const isText = (element: Type): boolean => {
  const resolved = unaliased(element);
  return resolved.kind === 'base' && resolved.name === 'char';
};

/** Members of anonymous structures are members of the structure around them, as in C. */
export function jsonOf(value: Value): JsonValue {
  switch (value.kind) {
    case 'number':
      return typeof value.value === 'bigint' ? value.value.toString() : value.value;
    case 'boolean':
      return value.value;
    case 'enum':
      return value.name ?? Number(value.value);
    case 'pointer':
      return hex(value.address);
    case 'text':
      return value.text;
    case 'array':
      return value.elements.map(jsonOf);
    case 'struct':
      return Object.fromEntries(
        namedMembers(value.members).map((member) => [member.name, jsonOf(member.value)]),
      );
    case 'missing':
      return null;
  }
}

function namedMembers(members: readonly MemberValue[]): MemberValue[] {
  return members.flatMap((member) =>
    member.name === '' && member.value.kind === 'struct' ? namedMembers(member.value.members) : [member],
  );
}

/** Why parts of a value are missing, none twice. */
export function missingParts(value: Value): string[] {
  const reasons = new Set<string>();
  const visit = (part: Value): void => {
    if (part.kind === 'missing') reasons.add(part.why);
    else if (part.kind === 'array') part.elements.forEach(visit);
    else if (part.kind === 'struct') for (const member of part.members) visit(member.value);
  };
  visit(value);
  return [...reasons];
}
