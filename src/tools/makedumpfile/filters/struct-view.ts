/** Structures in memory, read by the names of their members. Types come from vmcoreinfo, BTF or DWARF through `Layouts`. */
import { cString } from '../../../base/bytes.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { asVaddr, hex } from '../../../base/units.ts';
import type { Kernel } from '../../../kernel/kernel.ts';
import {
  findMember,
  type Member,
  type StructType,
  sizeOf,
  type Type,
  unaliased,
} from '../../../kernel/types/types.ts';
import type { StructView } from './api.ts';

/** A member, or an element of an array: from the beginning of the structure, bytes. */
export interface Place {
  readonly offset: number;
  readonly type: Exclude<Type, { kind: 'alias' }>;
  readonly bits: Member['bits'];
}

/** As the original, which reads strings of up to 1024 characters; names of files are longer. */
const maxString = 4096;
const maxMember = 2 ** 24;

const wrong = (what: string): VmcoreError =>
  new VmcoreError('E_NO_INFO', what, { hint: 'name it as it is in the source of this kernel' });

/** "a.b[3].c" in a structure. E_NO_INFO when there is no such member, E_USAGE when the path cannot be read. */
export function placeOf(struct: StructType, path: string): Place {
  let at: Place = { offset: 0, type: struct, bits: undefined };
  for (const part of path.split('.')) {
    const match = /^([A-Za-z_]\w*)((?:\[\d{1,9}\])*)$/.exec(part);
    if (match === null) {
      throw new VmcoreError('E_USAGE', `"${path}" is not a path of members`, {
        hint: 'write it as "name", "outer.inner" or "array[1].name"',
      });
    }
    if (at.type.kind !== 'struct' && at.type.kind !== 'union') {
      const hint = at.type.kind === 'pointer' ? ': a pointer must be followed first' : '';
      throw wrong(`${structName(struct)}.${path}: nothing has members before "${part}"${hint}`);
    }
    const found = findMember(at.type, match[1]!);
    if (found === undefined) throw wrong(`${structName(at.type)} has no member ${match[1]}`);
    at = {
      offset: at.offset + found.offset,
      type: unaliased(found.member.type()),
      bits: found.member.bits,
    };
    for (const [, digits] of match[2]!.matchAll(/\[(\d+)\]/g)) at = elementOf(at, Number(digits), path);
  }
  return at;
}

function elementOf(array: Place, index: number, path: string): Place {
  if (array.type.kind !== 'array') throw wrong(`${path}: no array`);
  const type = unaliased(array.type.element());
  // Of a flexible array nobody knows the length.
  if (array.type.length > 0 && index >= array.type.length) {
    throw wrong(`${path}: the array has ${array.type.length} elements`);
  }
  return { offset: array.offset + index * (sizeOf(type) ?? 0), type, bits: undefined };
}

const structName = ({ kind, name }: StructType): string => `${kind} ${name || '(anonymous)'}`;

export class View implements StructView {
  readonly address: bigint;
  private readonly kernel: Kernel;
  private readonly layout: StructType;

  constructor(kernel: Kernel, struct: StructType, address: bigint) {
    this.kernel = kernel;
    this.layout = struct;
    this.address = asVaddr(address);
  }

  get type(): string {
    return this.layout.name;
  }

  get size(): number {
    return this.layout.size;
  }

  has(path: string): boolean {
    try {
      placeOf(this.layout, path);
      return true;
    } catch (error) {
      if (error instanceof VmcoreError && error.code === 'E_NO_INFO') return false;
      throw error;
    }
  }

  addressOf(path: string): bigint {
    return asVaddr(this.address + BigInt(placeOf(this.layout, path).offset));
  }

  sizeOf(path: string): number {
    const size = sizeOf(placeOf(this.layout, path).type);
    if (size === undefined) throw wrong(`${this.type}.${path} has no size`);
    return size;
  }

  number(path: string): number {
    const { type } = placeOf(this.layout, path);
    const value = this.u64(path);
    const isSigned = type.kind === 'enum' || (type.kind === 'base' && type.encoding === 'signed');
    const bits = placeOf(this.layout, path).bits?.size ?? 8 * this.sizeOf(path);
    const number = Number(isSigned ? BigInt.asIntN(bits, value) : value);
    if (Number.isSafeInteger(number)) return number;
    throw new VmcoreError('E_USAGE', `${this.type}.${path} is ${hex(value)}, too large for a number`, {
      hint: 'read it with u64()',
    });
  }

  u64(path: string): bigint {
    const { offset, type, bits } = placeOf(this.layout, path);
    if (type.kind !== 'base' && type.kind !== 'pointer' && type.kind !== 'enum') {
      throw wrong(`${this.type}.${path} is no number`);
    }
    // A bit field may begin in one byte and end beyond the size of its type.
    const size = bits === undefined ? type.size : Math.ceil((bits.offset + bits.size) / 8);
    const bytes = this.kernel.read(asVaddr(this.address + BigInt(offset)), size);
    const ascending = this.kernel.dump.littleEndian ? bytes : bytes.toReversed();
    const value = ascending.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    return bits === undefined ? value : BigInt.asUintN(bits.size, value >> BigInt(bits.offset));
  }

  pointer(path: string): bigint {
    if (placeOf(this.layout, path).type.kind !== 'pointer') throw wrong(`${this.type}.${path} is no pointer`);
    return this.u64(path);
  }

  string(path: string): string {
    const { type } = placeOf(this.layout, path);
    if (type.kind === 'pointer') return readString(this.kernel, this.pointer(path), maxString);
    return cString(this.bytes(path));
  }

  bytes(path: string): Uint8Array {
    const size = this.sizeOf(path);
    if (size > maxMember) throw wrong(`${this.type}.${path} has ${size} bytes`);
    return this.kernel.read(asVaddr(this.addressOf(path)), size);
  }

  struct(path: string): View {
    const { offset, type } = placeOf(this.layout, path);
    if (type.kind !== 'struct' && type.kind !== 'union') throw wrong(`${this.type}.${path} is no structure`);
    return new View(this.kernel, type, this.address + BigInt(offset));
  }

  follow(path: string): View | undefined {
    const { type } = placeOf(this.layout, path);
    const target = type.kind === 'pointer' ? unaliased(type.target()) : undefined;
    if (target?.kind !== 'struct' && target?.kind !== 'union') {
      throw wrong(`${this.type}.${path} is no pointer to a structure`);
    }
    const address = this.u64(path);
    return address === 0n ? undefined : new View(this.kernel, target, address);
  }
}

/** Bytes up to a NUL, at most `max`; "" at a null pointer. E_UNREADABLE when it begins where nothing is. */
export function readString(kernel: Kernel, address: bigint, max: number): string {
  if (address === 0n) return '';
  let text = '';
  // In pieces up to page ends: behind a string may be nothing.
  for (let at = address; text.length < max; ) {
    const piece = Math.min(max - text.length, 256 - Number(at % 256n));
    const part = cString(kernel.read(asVaddr(at), piece));
    text += part;
    if (part.length < piece) break;
    at += BigInt(piece);
  }
  return text;
}
