/**
 * The crashed kernel's memory by the names of its source: variables, structures, symbols, lists. `dump.kernel` of the library.
 *
 * All methods throw a VmcoreError: E_NO_INFO when nothing in the dump tells of the name, E_UNREADABLE when the page is not in the dump.
 */
import { VmcoreError } from '../base/errors.ts';
import { asVaddr, hex, type Vaddr } from '../base/units.ts';
import type { CrashedKernel } from '../kernel/crashed-kernel.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { walkDamagedList } from '../kernel/lists/damaged-list.ts';
import { walkHlist } from '../kernel/lists/lists.ts';
import type { Missing } from '../kernel/missing.ts';
import type { Struct } from '../kernel/struct.ts';
import type { PlacedSymbol } from '../kernel/symbols/symbols.ts';
import { readText } from '../kernel/text.ts';
import { findType, requireType } from '../kernel/types/type-finder.ts';
import { typeName } from '../kernel/types/type-names.ts';
import { findPath, type StructType, sizeOf, type Type, unaliased } from '../kernel/types/types.ts';
import { typeOfVariable, variableNames } from '../kernel/types/variables.ts';
import { nearNames } from './near-names.ts';
import { Results } from './results.ts';
import { declarationsOf } from './typescript.ts';
import {
  type AddressLike,
  type AnyMembers,
  addressOf,
  type KernelObject,
  type KernelValue,
  type ValueOf,
  type VariableOf,
} from './value-types.ts';
import { memberNames, type ValueSource, valueAt } from './values.ts';

/** The nodes of a list at `head`. Where it breaks is noted as "WHAT: why". */
type ListWalk = (kernel: Kernel, head: bigint, what: string, missing: Missing) => Iterable<bigint>;

/** An hlist leads nowhere but on: it ends where it breaks. */
const drainHlist: ListWalk = (kernel, head, what, missing) =>
  missing.drain(what, readable(kernel, walkHlist(kernel, head)));

/** What a smashed link leads to is no element. */
function* readable(kernel: Kernel, nodes: Iterable<bigint>): Generator<bigint> {
  for (const node of nodes) {
    kernel.readPointer(asVaddr(node));
    yield node;
  }
}

export class DumpKernel {
  readonly #source: ValueSource;
  readonly #named = new Map<string, Type>();

  constructor(crashed: CrashedKernel) {
    this.#source = { crashed, structNamed: (name) => this.#structNamed(name) };
  }

  /** The floor below, for what is not here: layouts, page tables, views of your own. */
  get crashed(): CrashedKernel {
    return this.#source.crashed;
  }

  /** "6.1.0-50-amd64"; undefined when the dump does not tell. */
  get release(): string | undefined {
    return this.crashed.info.text('OSRELEASE');
  }

  /** The numbers of all CPUs that there could be. */
  get cpus(): readonly number[] {
    return this.crashed.cpus;
  }

  /**
   * A global variable by its name: var('init_task').comm, var('jiffies'). Types come from BTF (per-CPU variables), from a table of those that people ask
   * for most, or from the vmlinux that was given; of others say the type: var('panic_timeout', 'int'). `Members` as in `read`.
   */
  var<Name extends string>(name: Name): VariableOf<Name>;
  var<Type extends string>(name: string, type: Type): ValueOf<Type>;
  var<Members extends object>(name: string, type?: string): KernelObject<Members>;
  var(name: string, type?: string): KernelValue {
    return this.#variable(name, type, this.#symbolOf(name));
  }

  /** A CPU's copy of a per-CPU variable: perCpu('runqueues', 0).nr_running. */
  perCpu(name: 'runqueues', cpu: number): KernelObject;
  perCpu(name: string, cpu: number): KernelValue;
  perCpu<Type extends string>(name: string, cpu: number, type: Type): ValueOf<Type>;
  perCpu<Members extends object>(name: string, cpu: number, type?: string): KernelObject<Members>;
  perCpu(name: string, cpu: number, type?: string): KernelValue {
    return this.#variable(name, type, this.crashed.onCpu(this.#symbolOf(name), cpu));
  }

  /**
   * What lies at an address, as a type: read('struct task_struct', 0xffff888003c5a000n), read('unsigned long', address), read('struct page *', address).
   * `Members` is what your program knows of a structure; it is believed.
   */
  read<Type extends string>(type: Type, address: AddressLike): ValueOf<Type>;
  read<Members extends object>(type: string, address: AddressLike): KernelObject<Members>;
  read(type: string, address: AddressLike): KernelValue {
    return valueAt(this.#source, this.#type(type), addressOf(address));
  }

  /** A structure at an address, as `read`: for programs that know that it is one. E_USAGE when the type is none. */
  object<Members = AnyMembers>(type: string, address: AddressLike): KernelObject<Members>;
  object(type: string, address: AddressLike): KernelObject {
    const resolved = unaliased(this.#type(type));
    if (resolved.kind !== 'struct' && resolved.kind !== 'union')
      throw new VmcoreError('E_USAGE', `${type} is not a structure`);
    return valueAt(this.#source, resolved, addressOf(address)) as KernelObject;
  }

  /** The same with a reader for each kind of member, which needs no narrowing: struct('task_struct', address).number('pid'). */
  struct(type: string, address: AddressLike): Struct {
    return this.crashed.struct(type.replace(/^(?:struct|union) /, ''), addressOf(address));
  }

  /** The address of a symbol of the kernel or of a module ("ext4:ext4_fs_type"); undefined when there is none. Of several the first. */
  symbol(name: string): Vaddr | undefined {
    const own = name.includes(':') ? undefined : this.crashed.symbols.address(name);
    if (own !== undefined) return own;
    for (const { address } of this.crashed.symbols.find(name)) return address;
    return undefined;
  }

  /** The function or variable that an address lies in; undefined when it is in none. */
  symbolAt(address: AddressLike): PlacedSymbol | undefined {
    return this.crashed.symbols.lookup(asVaddr(addressOf(address)));
  }

  /** As container_of() in C: the structure that `place` is the member `member` of. */
  containerOf<Members = AnyMembers>(place: AddressLike, type: string, member: string): KernelObject<Members>;
  containerOf(place: AddressLike, type: string, member: string): KernelObject {
    return this.object(type, addressOf(place) - BigInt(this.offsetOf(type, member)));
  }

  /**
   * As list_for_each_entry() in C: the structures of a list that are linked by their member `member`. `head` is the list's struct list_head, or the name of
   * a variable that is one.
   */
  list<Members = AnyMembers>(
    head: AddressLike | string,
    type: string,
    member: string,
  ): Results<KernelObject<Members>>;
  list(head: AddressLike | string, type: string, member: string): Results<KernelObject> {
    return this.#entries(walkDamagedList, head, type, member);
  }

  /** As hlist_for_each_entry() in C, from a struct hlist_head on. */
  hlist<Members = AnyMembers>(
    head: AddressLike | string,
    type: string,
    member: string,
  ): Results<KernelObject<Members>>;
  hlist(head: AddressLike | string, type: string, member: string): Results<KernelObject> {
    return this.#entries(drainHlist, head, type, member);
  }

  /** The bytes at an address. */
  bytes(address: AddressLike, length: number): Uint8Array {
    return this.crashed.kernel.read(asVaddr(addressOf(address)), length);
  }

  /** The text at an address, up to its NUL. */
  text(address: AddressLike): string {
    return readText(this.crashed.kernel, addressOf(address));
  }

  /** As sizeof() in C, bytes. */
  sizeOf(type: string): number {
    const size = sizeOf(this.#type(type));
    if (size !== undefined) return size;
    throw new VmcoreError('E_NO_INFO', `nothing tells how large ${type} is`, {
      file: this.crashed.dump.source.name,
    });
  }

  /** As offsetof() in C, bytes: offsetOf('struct task_struct', 'se.vruntime'). */
  offsetOf(type: string, member: string): number {
    const resolved = unaliased(this.#type(type));
    const place =
      resolved.kind === 'struct' || resolved.kind === 'union' ? findPath(resolved, member) : undefined;
    if (place !== undefined) return place.offset;
    throw new VmcoreError('E_NO_INFO', `${typeName(resolved)} has no member ${member}`, {
      file: this.crashed.dump.source.name,
    });
  }

  /** The enumerators of an enum and their values: enumerators('enum pageflags').get('PG_lru'). */
  enumerators(type: string): ReadonlyMap<string, bigint> {
    const resolved = unaliased(this.#type(type));
    if (resolved.kind === 'enum') return resolved.values();
    throw new VmcoreError('E_USAGE', `${type} is not an enum`);
  }

  /**
   * TypeScript's declarations of structures, for a program's own use: typescript('struct task_struct', 'struct mm_struct'). They are those of this very kernel;
   * pass them to `read` and its like.
   */
  typescript(...types: readonly string[]): string {
    const structs = types.map((type) => {
      const resolved = unaliased(this.#type(type));
      if (resolved.kind === 'struct' || resolved.kind === 'union') return resolved;
      throw new VmcoreError('E_USAGE', `${type} is not a structure`);
    });
    return declarationsOf(structs, this.release ?? 'an unknown release');
  }

  /**
   * The members of a structure, as C reaches them: those of anonymous structures within too. Of a member that is a structure with `path`:
   * memberNames('struct task_struct', 'se').
   */
  memberNames(type: string, path?: string): string[] {
    let resolved = unaliased(this.#type(type));
    if (path !== undefined && (resolved.kind === 'struct' || resolved.kind === 'union')) {
      const place = findPath(resolved, path);
      if (place === undefined) return [];
      resolved = unaliased(place.member.type());
    }
    return resolved.kind === 'struct' || resolved.kind === 'union' ? memberNames(resolved) : [];
  }

  /** The names of all structures, unions, enums and typedefs of the kernel, as C writes them; modules' own are not among them. */
  typeNames(): string[] {
    return [...new Set(this.crashed.btf()?.typeNames() ?? [])];
  }

  /** The names of all symbols of the kernel and its modules. */
  symbolNames(): string[] {
    return [...new Set(Array.from(this.crashed.symbols, ({ name }) => name))];
  }

  /** The names of variables whose types are known without saying; per-CPU ones are not among them. */
  variableNames(): string[] {
    return variableNames();
  }

  /** A damaged list gives what of it holds together, and says where it breaks. */
  #entries(walk: ListWalk, head: AddressLike | string, type: string, member: string): Results<KernelObject> {
    const first = typeof head === 'string' ? this.#symbolOf(head) : addressOf(head);
    const what = `the list of ${type} from ${typeof head === 'string' ? head : hex(first)}`;
    const offset = BigInt(this.offsetOf(type, member));
    const entry = (node: bigint): KernelObject => this.object(type, node - offset);
    const { kernel } = this.crashed;
    return new Results(function* (missing) {
      for (const node of walk(kernel, first, what, missing)) yield entry(node);
    });
  }

  #variable(name: string, type: string | undefined, address: Vaddr): KernelValue {
    const known = type === undefined ? typeOfVariable(this.crashed.layouts, name) : this.#type(type);
    if (known !== undefined) return valueAt(this.#source, known, address);
    throw new VmcoreError('E_NO_INFO', `nothing tells what type the variable ${name} has`, {
      file: this.crashed.dump.source.name,
      hint: `say it: var('${name}', 'unsigned long'), or give the vmlinux of this kernel`,
    });
  }

  #symbolOf(name: string): Vaddr {
    const address = this.symbol(name);
    if (address !== undefined) return address;
    const near = nearNames(name, variableNames());
    if (near.length === 0) return this.crashed.symbols.require(name);
    throw new VmcoreError('E_NO_INFO', `no symbol ${name}`, {
      file: this.crashed.dump.source.name,
      hint: `is it ${near.join(' or ')}?`,
    });
  }

  #type(name: string): Type {
    let type = this.#named.get(name);
    if (type === undefined) {
      type = requireType(this.crashed, name).type;
      this.#named.set(name, type);
    }
    return type;
  }

  #structNamed(name: string): StructType | undefined {
    if (name === '' || name === 'void') return undefined;
    const type = this.#named.get(name) ?? findType(this.crashed, name)?.type;
    if (type === undefined) return undefined;
    this.#named.set(name, type);
    return type.kind === 'struct' || type.kind === 'union' ? type : undefined;
  }
}
