/**
 * One structure in the memory of the crashed kernel, its members read by name: `task.number('pid')`, `task.follow('mm')`.
 *
 * Members are paths as C writes them: 'se.sum_exec_runtime', through anonymous structures and unions too. Where a member is and what it is is looked
 * up once for each kind of structure. Nothing is read before it is asked for: of a structure that lies half in a missing page the other half can be had.
 *
 * All methods throw E_NO_INFO when nothing describes the member and E_UNREADABLE when its page is not in the dump.
 */
import { cString, u64, viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import { asVaddr, type Vaddr } from '../base/units.ts';
import type { Kernel } from './kernel.ts';
import { maxText, readText } from './text.ts';
import type { Layouts } from './types/layouts.ts';
import {
  type BaseType,
  type EnumType,
  findPath,
  type StructType,
  sizeOf,
  type Type,
  unaliased,
} from './types/types.ts';

/** A member: bytes from the beginning of its structure. Only vmcoreinfo may know it, and that tells no types. */
interface Field {
  readonly offset: number;
  readonly type: Type | undefined;
  readonly bits: { readonly offset: number; readonly size: number } | undefined;
}

/** What is known of one kind of structure. One for all structures of that kind. */
export class StructLayout {
  /** The tag, or a typedef; "(anonymous)" when it has none. */
  readonly name: string;
  private readonly layouts: Layouts;
  private readonly anonymous: StructType | undefined;
  private readonly fields = new Map<string, Field | undefined>();

  constructor(layouts: Layouts, type: string | StructType) {
    this.layouts = layouts;
    this.name = typeof type === 'string' ? type : type.name || '(anonymous)';
    this.anonymous = typeof type === 'string' ? undefined : type;
  }

  get size(): number {
    return this.anonymous?.size ?? this.layouts.requireSize(this.name);
  }

  find(path: string): Field | undefined {
    if (this.fields.has(path)) return this.fields.get(path);
    const field = this.anonymous === undefined ? this.named(path) : inType(this.anonymous, path);
    this.fields.set(path, field);
    return field;
  }

  private named(path: string): Field | undefined {
    const place = this.layouts.member(`${this.name}.${path}`);
    if (place !== undefined)
      return { offset: place.offset, type: place.member.type(), bits: place.member.bits };
    const offset = this.layouts.offset(`${this.name}.${path}`);
    return offset === undefined ? undefined : { offset, type: undefined, bits: undefined };
  }
}

function inType(struct: StructType, path: string): Field | undefined {
  const place = findPath(struct, path);
  return place && { offset: place.offset, type: place.member.type(), bits: place.member.bits };
}

/** Where structures are read from. */
export interface StructSource {
  readonly kernel: Kernel;
  /** The layout of a structure by its name, or of one that has none. */
  structLayout(type: string | StructType): StructLayout;
}

export class Struct {
  readonly address: Vaddr;
  readonly layout: StructLayout;
  private readonly source: StructSource;

  constructor(source: StructSource, type: string | StructType, address: bigint) {
    this.source = source;
    this.layout = source.structLayout(type);
    this.address = asVaddr(address);
  }

  /** Whether structures of this kind have such a member. */
  has(path: string): boolean {
    return this.layout.find(path) !== undefined;
  }

  addressOf(path: string): Vaddr {
    return asVaddr(this.address + BigInt(this.field(path).offset));
  }

  /**
   * An integer, boolean, enumerator or bit field. Exact up to 2^53, above that approximate: `bigint` is for those. A structure of a single member
   * counts as that member: atomic_t, kuid_t, memdesc_flags_t (page.flags since 6.18).
   */
  number(path: string): number {
    const { offset, type, bits } = this.scalar(path);
    if (bits !== undefined) return Number(this.bitField(offset, bits, isSigned(type)));
    const view = this.view(offset, type.size);
    const { littleEndian } = this.source.kernel.dump;
    switch (type.size) {
      case 1:
        return isSigned(type) ? view.getInt8(0) : view.getUint8(0);
      case 2:
        return isSigned(type) ? view.getInt16(0, littleEndian) : view.getUint16(0, littleEndian);
      case 4:
        return isSigned(type) ? view.getInt32(0, littleEndian) : view.getUint32(0, littleEndian);
      default:
        return isSigned(type) ? Number(view.getBigInt64(0, littleEndian)) : u64(view, 0, littleEndian);
    }
  }

  /** As `number`, exact. */
  bigint(path: string): bigint {
    const { offset, type, bits } = this.scalar(path);
    if (bits !== undefined) return this.bitField(offset, bits, isSigned(type));
    if (type.size < 8) return BigInt(this.number(path));
    const view = this.view(offset, 8);
    const { littleEndian } = this.source.kernel.dump;
    return isSigned(type) ? view.getBigInt64(0, littleEndian) : view.getBigUint64(0, littleEndian);
  }

  /** A pointer, or an unsigned long that is one. */
  pointer(path: string): Vaddr {
    return this.source.kernel.readPointer(this.addressOf(path));
  }

  /** A structure within this one. `type` names it where its type is not what the member says. */
  struct(path: string, type?: string): Struct {
    return new Struct(this.source, type ?? this.structOf(this.field(path).type, path), this.addressOf(path));
  }

  /** The structure that a pointer points to; undefined when it is null. `type` names it where the pointer does not (void *). */
  follow(path: string, type?: string): Struct | undefined {
    const target = this.pointer(path);
    if (target === 0n) return undefined;
    if (type !== undefined) return new Struct(this.source, type, target);
    const pointer = this.field(path).type;
    const resolved = pointer === undefined ? undefined : unaliased(pointer);
    const pointee = resolved?.kind === 'pointer' ? resolved.target() : undefined;
    return new Struct(this.source, this.structOf(pointee, path), target);
  }

  /** An array of char, or what a char * points to, up to its NUL; one character a byte. Empty for a null pointer. */
  text(path: string): string {
    const { offset, type } = this.field(path);
    const resolved = type === undefined ? undefined : unaliased(type);
    if (resolved?.kind === 'array') return cString(this.read(offset, Math.min(resolved.length, maxText)));
    return readText(this.source.kernel, this.pointer(path));
  }

  /** The member as it lies in memory. */
  bytes(path: string): Uint8Array {
    const { offset, type } = this.field(path);
    const size = type === undefined ? undefined : sizeOf(type);
    if (size === undefined) throw this.unknown(path, 'how large it is');
    return this.read(offset, size);
  }

  private field(path: string): Field {
    const field = this.layout.find(path);
    if (field === undefined) throw this.unknown(path, 'where it is');
    return field;
  }

  private scalar(path: string): Scalar {
    const field = this.field(path);
    let type = field.type === undefined ? undefined : unaliased(field.type);
    let { offset, bits } = field;
    while (type?.kind === 'struct' || type?.kind === 'union') {
      const [only, second] = type.members();
      if (only === undefined || second !== undefined) break;
      offset += only.offset;
      bits = only.bits;
      type = unaliased(only.type());
    }
    if (type?.kind === 'base' || type?.kind === 'enum') return { offset, bits, type };
    if (type?.kind === 'pointer') return { offset, bits, type: { kind: 'address', size: type.size } };
    throw this.unknown(path, 'what number it is');
  }

  private structOf(type: Type | undefined, path: string): string | StructType {
    const resolved = type === undefined ? undefined : unaliased(type);
    if (resolved?.kind === 'opaque' && resolved.name !== '' && resolved.name !== 'void') return resolved.name;
    if (resolved?.kind !== 'struct' && resolved?.kind !== 'union')
      throw this.unknown(path, 'what structure it is');
    return resolved.name === '' ? resolved : resolved.name;
  }

  private bitField(
    offset: number,
    { offset: first, size }: { readonly offset: number; readonly size: number },
    signed: boolean,
  ): bigint {
    const bytes = this.read(offset, Math.ceil((first + size) / 8));
    let word = 0n;
    for (const byte of bytes.reverse()) word = (word << 8n) | BigInt(byte);
    const value = BigInt.asUintN(size, word >> BigInt(first));
    return signed ? BigInt.asIntN(size, value) : value;
  }

  private read(offset: number, length: number): Uint8Array {
    return this.source.kernel.read(asVaddr(this.address + BigInt(offset)), length);
  }

  private view(offset: number, length: number): DataView {
    return viewOf(this.read(offset, length));
  }

  private unknown(path: string, what: string): VmcoreError {
    return new VmcoreError('E_NO_INFO', `nothing tells of ${this.layout.name}.${path} ${what}`, {
      file: this.source.kernel.dump.source.name,
      hint: 'give the vmlinux of this kernel with --vmlinux',
    });
  }
}

/** A member that is a number; of a pointer that is what it holds. */
interface Scalar {
  readonly offset: number;
  readonly type: BaseType | EnumType | { readonly kind: 'address'; readonly size: number };
  readonly bits: Field['bits'];
}

const isSigned = (type: Scalar['type']): boolean => type.kind === 'base' && type.encoding === 'signed';
