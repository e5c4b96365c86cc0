/**
 * C types as BTF and DWARF describe them, in one form. Sizes and offsets are bytes.
 *
 * Types are made on demand: what a type is made of is behind a function, so that asking for one structure does not build the
 * thousands that it leads to. Anonymous members keep their place in `members()`; `findMember` looks through them as C does.
 */
import { VmcoreError } from '../../base/errors.ts';

export interface BaseType {
  readonly kind: 'base';
  readonly name: string;
  readonly size: number;
  readonly encoding: 'signed' | 'unsigned' | 'boolean' | 'float';
}

export interface PointerType {
  readonly kind: 'pointer';
  readonly size: number;
  target(): Type;
}

export interface ArrayType {
  readonly kind: 'array';
  /** Elements; 0 for a flexible array. */
  readonly length: number;
  element(): Type;
}

export interface Member {
  /** Empty for an anonymous structure or union. */
  readonly name: string;
  /** From the beginning of the structure; of a bit field, the byte in which its lowest bit is. */
  readonly offset: number;
  /** Bit fields only: where it begins in that byte (0-7, from the least significant), and its width. */
  readonly bits: { readonly offset: number; readonly size: number } | undefined;
  type(): Type;
}

export interface StructType {
  readonly kind: 'struct' | 'union';
  /** Empty when anonymous. */
  readonly name: string;
  readonly size: number;
  members(): readonly Member[];
}

export interface EnumType {
  readonly kind: 'enum';
  readonly name: string;
  readonly size: number;
  values(): ReadonlyMap<string, bigint>;
}

/** A typedef, or (with an empty name) const, volatile, restrict, a type tag. */
export interface AliasType {
  readonly kind: 'alias';
  readonly name: string;
  target(): Type;
}

/** void, functions, structures that are declared but not defined, and types that the source leaves out. */
export interface OpaqueType {
  readonly kind: 'opaque';
  readonly name: string;
  /** Of functions, when the source tells it. */
  signature?(): Signature;
}

export interface Signature {
  readonly returns: Type;
  /** A parameter without type stands for any number of others: "...". */
  readonly parameters: readonly { readonly name: string; readonly type: Type | undefined }[];
}

export type Type = BaseType | PointerType | ArrayType | StructType | EnumType | AliasType | OpaqueType;

/** Where types come from: BTF or DWARF. Lookups give complete definitions only, the first where there are several. */
export interface TypeSource {
  /** "BTF" or "DWARF". */
  readonly name: string;
  /** A struct or union by its tag. */
  struct(name: string): StructType | undefined;
  enumeration(name: string): EnumType | undefined;
  typedef(name: string): Type | undefined;
  /** The type of a global variable. BTF knows only per-CPU ones. */
  variable(name: string): Type | undefined;
}

/** Deeper nesting of typedefs, arrays or anonymous members than any compiler makes. */
const maxDepth = 64;
/** More members than any structure of the kernel has, anonymous ones included (task_struct has some 300). */
const maxMembers = 65536;

const endless = (what: string): VmcoreError =>
  new VmcoreError('E_CORRUPT', `the type information has ${what} without end`, {
    hint: 'copy the file again',
  });

/** The type behind typedefs and qualifiers. */
export function unaliased(type: Type): Exclude<Type, AliasType> {
  let found = type;
  for (let depth = 0; depth < maxDepth; depth++) {
    if (found.kind !== 'alias') return found;
    found = found.target();
  }
  throw endless('typedefs');
}

/** Undefined for types that have none: void, functions, declarations. */
export function sizeOf(type: Type): number | undefined {
  let count = 1;
  let found = unaliased(type);
  for (let depth = 0; depth < maxDepth; depth++) {
    if (found.kind === 'opaque') return undefined;
    if (found.kind !== 'array') return count * found.size;
    count *= found.length;
    found = unaliased(found.element());
  }
  throw endless('arrays');
}

/** A member and its offset from the beginning of the type that was asked. */
export interface PlacedMember {
  readonly offset: number;
  readonly member: Member;
}

/** The member of this name, in `struct` itself or in the anonymous structures and unions within. */
export function findMember(struct: StructType, name: string): PlacedMember | undefined {
  let budget = maxMembers;
  const search = (within: StructType, base: number, depth: number): PlacedMember | undefined => {
    if (depth > maxDepth) throw endless('anonymous structures');
    const members = within.members();
    budget -= members.length;
    if (budget < 0) throw endless('members');
    for (const member of members) if (member.name === name) return { offset: base + member.offset, member };
    for (const member of members) {
      if (member.name !== '') continue;
      const type = unaliased(member.type());
      if (type.kind !== 'struct' && type.kind !== 'union') continue;
      const found = search(type, base + member.offset, depth + 1);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return name === '' ? undefined : search(struct, 0, 0);
}

/** As `findMember`, through named members too: "rlock.raw_lock". */
export function findPath(struct: StructType, path: string): PlacedMember | undefined {
  let type: Type = struct;
  let found: PlacedMember | undefined;
  for (const name of path.split('.')) {
    const within = unaliased(type);
    if (within.kind !== 'struct' && within.kind !== 'union') return undefined;
    const next = findMember(within, name);
    if (next === undefined) return undefined;
    found = { offset: (found?.offset ?? 0) + next.offset, member: next.member };
    type = next.member.type();
  }
  return found;
}
