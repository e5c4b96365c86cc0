/**
 * Makes the values of value-types.ts: objects whose members are read from the dump when they are asked for.
 *
 * They are proxies. A structure's target answers to what begins with "$" and to what JavaScript itself asks; every other name is a member. What is read
 * is kernel/types/value.ts's business, as for `vmcore struct`.
 */
import { VmcoreError } from '../base/errors.ts';
import { asVaddr, hex } from '../base/units.ts';
import type { CrashedKernel } from '../kernel/crashed-kernel.ts';
import { readText } from '../kernel/text.ts';
import { pointerTo, typeName } from '../kernel/types/type-names.ts';
import {
  findMember,
  findPath,
  type Member,
  type PlacedMember,
  type StructType,
  sizeOf,
  type Type,
  unaliased,
} from '../kernel/types/types.ts';
import { jsonOf, readMember, readValue, type Value } from '../kernel/types/value.ts';
import { valueTextAt } from '../tools/crash/struct.ts';
import { inspect } from './inspect.ts';
import { nearNames } from './near-names.ts';
import type { KernelArray, KernelObject, KernelPointer, KernelValue } from './value-types.ts';

/** Where values are read from. */
export interface ValueSource {
  readonly crashed: CrashedKernel;
  /** A structure that is only declared where it was met, by its tag; undefined when nothing defines it. */
  structNamed(name: string): StructType | undefined;
}

/** JavaScript asks these of any object, and takes undefined for no. */
const asked: ReadonlySet<string> = new Set(['then', 'constructor', '__proto__', 'length']);

const isIndex = (key: string): boolean => /^(?:0|[1-9]\d*)$/.test(key);

/** The value of this type at an address. E_UNREADABLE when it is a number or pointer and not in the dump, E_NO_INFO when the type has no form. */
export function valueAt(source: ValueSource, type: Type, address: bigint): KernelValue {
  const resolved = unaliased(type);
  switch (resolved.kind) {
    case 'struct':
    case 'union':
      return objectAt(source, resolved, address, type);
    case 'array':
      if (isText(resolved.element())) return textAt(source, resolved.length, address);
      return arrayAt(source, type, address);
    case 'pointer':
      return pointed(source, type, source.crashed.kernel.readPointer(asVaddr(address)));
    case 'opaque': {
      const known = source.structNamed(resolved.name);
      if (known !== undefined) return objectAt(source, known, address, known);
      throw noForm(source, type);
    }
    default:
      return plain(source, resolved, readValue(source.crashed.kernel, type, address));
  }
}

const noForm = (source: ValueSource, type: Type): VmcoreError =>
  new VmcoreError('E_NO_INFO', `nothing tells what is in ${typeName(type)}`, {
    file: source.crashed.dump.source.name,
    hint: 'give the vmlinux of this kernel',
  });

function memberValue(source: ValueSource, { offset, member }: PlacedMember, struct: bigint): KernelValue {
  if (member.bits === undefined) return valueAt(source, member.type(), struct + BigInt(offset));
  const value = readMember(source.crashed.kernel, { offset, member }, struct);
  return plain(source, unaliased(member.type()), value);
}

/** Numbers, booleans and enumerators. */
function plain(source: ValueSource, type: Type, value: Value): KernelValue {
  switch (value.kind) {
    case 'number':
      return type.kind === 'base' && type.size >= 8 && type.encoding !== 'float'
        ? BigInt(value.value)
        : Number(value.value);
    case 'boolean':
      return value.value;
    case 'enum':
      return Number(value.value);
    case 'missing':
      throw new VmcoreError('E_UNREADABLE', value.why, { file: source.crashed.dump.source.name });
    default:
      throw noForm(source, type);
  }
}

/** What a pointer of this type is, that holds `target`. */
export function pointed(source: ValueSource, pointer: Type, target: bigint): KernelValue {
  if (target === 0n) return null;
  const resolved = unaliased(pointer);
  const type = resolved.kind === 'pointer' ? resolved.target() : pointer;
  const to = unaliased(type);
  switch (to.kind) {
    case 'struct':
    case 'union':
      return objectAt(source, to, target, type);
    case 'opaque': {
      const known = to.signature === undefined ? source.structNamed(to.name) : undefined;
      return known === undefined ? target : objectAt(source, known, target, known);
    }
    default:
      return isText(type) ? readText(source.crashed.kernel, target) : pointerAt(source, type, target);
  }
}

/** `char`, and what is it by another name of C only: u8 is a number. */
export function isText(type: Type): boolean {
  let found = type;
  while (found.kind === 'alias' && found.name === '') found = found.target();
  return found.kind === 'base' && (found.name === 'char' || found.name === 'unsigned char');
}

/** A flexible array goes on to its NUL. */
function textAt(source: ValueSource, length: number, address: bigint): string {
  const { kernel } = source.crashed;
  if (length === 0) return readText(kernel, address);
  const bytes = kernel.read(asVaddr(address), length);
  const end = bytes.indexOf(0);
  return decode(end < 0 ? bytes : bytes.subarray(0, end));
}

const strict = new TextDecoder('utf-8', { fatal: true });

/** UTF-8, as names usually are; what is not has one character a byte. */
function decode(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  }
}

const readOnly = (): never => {
  throw new TypeError('a dump cannot be written to');
};

/** As `vmcore struct` writes it: what of it cannot be read is told in its place. */
const textOf = ({ crashed }: ValueSource, type: Type, address: bigint): string =>
  valueTextAt(crashed, { type, module: null, members: undefined, address: undefined }, address).trimEnd();

/** Of a structure: what is not a member. Fields with # are not shown where objects are printed whole: behind them is all of the dump. */
class StructTarget {
  readonly $address: bigint;
  readonly $type: string;
  readonly $size: number;
  readonly #source: ValueSource;
  readonly #struct: StructType;
  readonly #named: Type;

  constructor(source: ValueSource, struct: StructType, address: bigint, type: Type) {
    this.#source = source;
    this.#struct = struct;
    this.#named = type;
    this.$address = asVaddr(address);
    this.$type = typeName(type);
    this.$size = struct.size;
  }

  get address(): bigint {
    return this.$address;
  }

  get type(): string {
    return this.$type;
  }

  $addressOf(path: string): bigint {
    const place = findPath(this.#struct, path);
    if (place === undefined) throw noMember(this.#source, this.#struct, path);
    return asVaddr(this.$address + BigInt(place.offset));
  }

  $pointer(path: string): bigint {
    return this.#source.crashed.kernel.readPointer(asVaddr(this.$addressOf(path)));
  }

  toJSON(): unknown {
    return jsonOf(readValue(this.#source.crashed.kernel, this.#struct, this.$address));
  }

  toString(): string {
    return textOf(this.#source, this.#named, this.$address);
  }

  [inspect](): string {
    return this.toString();
  }

  [Symbol.toPrimitive](hint: string): bigint | string {
    return hint === 'string' ? this.toString() : this.$address;
  }
}

/** `type`: the name it goes by, which may be a typedef. */
function objectAt(source: ValueSource, struct: StructType, address: bigint, type: Type): KernelObject {
  const target = new StructTarget(source, struct, address, type);
  const own = (key: string | symbol): unknown => {
    const value: unknown = Reflect.get(target, key, target);
    return typeof value === 'function' ? value.bind(target) : value;
  };
  const handler: ProxyHandler<StructTarget> = {
    get(_, key) {
      if (typeof key === 'symbol') return own(key);
      const place = findMember(struct, key);
      if (place !== undefined) return memberValue(source, place, target.$address);
      // As in C, a pointer to a structure is one to an array of them.
      if (isIndex(key))
        return objectAt(source, struct, target.$address + BigInt(key) * BigInt(struct.size), type);
      if (publicNames.has(key)) return own(key);
      if (asked.has(key)) return undefined;
      throw noMember(source, struct, key);
    },
    has: (_, key) =>
      typeof key === 'string' && (findMember(struct, key) !== undefined || publicNames.has(key)),
    ownKeys: () => memberNames(struct),
    getOwnPropertyDescriptor(_, key) {
      const place = typeof key === 'string' ? findMember(struct, key) : undefined;
      if (place === undefined) return undefined;
      return {
        enumerable: true,
        configurable: true,
        get: () => memberValue(source, place, target.$address),
      };
    },
    set: readOnly,
    defineProperty: readOnly,
    deleteProperty: readOnly,
  };
  return new Proxy(target, handler) as unknown as KernelObject;
}

/** Of StructTarget, what is for everybody. */
const publicNames: ReadonlySet<string> = new Set([
  '$address',
  '$type',
  '$size',
  '$addressOf',
  '$pointer',
  'address',
  'type',
  'toJSON',
  'toString',
]);

/** Deeper anonymous members than any compiler makes. */
const maxDepth = 64;

/** As C reaches them: those of anonymous structures and unions too. E_CORRUPT when they have no end. */
export function memberNames(struct: StructType): string[] {
  // Of a smashed source: a proxy may not tell a name twice.
  const names = new Set<string>();
  const collect = (members: readonly Member[], depth: number): void => {
    if (depth > maxDepth)
      throw new VmcoreError('E_CORRUPT', `${typeName(struct)} has anonymous members without end`);
    for (const member of members) {
      const type = member.name === '' ? unaliased(member.type()) : undefined;
      if (type === undefined) names.add(member.name);
      else if (type.kind === 'struct' || type.kind === 'union') collect(type.members(), depth + 1);
    }
  };
  collect(struct.members(), 0);
  return [...names];
}

function noMember(source: ValueSource, struct: StructType, name: string): VmcoreError {
  const near = nearNames(name, memberNames(struct));
  return new VmcoreError('E_NO_INFO', `${typeName(struct)} has no member ${name}`, {
    file: source.crashed.dump.source.name,
    hint: near.length === 0 ? 'see its members with Object.keys' : `is it ${near.join(' or ')}?`,
  });
}

/** What arrays and pointers tell beside their elements. */
function described(address: bigint, type: Type, json: () => unknown, text: () => string) {
  return new Map<string | symbol, unknown>([
    ['$address', asVaddr(address)],
    ['$type', typeName(type)],
    ['address', asVaddr(address)],
    ['type', typeName(type)],
    ['toJSON', json],
    ['toString', text],
    [inspect, text],
    [Symbol.toPrimitive, (hint: string) => (hint === 'string' ? text() : asVaddr(address))],
  ]);
}

/** Node shows a proxy by asking its target. */
function shownAs<Target extends object>(
  target: Target,
  about: ReadonlyMap<string | symbol, unknown>,
): Target {
  return Object.defineProperty(target, inspect, { value: about.get(inspect), configurable: true });
}

/** More elements than any array of the kernel has; smashed types may tell of any number. */
const maxElements = 2 ** 20;

/** All methods of JavaScript's arrays work on it: it has a length, and elements. */
function arrayAt(source: ValueSource, type: Type, address: bigint): KernelArray {
  const array = unaliased(type);
  if (array.kind !== 'array') throw noForm(source, type);
  if (array.length > maxElements) {
    throw new VmcoreError('E_CORRUPT', `${typeName(type)} has more elements than there can be`, {
      file: source.crashed.dump.source.name,
      hint: 'the type information is damaged, or of another kernel',
    });
  }
  const element = array.element();
  const size = BigInt(requireSize(source, element));
  const at = (key: string): KernelValue => valueAt(source, element, address + BigInt(key) * size);
  const isElement = (key: string | symbol): boolean =>
    typeof key === 'string' && isIndex(key) && Number(key) < array.length;
  const about = described(
    address,
    type,
    () => jsonOf(readValue(source.crashed.kernel, type, address)),
    () => textOf(source, type, address),
  );
  const handler: ProxyHandler<KernelValue[]> = {
    get(target, key) {
      if (key === 'length') return array.length;
      if (isElement(key)) return at(String(key));
      // A flexible array, or one of length 1 that is used as one, goes on as far as its user knows.
      if (typeof key === 'string' && isIndex(key) && array.length <= 1) return at(key);
      return about.has(key) ? about.get(key) : Reflect.get(target, key);
    },
    has: (target, key) => isElement(key) || about.has(key) || Reflect.has(target, key),
    ownKeys: () => [...Array.from({ length: array.length }, (_, i) => String(i)), 'length'],
    getOwnPropertyDescriptor(target, key) {
      if (isElement(key)) return { enumerable: true, configurable: true, get: () => at(String(key)) };
      return key === 'length' ? { ...lengthOf(target), value: array.length } : undefined;
    },
    set: readOnly,
    defineProperty: readOnly,
    deleteProperty: readOnly,
  };
  return new Proxy(shownAs<KernelValue[]>([], about), handler) as unknown as KernelArray;
}

const lengthOf = (target: readonly unknown[]): PropertyDescriptor =>
  Object.getOwnPropertyDescriptor(target, 'length')!;

function requireSize(source: ValueSource, type: Type): number {
  const size = sizeOf(type);
  if (size === undefined) throw noForm(source, type);
  return size;
}

function pointerAt(source: ValueSource, to: Type, address: bigint): KernelPointer {
  const size = BigInt(requireSize(source, to));
  const at = (key: string): KernelValue => valueAt(source, to, address + BigInt(key) * size);
  const text = (): string => `(${typeName(pointerTo(to))}) ${hex(address)}`;
  const about = described(address, pointerTo(to), () => hex(address), text);
  const handler: ProxyHandler<object> = {
    get(_, key) {
      if (typeof key === 'string' && isIndex(key)) return at(key);
      if (about.has(key)) return about.get(key);
      if (typeof key === 'symbol' || asked.has(key)) return undefined;
      throw new VmcoreError('E_NO_INFO', `${typeName(pointerTo(to))} has no member ${key}`, {
        file: source.crashed.dump.source.name,
        hint: 'what it points to is its element 0',
      });
    },
    has: (_, key) => about.has(key) || (typeof key === 'string' && isIndex(key)),
    set: readOnly,
    defineProperty: readOnly,
    deleteProperty: readOnly,
  };
  return new Proxy(shownAs({}, about), handler) as unknown as KernelPointer;
}
