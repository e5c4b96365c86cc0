/**
 * The one way to ask how the crashed kernel lays out its structures: by name, answered by vmcoreinfo, else by the kernel's BTF, else by DWARF.
 *
 * vmcoreinfo comes first because the running kernel printed it itself. Later sources are opened when the earlier ones do not know, and
 * each answer remembers who gave it, so that a user can be told.
 */
import { VmcoreError } from '../../base/errors.ts';
import type { Kernel } from '../kernel.ts';
import type { Vmcoreinfo } from '../vmcoreinfo.ts';
import { findBtf } from './btf-scan.ts';
import {
  type EnumType,
  findPath,
  type PlacedMember,
  type StructType,
  sizeOf,
  type Type,
  type TypeSource,
  unaliased,
} from './types.ts';

/** Opens a source of types when it is first needed; undefined when there is none. */
export type OpenTypes = () => TypeSource | undefined;

export class Layouts {
  private readonly info: Vmcoreinfo | undefined;
  private readonly unopened: OpenTypes[];
  private readonly opened: TypeSource[] = [];
  private readonly answers = new Map<string, string>();
  private readonly file: string;

  /** `types` in the order in which they are asked. `file` is the dump or vmlinux, for messages. */
  constructor(file: string, info: Vmcoreinfo | undefined, types: readonly OpenTypes[]) {
    this.file = file;
    this.info = info;
    this.unopened = [...types];
  }

  /** Who answered each question so far: "size page" → "vmcoreinfo", "offset task_struct.tasks" → "BTF". */
  get answeredBy(): ReadonlyMap<string, string> {
    return this.answers;
  }

  /** Size of a struct, union or typedef, bytes. */
  size(name: string): number | undefined {
    return this.ask(`size ${name}`, this.info?.size(name), (types) => {
      const type = types.struct(name) ?? types.typedef(name);
      return type === undefined ? undefined : sizeOf(type);
    });
  }

  /** Byte offset of a member: "page.flags", also through members: "uts_namespace.name.release". */
  offset(path: string): number | undefined {
    return this.ask(`offset ${path}`, this.info?.offset(path), (types) => placeIn(types, path)?.offset);
  }

  /** Elements of an array member: "zone.free_area". */
  length(path: string): number | undefined {
    return this.ask(`length ${path}`, this.info?.length(path), (types) => {
      const place = placeIn(types, path);
      const type = place === undefined ? undefined : unaliased(place.member.type());
      return type?.kind === 'array' ? type.length : undefined;
    });
  }

  /** A member with its type and bits: what vmcoreinfo cannot tell. */
  member(path: string): PlacedMember | undefined {
    return this.ask(`member ${path}`, undefined, (types) => placeIn(types, path));
  }

  struct(name: string): StructType | undefined {
    return this.ask(`struct ${name}`, undefined, (types) => structOf(types, name));
  }

  /** The type of a global variable: of per-CPU ones from BTF, of all from DWARF. */
  variable(name: string): Type | undefined {
    return this.ask(`variable ${name}`, undefined, (types) => types.variable(name));
  }

  /** A type by its name: a struct, union or typedef. */
  type(name: string): Type | undefined {
    return this.ask(`type ${name}`, undefined, (types) => structOf(types, name) ?? types.typedef(name));
  }

  typedef(name: string): Type | undefined {
    return this.ask(`typedef ${name}`, undefined, (types) => types.typedef(name));
  }

  enumeration(name: string): EnumType | undefined {
    return this.ask(`enum ${name}`, undefined, (types) => types.enumeration(name));
  }

  /** The value of an enumerator of a named enum: ("pageflags", "PG_lru"). */
  enumValue(name: string, enumerator: string): number | undefined {
    return this.ask(`enum ${name}.${enumerator}`, this.info?.smallNumber(enumerator), (types) => {
      const value = types.enumeration(name)?.values().get(enumerator);
      return value === undefined ? undefined : Number(value);
    });
  }

  requireSize(name: string): number {
    return this.require(this.size(name), `the size of ${name}`);
  }

  requireOffset(path: string): number {
    return this.require(this.offset(path), `the offset of ${path}`);
  }

  private ask<T>(
    question: string,
    own: T | undefined,
    answer: (types: TypeSource) => T | undefined,
  ): T | undefined {
    if (own !== undefined) {
      this.answers.set(question, 'vmcoreinfo');
      return own;
    }
    for (let i = 0; ; i++) {
      const types = this.opened[i] ?? this.openNext();
      if (types === undefined) return undefined;
      const found = answer(types);
      if (found !== undefined) {
        this.answers.set(question, types.name);
        return found;
      }
    }
  }

  private openNext(): TypeSource | undefined {
    for (let open = this.unopened.shift(); open !== undefined; open = this.unopened.shift()) {
      const types = open();
      if (types === undefined) continue;
      this.opened.push(types);
      return types;
    }
    return undefined;
  }

  private require<T>(value: T | undefined, what: string): T {
    if (value !== undefined) return value;
    throw new VmcoreError('E_NO_INFO', `nothing tells ${what}`, {
      file: this.file,
      hint: 'give the vmlinux of this kernel (-x), or vmcoreinfo made from it (-i)',
    });
  }
}

/** A structure by its tag, or by a typedef of it: "page", "atomic_long_t". */
function structOf(types: TypeSource, name: string): StructType | undefined {
  const tagged = types.struct(name);
  if (tagged !== undefined) return tagged;
  const named = types.typedef(name);
  const type = named === undefined ? undefined : unaliased(named);
  return type?.kind === 'struct' || type?.kind === 'union' ? type : undefined;
}

function placeIn(types: TypeSource, path: string): PlacedMember | undefined {
  const dot = path.indexOf('.');
  const struct = dot < 0 ? undefined : structOf(types, path.slice(0, dot));
  return struct === undefined ? undefined : findPath(struct, path.slice(dot + 1));
}

/** Layouts of a dump from what is in it: its vmcoreinfo, then its BTF, which is searched for on first need. Keep it: nothing is cached elsewhere. */
export const layoutsOf = (kernel: Kernel): Layouts =>
  new Layouts(kernel.dump.source.name, kernel.info, [() => findBtf(kernel)]);
