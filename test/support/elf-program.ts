/** ELF64 programs with sections and symbols (a small vmlinux), byte by byte from the tables of the System V gABI, chapter 4. */
import zlib from 'node:zlib';

export interface SectionSpec {
  readonly name: string;
  readonly data: Uint8Array;
  /** sh_type; SHT_PROGBITS (1) when not given. */
  readonly type?: number;
  readonly address?: bigint;
  /** Stored with SHF_COMPRESSED and a compression header. */
  readonly compress?: 'zlib' | 'zstd';
}

export interface SymbolSpec {
  readonly name: string;
  readonly value: bigint;
  readonly size?: number;
  readonly binding?: 'local' | 'global';
  /** SHN_UNDEF: used here, defined elsewhere. */
  readonly isUndefined?: boolean;
}

export interface ProgramSpec {
  /** e_machine; EM_X86_64 (62) when not given. */
  readonly machine?: number;
  readonly sections: readonly SectionSpec[];
  /** Gives .symtab and .strtab. */
  readonly symbols?: readonly SymbolSpec[];
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const headerSize = 64;

/** Strings one behind the other, the empty one first, and where each begins. */
export function stringTable(names: readonly string[]): { bytes: Uint8Array; at: (name: string) => number } {
  const unique = [...new Set(['', ...names])];
  const starts = new Map<string, number>();
  let length = 0;
  for (const name of unique) {
    starts.set(name, length);
    length += text(name).length + 1;
  }
  const bytes = new Uint8Array(length);
  for (const [name, start] of starts) bytes.set(text(name), start);
  return { bytes, at: (name) => starts.get(name)! };
}

function symbolTable(symbols: readonly SymbolSpec[], nameAt: (name: string) => number): Uint8Array {
  const bytes = new Uint8Array((symbols.length + 1) * 24);
  const view = new DataView(bytes.buffer);
  symbols.forEach(({ name, value, size = 0, binding = 'global', isUndefined = false }, i) => {
    const at = (i + 1) * 24;
    view.setUint32(at, nameAt(name), true);
    view.setUint8(at + 4, (binding === 'global' ? 1 : 0) << 4);
    view.setUint16(at + 6, isUndefined ? 0 : 1, true);
    view.setBigUint64(at + 8, value, true);
    view.setBigUint64(at + 16, BigInt(size), true);
  });
  return bytes;
}

function compressed(data: Uint8Array, codec: 'zlib' | 'zstd'): Uint8Array {
  const packed = codec === 'zlib' ? zlib.deflateSync(data) : zlib.zstdCompressSync(data);
  const bytes = new Uint8Array(24 + packed.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, codec === 'zlib' ? 1 : 2, true);
  view.setBigUint64(8, BigInt(data.length), true);
  view.setBigUint64(16, 1n, true);
  bytes.set(packed, 24);
  return bytes;
}

/** Header, then the sections' bytes, then the section headers: an empty one, the given ones, .symtab, .strtab, .shstrtab. */
export function elfProgram({ machine = 62, sections, symbols }: ProgramSpec): Uint8Array {
  const strings = stringTable((symbols ?? []).map(({ name }) => name));
  const own: (SectionSpec & { link?: number })[] = [...sections];
  if (symbols !== undefined) {
    own.push({ name: '.symtab', type: 2, data: symbolTable(symbols, strings.at), link: sections.length + 2 });
    own.push({ name: '.strtab', type: 3, data: strings.bytes });
  }
  const names = stringTable([...own.map(({ name }) => name), '.shstrtab']);
  own.push({ name: '.shstrtab', type: 3, data: names.bytes });
  const stored = own.map(({ data, compress }) =>
    compress === undefined ? data : compressed(data, compress),
  );

  const offsets: number[] = [];
  let end = headerSize;
  for (const data of stored) {
    offsets.push(end);
    end = (end + data.length + 7) & ~7;
  }
  const bytes = new Uint8Array(end + (own.length + 1) * 64);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, machine, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(40, BigInt(end), true);
  view.setUint16(52, headerSize, true);
  view.setUint16(54, 56, true);
  view.setUint16(58, 64, true);
  view.setUint16(60, own.length + 1, true);
  view.setUint16(62, own.length, true);
  own.forEach(({ name, type = 1, address = 0n, compress, link = 0 }, i) => {
    const at = end + (i + 1) * 64;
    bytes.set(stored[i]!, offsets[i]!);
    view.setUint32(at, names.at(name), true);
    view.setUint32(at + 4, type, true);
    view.setBigUint64(at + 8, compress === undefined ? 0n : 0x800n, true);
    view.setBigUint64(at + 16, address, true);
    view.setBigUint64(at + 24, BigInt(offsets[i]!), true);
    view.setBigUint64(at + 32, BigInt(stored[i]!.length), true);
    view.setUint32(at + 40, link, true);
    view.setBigUint64(at + 56, type === 2 ? 24n : 0n, true);
  });
  return bytes;
}
