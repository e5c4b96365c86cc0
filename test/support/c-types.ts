/**
 * Types of a synthetic kernel, written as C, and structures of them in its memory.
 *
 *   const types = new CTypes(`
 *     enum color { RED, BLUE = 4 };
 *     struct list_head { struct list_head *next; struct list_head *prev; };
 *     struct thing { struct list_head list; char name[8]; enum color color; union { int a; long b; }; struct other *other; };
 *   `);
 *   const made = new CKernel(types);
 *   const thing = made.place('thing', { name: 'x', color: 4, 'list.next': 0n });
 *   made.crashed({ the_things: thing });   // with the symbol the_things
 *
 * What is understood: char, bool, short, int, long and their unsigned forms, u8 to u64, pointers, arrays, enums, structures and unions, named before use or
 * behind a pointer, or without a name. Members lie as the compiler of x86_64 and arm64 lays them; there are no bit fields.
 */
import { type CrashedKernel, openCrashedKernel } from '../../src/kernel/crashed-kernel.ts';
import { BtfBuilder, type BtfMember } from './btf-bytes.ts';
import { directMap, SyntheticKernel } from './synthetic-kernel.ts';

interface Laid {
  /** In BTF. */
  readonly id: number;
  readonly size: number;
  readonly alignment: number;
  readonly members?: ReadonlyMap<string, Placed>;
  readonly element?: Laid;
}

interface Placed {
  readonly at: number;
  readonly type: Laid;
}

const scalars: readonly (readonly [
  name: string,
  size: 1 | 2 | 4 | 8,
  encoding: 'signed' | 'unsigned' | 'boolean',
])[] = [
  ['char', 1, 'signed'],
  ['bool', 1, 'boolean'],
  ['short', 2, 'signed'],
  ['int', 4, 'signed'],
  ['long', 8, 'signed'],
  ['unsigned char', 1, 'unsigned'],
  ['unsigned short', 2, 'unsigned'],
  ['unsigned int', 4, 'unsigned'],
  ['unsigned long', 8, 'unsigned'],
  ['u8', 1, 'unsigned'],
  ['u16', 2, 'unsigned'],
  ['u32', 4, 'unsigned'],
  ['u64', 8, 'unsigned'],
];

export class CTypes {
  private readonly btf = new BtfBuilder();
  private readonly named = new Map<string, Laid>();
  private readonly tokens: string[];

  constructor(text: string) {
    for (const [name, size, encoding] of scalars)
      this.named.set(name, { id: this.btf.int(name, size, encoding), size, alignment: size });
    this.tokens = text.match(/\w+|[{}[\];,=*]/g) ?? [];
    while (this.tokens.length > 0) {
      this.type();
      this.expect(';');
    }
  }

  bytes(): Uint8Array {
    return this.btf.bytes();
  }

  sizeOf(name: string): number {
    return this.find(name).size;
  }

  /** Where a member is: 'list.next', 'node[1].count'. */
  place(name: string, path: string): Placed {
    let found: Placed = { at: 0, type: this.find(name) };
    for (const part of path.split(/[.[\]]+/).filter((text) => text !== '')) {
      const { element, members } = found.type;
      const inner: Placed | undefined =
        element === undefined ? members?.get(part) : { at: Number(part) * element.size, type: element };
      if (inner === undefined) throw new Error(`${name} has no ${path}`);
      found = { at: found.at + inner.at, type: inner.type };
    }
    return found;
  }

  private find(name: string): Laid {
    const type = this.named.get(name);
    if (type === undefined) throw new Error(`no type ${name}`);
    return type;
  }

  private next(): string {
    const token = this.tokens.shift();
    if (token === undefined) throw new Error('the types end early');
    return token;
  }

  private accept(token: string): boolean {
    if (this.tokens[0] !== token) return false;
    this.tokens.shift();
    return true;
  }

  private expect(token: string): void {
    const found = this.next();
    if (found !== token) throw new Error(`${token} is expected, not ${found}`);
  }

  private type(): Laid {
    const word = this.next();
    if (word === 'void') return { id: 0, size: 0, alignment: 1 };
    if (word !== 'struct' && word !== 'union' && word !== 'enum')
      return this.find(word === 'unsigned' ? `${word} ${this.next()}` : word);
    const name = this.tokens[0] === '{' ? '' : this.next();
    if (!this.accept('{'))
      return this.named.get(name) ?? { id: this.btf.record(7, name, 0), size: 0, alignment: 1 };
    const made = word === 'enum' ? this.enumeration(name) : this.structure(word, name);
    if (name !== '') this.named.set(name, made);
    return made;
  }

  private enumeration(name: string): Laid {
    const values: Record<string, number> = {};
    for (let value = 0; !this.accept('}'); value++) {
      const enumerator = this.next();
      if (this.accept('=')) value = Number(this.next());
      values[enumerator] = value;
      this.accept(',');
    }
    return { id: this.btf.enumeration(name, values), size: 4, alignment: 4 };
  }

  private structure(word: 'struct' | 'union', name: string): Laid {
    const members: BtfMember[] = [];
    const placed = new Map<string, Placed>();
    let end = 0;
    let alignment = 1;
    while (!this.accept('}')) {
      let type = this.type();
      while (this.accept('*')) type = { id: this.btf.pointer(type.id), size: 8, alignment: 8 };
      const member = this.tokens[0] === ';' ? '' : this.next();
      type = this.arrayOf(type);
      this.expect(';');
      const at = word === 'union' ? 0 : Math.ceil(end / type.alignment) * type.alignment;
      end = Math.max(end, at + type.size);
      alignment = Math.max(alignment, type.alignment);
      members.push({ name: member, type: type.id, at: at * 8 });
      if (member !== '') placed.set(member, { at, type });
      else
        for (const [inner, { at: within, type: its }] of type.members ?? [])
          placed.set(inner, { at: at + within, type: its });
    }
    const size = Math.ceil(end / alignment) * alignment;
    return {
      id: this.btf.struct(name, size, members, word === 'struct' ? 4 : 5),
      size,
      alignment,
      members: placed,
    };
  }

  /** The first index is the outermost. */
  private arrayOf(type: Laid): Laid {
    if (!this.accept('[')) return type;
    const length = Number(this.next());
    this.expect(']');
    const element = this.arrayOf(type);
    return {
      id: this.btf.array(element.id, length),
      size: element.size * length,
      alignment: element.alignment,
      element,
    };
  }
}

export type CValue = number | bigint | string | Uint8Array;

export class CKernel {
  readonly kernel: SyntheticKernel;
  private readonly types: CTypes;

  constructor(types: CTypes, kernel: SyntheticKernel = new SyntheticKernel()) {
    this.types = types;
    this.kernel = kernel;
    const bytes = types.bytes();
    const start = kernel.place(bytes);
    kernel.addInfo({ 'SYMBOL(__start_BTF)': start, 'SYMBOL(__stop_BTF)': start + BigInt(bytes.length) });
  }

  /** A structure with these members, all others 0; its address in the direct map. */
  place(type: string, values: Readonly<Record<string, CValue>> = {}, alignment = 16): bigint {
    const address = this.space(this.types.sizeOf(type), alignment);
    this.set(type, address, values);
    return address;
  }

  set(type: string, address: bigint, values: Readonly<Record<string, CValue>>): void {
    for (const [path, value] of Object.entries(values)) {
      const place = this.types.place(type, path);
      const paddr = Number(address - directMap) + place.at;
      const bytes = typeof value === 'object' ? value.slice() : new Uint8Array(place.type.size);
      if (typeof value === 'string') bytes.set(new TextEncoder().encode(value));
      else if (typeof value !== 'object')
        for (let i = 0; i < bytes.length; i++) bytes[i] = Number((BigInt(value) >> BigInt(8 * i)) & 0xffn);
      this.kernel.memory.put(paddr, bytes);
    }
  }

  space(size: number, alignment = 16): bigint {
    return directMap + BigInt(this.kernel.allocate(size, alignment));
  }

  /** The address of a text with its NUL. */
  text(value: string): bigint {
    return this.kernel.place(new TextEncoder().encode(`${value}\0`));
  }

  /** Variables one after the other, 8 bytes each. */
  longs(...values: readonly (number | bigint)[]): bigint {
    const bytes = new DataView(new ArrayBuffer(8 * values.length));
    values.forEach((value, i) => {
      bytes.setBigUint64(8 * i, BigInt.asUintN(64, BigInt(value)), true);
    });
    return this.kernel.place(new Uint8Array(bytes.buffer));
  }

  /** Links nodes (struct list_head) to a circle that begins and ends at `head`. */
  link(head: bigint, nodes: readonly bigint[]): void {
    const ring = [head, ...nodes];
    ring.forEach((node, i) => {
      this.kernel.memory.putU64(Number(node - directMap), ring[(i + 1) % ring.length]!);
      this.kernel.memory.putU64(Number(node - directMap) + 8, ring.at(i - 1)!);
    });
  }

  /** The address of a member. */
  member(type: string, address: bigint, path: string): bigint {
    return address + BigInt(this.types.place(type, path).at);
  }

  /** With global variables by name and address, as vmcoreinfo would tell them. */
  crashed(symbols: Readonly<Record<string, bigint>> = {}): CrashedKernel {
    for (const [name, address] of Object.entries(symbols))
      this.kernel.addInfo({ [`SYMBOL(${name})`]: address });
    return openCrashedKernel(this.kernel.dump());
  }
}
