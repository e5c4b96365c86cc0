/**
 * BTF: the compact types that a kernel carries in itself (CONFIG_DEBUG_INFO_BTF), 4-6 MB for 100,000 of them.
 *
 * Source of truth: Documentation/bpf/btf.rst and include/uapi/linux/btf.h (Linux 6.12): header, kinds 1-19, kind_flag, ENUM64 (6.0).
 * A record is { u32 name_off; u32 info; u32 size_or_type } and what its kind adds. info: vlen in bits 0-15, kind in 24-28, kind_flag in 31.
 *
 * One pass finds where each record begins; names are hashed; a type becomes an object when it is asked for. A module's BTF ("split") goes on
 * counting types and string offsets where its base, vmlinux's, ends.
 */
import { cString, viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { NameIndex } from '../symbols/name-index.ts';
import type { EnumType, Member, Signature, StructType, Type, TypeSource } from './types.ts';

export const btfMagic = 0xeb9f;
const Kind = {
  int: 1,
  pointer: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  forward: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  function: 12,
  prototype: 13,
  variable: 14,
  section: 15,
  float: 16,
  declarationTag: 17,
  typeTag: 18,
  enum64: 19,
} as const;

/** Bytes that follow a record, by kind: fixed, and for each of its vlen parts. Kinds that are not here do not exist. */
const extraBytes = new Map<number, readonly [fixed: number, each: number]>([
  [Kind.int, [4, 0]],
  [Kind.pointer, [0, 0]],
  [Kind.array, [12, 0]],
  [Kind.struct, [0, 12]],
  [Kind.union, [0, 12]],
  [Kind.enum, [0, 8]],
  [Kind.forward, [0, 0]],
  [Kind.typedef, [0, 0]],
  [Kind.volatile, [0, 0]],
  [Kind.const, [0, 0]],
  [Kind.restrict, [0, 0]],
  [Kind.function, [0, 0]],
  [Kind.prototype, [0, 8]],
  [Kind.variable, [4, 0]],
  [Kind.section, [0, 12]],
  [Kind.float, [0, 0]],
  [Kind.declarationTag, [4, 0]],
  [Kind.typeTag, [0, 0]],
  [Kind.enum64, [0, 12]],
]);

/** What is looked up by name: the rest, half of it functions, stays out of the index. */
const namedKinds = kindSet(Kind.struct, Kind.union, Kind.enum, Kind.enum64, Kind.typedef, Kind.variable);

/** Bit n for kind n. */
function kindSet(...kinds: readonly number[]): number {
  return kinds.reduce((set, kind) => set | (1 << kind), 0);
}
const structKinds = kindSet(Kind.struct, Kind.union);
const enumKinds = kindSet(Kind.enum, Kind.enum64);
const typedefKinds = kindSet(Kind.typedef);
const variableKinds = kindSet(Kind.variable);
/** What C writes before the name of a type. */
const keywords: Readonly<Record<number, string>> = {
  [Kind.struct]: 'struct ',
  [Kind.union]: 'union ',
  [Kind.enum]: 'enum ',
  [Kind.enum64]: 'enum ',
  [Kind.typedef]: '',
};

const recordSize = 12;
/** btf_header up to str_len. */
export const btfHeaderSize = 24;
const pointerSize = 8;

export interface BtfHeader {
  readonly littleEndian: boolean;
  /** From the beginning of the header, bytes. */
  readonly typesAt: number;
  readonly typesLength: number;
  readonly stringsAt: number;
  readonly stringsLength: number;
}

/** The header at the beginning of `bytes`; undefined when there is none that makes sense. */
export function parseBtfHeader(bytes: Uint8Array): BtfHeader | undefined {
  if (bytes.length < btfHeaderSize) return undefined;
  const view = viewOf(bytes);
  const littleEndian = view.getUint16(0, true) === btfMagic;
  if (!littleEndian && view.getUint16(0, false) !== btfMagic) return undefined;
  const field = (at: number): number => view.getUint32(at, littleEndian);
  const headerLength = field(4);
  if (bytes[2] !== 1 || headerLength < btfHeaderSize || headerLength > 4096) return undefined;
  return {
    littleEndian,
    typesAt: headerLength + field(8),
    typesLength: field(12),
    stringsAt: headerLength + field(16),
    stringsLength: field(20),
  };
}

/** The same by kind, in words, the record itself included; 0 for kinds that do not exist. */
const fixedWords = Uint8Array.from({ length: 32 }, (_, kind) => {
  const extra = extraBytes.get(kind);
  return extra === undefined ? 0 : (recordSize + extra[0]) / 4;
});
const eachWords = Uint8Array.from({ length: 32 }, (_, kind) => (extraBytes.get(kind)?.[1] ?? 0) / 4);

/** Little-endian machines run this: words of the other order are turned. What is no whole word is left out. */
function wordsOf(bytes: Uint8Array, littleEndian: boolean): Uint32Array {
  const length = Math.floor(bytes.length / 4);
  if (littleEndian && bytes.byteOffset % 4 === 0)
    return new Uint32Array(bytes.buffer, bytes.byteOffset, length);
  const view = viewOf(bytes);
  return Uint32Array.from({ length }, (_, i) => view.getUint32(i * 4, littleEndian));
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

const isVoid: Type = { kind: 'opaque', name: 'void' };

export class Btf implements TypeSource {
  readonly name = 'BTF';
  private readonly file: string;
  private readonly base: Btf | undefined;
  /** All records. */
  private readonly words: Uint32Array;
  private readonly strings: Uint8Array;
  /** Where in the records, bytes, that of id firstId + n begins. */
  private readonly starts: Uint32Array;
  private readonly firstId: number;
  private readonly firstString: number;
  private readonly made = new Map<number, Type>();
  private names: NameIndex | undefined;

  /** E_CORRUPT when the bytes are not a whole BTF. `file` is for messages; a module's needs `base`, the vmlinux's. */
  constructor(bytes: Uint8Array, file: string, base?: Btf) {
    this.file = file;
    this.base = base;
    const header = parseBtfHeader(bytes);
    if (header === undefined) throw this.corrupt('no BTF header');
    const { typesAt, typesLength, stringsAt, stringsLength } = header;
    if (Math.max(typesAt + typesLength, stringsAt + stringsLength) > bytes.length)
      throw this.corrupt(`a BTF header that needs more than its ${bytes.length} bytes`);
    this.words = wordsOf(bytes.subarray(typesAt, typesAt + typesLength), header.littleEndian);
    this.strings = bytes.subarray(stringsAt, stringsAt + stringsLength);
    this.firstId = base?.endId ?? 1;
    this.firstString = base?.endString ?? 0;
    this.starts = this.findStarts();
  }

  /** One past the highest type id. */
  get endId(): number {
    return this.firstId + this.starts.length;
  }

  struct(name: string): StructType | undefined {
    const type = this.named(name, structKinds);
    return type?.kind === 'struct' || type?.kind === 'union' ? type : undefined;
  }

  enumeration(name: string): EnumType | undefined {
    const type = this.named(name, enumKinds);
    return type?.kind === 'enum' ? type : undefined;
  }

  typedef(name: string): Type | undefined {
    return this.named(name, typedefKinds);
  }

  variable(name: string): Type | undefined {
    return this.named(name, variableKinds);
  }

  /** The same, but not of the base. */
  ownVariable(name: string): Type | undefined {
    return this.ownNamed(name, variableKinds);
  }

  /** Its own structures, unions, enums and typedefs by the names that C has for them: "struct page", "atomic_t". Some come more than once. */
  *typeNames(): Generator<string> {
    for (const start of this.starts) {
      const keyword = keywords[this.kindAt(start)];
      const name = this.u32(start);
      if (keyword !== undefined && name !== 0) yield `${keyword}${this.string(name)}`;
    }
  }

  /** A type by its id; id 0 is void. */
  type(id: number): Type {
    if (id === 0) return isVoid;
    if (id < this.firstId) {
      if (this.base === undefined) throw this.corrupt(`BTF type ${id} does not exist`);
      return this.base.type(id);
    }
    const known = this.made.get(id);
    if (known !== undefined) return known;
    const start = this.starts[id - this.firstId];
    if (start === undefined) throw this.corrupt(`BTF type ${id} does not exist`);
    const type = this.make(start);
    this.made.set(id, type);
    return type;
  }

  private get endString(): number {
    return this.firstString + this.strings.length;
  }

  private named(name: string, kinds: number): Type | undefined {
    return this.ownNamed(name, kinds) ?? this.base?.named(name, kinds);
  }

  private ownNamed(name: string, kinds: number): Type | undefined {
    const { starts } = this;
    // Records count from 1 in the index, as BTF's own do.
    this.names ??= new NameIndex(starts.length + 1, {
      // What the base has a string for, a module does not repeat.
      stringsOf: (record) => this.stringsWith(this.u32(starts[record - 1]!)),
      nameOf: (record) => this.nameOf(starts[record - 1]!),
    });
    for (const record of this.names.find(name))
      if (((kinds >>> this.kindAt(starts[record - 1]!)) & 1) !== 0)
        return this.type(this.firstId + record - 1);
    return undefined;
  }

  /** Where in its strings the name of a record is; -1 for what has none, or is not looked up. */
  private nameOf(start: number): number {
    const offset = this.u32(start);
    // The empty name is at 0.
    if (offset === 0 || ((namedKinds >>> this.kindAt(start)) & 1) === 0) return -1;
    const strings = this.stringsWith(offset);
    const at = strings === this.strings ? offset - this.firstString : offset;
    return at < strings.length ? at : -1;
  }

  /** The strings, own or the base's, that an offset is in. */
  private stringsWith(offset: number): Uint8Array {
    return this.base === undefined || offset >= this.firstString ? this.strings : this.base.strings;
  }

  /** `at`: a multiple of 4. */
  private u32(at: number): number {
    return this.words[at >>> 2]!;
  }

  private kindAt(start: number): number {
    return (this.words[(start >>> 2) + 1]! >>> 24) & 0x1f;
  }

  private findStarts(): Uint32Array {
    const { words } = this;
    const starts = new Uint32Array(Math.floor((words.length * 4) / recordSize));
    let count = 0;
    for (let at = 0; at < words.length; count++) {
      const info = words[at + 1] ?? 0;
      const kind = at + recordSize / 4 <= words.length ? (info >>> 24) & 0x1f : 0;
      const fixed = fixedWords[kind]!;
      if (fixed === 0) throw this.corrupt(`BTF type ${this.firstId + count} is of no known kind`);
      starts[count] = at * 4;
      at += fixed + eachWords[kind]! * (info & 0xffff);
      if (at > words.length) throw this.corrupt(`BTF type ${this.firstId + count} is cut off`);
    }
    return starts.slice(0, count);
  }

  private make(start: number): Type {
    const info = this.u32(start + 4);
    const sizeOrType = this.u32(start + 8);
    const parts = start + recordSize;
    const name = this.string(this.u32(start));
    const kind = this.kindAt(start);
    const target = (): Type => this.type(sizeOrType);
    switch (kind) {
      case Kind.int: {
        const encoding = (this.u32(parts) >>> 24) & 0xf;
        return {
          kind: 'base',
          name,
          size: sizeOrType,
          encoding: (encoding & 4) !== 0 ? 'boolean' : (encoding & 1) !== 0 ? 'signed' : 'unsigned',
        };
      }
      case Kind.float:
        return { kind: 'base', name, size: sizeOrType, encoding: 'float' };
      case Kind.pointer:
        return { kind: 'pointer', size: pointerSize, target };
      case Kind.array:
        return { kind: 'array', length: this.u32(parts + 8), element: () => this.type(this.u32(parts)) };
      case Kind.struct:
      case Kind.union:
        return {
          kind: kind === Kind.struct ? 'struct' : 'union',
          name,
          size: sizeOrType,
          members: once(() => this.members(parts, info)),
        };
      case Kind.enum:
      case Kind.enum64:
        return { kind: 'enum', name, size: sizeOrType, values: once(() => new Map(this.enumValues(start))) };
      case Kind.typedef:
        return { kind: 'alias', name, target };
      case Kind.volatile:
      case Kind.const:
      case Kind.restrict:
      case Kind.typeTag:
        return { kind: 'alias', name: '', target };
      case Kind.variable:
        return { kind: 'alias', name: '', target };
      case Kind.prototype:
        return {
          kind: 'opaque',
          name: '',
          signature: () => ({ returns: target(), parameters: this.parameters(parts, info) }),
        };
      default:
        return { kind: 'opaque', name };
    }
  }

  private members(parts: number, info: number): Member[] {
    const hasBitFields = info >>> 31 === 1;
    return Array.from({ length: info & 0xffff }, (_, i) => {
      const at = parts + i * 12;
      const type = this.u32(at + 4);
      const place = this.u32(at + 8);
      // With kind_flag the upper byte is the width; 0 means the member is no bit field.
      const bitOffset = hasBitFields ? place & 0xff_ffff : place;
      const width = hasBitFields ? place >>> 24 : 0;
      return {
        name: this.string(this.u32(at)),
        offset: bitOffset >>> 3,
        bits: width === 0 ? undefined : { offset: bitOffset & 7, size: width },
        type: () => this.type(type),
      };
    });
  }

  private parameters(parts: number, info: number): Signature['parameters'] {
    return Array.from({ length: info & 0xffff }, (_, i) => {
      const type = this.u32(parts + i * 8 + 4);
      return {
        name: this.string(this.u32(parts + i * 8)),
        type: type === 0 ? undefined : this.type(type),
      };
    });
  }

  private *enumValues(start: number): Generator<[string, bigint]> {
    const info = this.u32(start + 4);
    const isSigned = info >>> 31 === 1;
    const isWide = this.kindAt(start) === Kind.enum64;
    for (let i = 0; i < (info & 0xffff); i++) {
      const at = start + recordSize + i * (isWide ? 12 : 8);
      const low = this.u32(at + 4);
      // The flag "signed" came with enum64 (6.0). Without it a negative value cannot be told from a large one.
      const value = isWide
        ? (BigInt(this.u32(at + 8)) << 32n) | BigInt(low)
        : BigInt(isSigned ? low | 0 : low);
      yield [this.string(this.u32(at)), isWide && isSigned ? BigInt.asIntN(64, value) : value];
    }
  }

  private string(offset: number): string {
    if (offset < this.firstString) {
      if (this.base !== undefined) return this.base.string(offset);
      throw this.corrupt(`BTF string ${offset} does not exist`);
    }
    const start = offset - this.firstString;
    if (start > this.strings.length) throw this.corrupt(`BTF string ${offset} does not exist`);
    const end = this.strings.indexOf(0, start);
    return cString(this.strings.subarray(start, end < 0 ? this.strings.length : end));
  }

  private corrupt(what: string): VmcoreError {
    return new VmcoreError('E_CORRUPT', what, { file: this.file, hint: 'copy the file again' });
  }
}
