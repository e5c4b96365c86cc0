/** BTF byte by byte, from Documentation/bpf/btf.rst (Linux 6.12): types are numbered from 1 in the order in which they are added. */

export interface BtfMember {
  readonly name: string;
  readonly type: number;
  /** Bits from the beginning of the structure. */
  readonly at: number;
  /** Width of a bit field. */
  readonly bits?: number;
}

export class BtfBuilder {
  private readonly records: number[] = [];
  private readonly strings: number[];
  private readonly firstString: number;
  private readonly base: BtfBuilder | undefined;
  private count: number;

  /** A module's BTF counts on from its base, and does not repeat the base's strings. */
  constructor(base?: BtfBuilder) {
    this.base = base;
    this.count = base?.nextId ?? 1;
    this.firstString = base?.stringsLength ?? 0;
    this.strings = base === undefined ? [0] : [];
  }

  get nextId(): number {
    return this.count;
  }

  get stringsLength(): number {
    return this.firstString + this.strings.length;
  }

  private string(value: string): number {
    if (value === '') return 0;
    const known = this.base?.find(value);
    if (known !== undefined) return known;
    const at = this.firstString + this.strings.length;
    this.strings.push(...new TextEncoder().encode(value), 0);
    return at;
  }

  private find(value: string): number | undefined {
    const at = Buffer.from(this.strings).indexOf(`\0${value}\0`);
    return at < 0 ? undefined : at + 1;
  }

  /** One record as it is: also for kinds that have no method here. Returns its id. */
  record(
    kind: number,
    name: string,
    sizeOrType: number,
    extra: readonly number[] = [],
    vlen = 0,
    flag = 0,
  ): number {
    const info = ((flag << 31) | (kind << 24) | vlen) >>> 0;
    this.records.push(this.string(name), info, sizeOrType >>> 0, ...extra.map((word) => word >>> 0));
    return this.count++;
  }

  int(name: string, size: number, encoding: 'unsigned' | 'signed' | 'boolean' = 'unsigned'): number {
    const code = { unsigned: 0, signed: 1, boolean: 4 }[encoding];
    return this.record(1, name, size, [(code << 24) | (size * 8)]);
  }

  pointer(to: number): number {
    return this.record(2, '', to);
  }

  array(of: number, length: number, index = 1): number {
    return this.record(3, '', 0, [of, index, length]);
  }

  struct(name: string, size: number, members: readonly BtfMember[], kind: 4 | 5 = 4): number {
    const flag = members.some(({ bits }) => bits !== undefined) ? 1 : 0;
    const extra = members.flatMap(({ name: member, type, at, bits = 0 }) => [
      this.string(member),
      type,
      flag === 1 ? ((bits << 24) | at) >>> 0 : at,
    ]);
    return this.record(kind, name, size, extra, members.length, flag);
  }

  union(name: string, size: number, members: readonly BtfMember[]): number {
    return this.struct(name, size, members, 5);
  }

  enumeration(name: string, values: Readonly<Record<string, number>>, signed = 0): number {
    const extra = Object.entries(values).flatMap(([key, value]) => [this.string(key), value]);
    return this.record(6, name, 4, extra, extra.length / 2, signed);
  }

  enum64(name: string, values: Readonly<Record<string, bigint>>, signed = 0): number {
    const extra = Object.entries(values).flatMap(([key, value]) => [
      this.string(key),
      Number(BigInt.asUintN(32, value)),
      Number(BigInt.asUintN(32, value >> 32n)),
    ]);
    return this.record(19, name, 8, extra, extra.length / 3, signed);
  }

  typedef(name: string, type: number): number {
    return this.record(8, name, type);
  }

  bytes(littleEndian = true): Uint8Array {
    const typesLength = this.records.length * 4;
    const bytes = new Uint8Array(24 + typesLength + this.strings.length);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, 0xeb9f, littleEndian);
    view.setUint8(2, 1);
    view.setUint32(4, 24, littleEndian);
    view.setUint32(12, typesLength, littleEndian);
    view.setUint32(16, typesLength, littleEndian);
    view.setUint32(20, this.strings.length, littleEndian);
    this.records.forEach((word, i) => {
      view.setUint32(24 + i * 4, word, littleEndian);
    });
    bytes.set(this.strings, 24 + typesLength);
    return bytes;
  }
}
