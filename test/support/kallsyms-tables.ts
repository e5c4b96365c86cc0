/** kallsyms tables byte by byte (scripts/kallsyms.c, Linux 6.1 to 7.2), put into the image of a synthetic kernel. */
import type { SyntheticKernel } from './synthetic-kernel.ts';

export interface SymbolSpec {
  readonly name: string;
  readonly address: bigint;
  /** "T" when not told. */
  readonly type?: string;
}

export interface KallsymsOptions {
  readonly encoding?: 'absolute' | 'absolute-percpu' | 'base-relative' | 'place-relative';
  /** "two-bytes": lengths from 128 on take two, as since 6.1. */
  readonly lengths?: 'one-byte' | 'two-bytes';
  /** Of the tables. */
  readonly alignment?: 4 | 8;
  /** Bits of a marker and of the number of symbols: 64 until 4.19. */
  readonly markers?: 32 | 64;
  /** How the tables follow each other; "before-6.4" begins with the addresses. */
  readonly order?: 'since-6.4' | 'before-6.4';
  /** Three bytes a symbol: behind everything else, or (6.2, 6.3) behind the markers. */
  readonly sequence?: 'last' | 'behind-markers';
  /** Does vmcoreinfo say where the tables are? */
  readonly told?: 'by-vmcoreinfo' | 'nowhere';
  /** A mistake to make. */
  readonly broken?: 'markers' | 'stext';
}

const words = (values: readonly bigint[], size: 2 | 4 | 8): Uint8Array => {
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    if (size === 8) view.setBigUint64(i * 8, BigInt.asUintN(64, value), true);
    else if (size === 4) view.setUint32(i * 4, Number(BigInt.asUintN(32, value)), true);
    else view.setUint16(i * 2, Number(value), true);
  });
  return bytes;
};

/** Tokens: every byte stands for itself, but for these, which stand for more. */
const longTokens = new Map([
  [1, 'Tsys_'],
  [2, 'init_'],
  [3, 'kernel'],
]);

function encodeName(text: string): number[] {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; ) {
    const [token, expansion] = [...longTokens].find(([, long]) => text.startsWith(long, at)) ?? [
      text.charCodeAt(at),
      text[at]!,
    ];
    bytes.push(token);
    at += expansion.length;
  }
  return bytes;
}

/** `symbols` ascending by address. Adds `_stext` to vmcoreinfo, where a symbol of that name is or else at the beginning of the image. */
export function placeKallsyms(
  kernel: SyntheticKernel,
  symbols: readonly SymbolSpec[],
  options: KallsymsOptions = {},
): void {
  const {
    encoding = 'absolute-percpu',
    lengths = 'two-bytes',
    alignment = 8,
    markers: markerBits = 32,
    order = 'since-6.4',
    sequence,
    told = 'by-vmcoreinfo',
    broken,
  } = options;
  const names: number[] = [];
  const markers: bigint[] = [];
  symbols.forEach(({ name, type = 'T' }, i) => {
    if (i % 256 === 0) markers.push(BigInt(names.length + (broken === 'markers' && i > 0 ? 1 : 0)));
    const bytes = encodeName(type + name);
    if (bytes.length < 128 || lengths === 'one-byte') names.push(bytes.length);
    else names.push((bytes.length & 0x7f) | 0x80, bytes.length >> 7);
    names.push(...bytes);
  });
  const table: number[] = [];
  const index: bigint[] = [];
  for (let token = 0; token < 256; token++) {
    index.push(BigInt(table.length));
    // NUL is in no name: its token is empty.
    const text = longTokens.get(token) ?? String.fromCharCode(token & 0x7f).replace('\0', '');
    table.push(...new TextEncoder().encode(text), 0);
  }
  const addresses = symbols.map(({ address }) => address);
  const { imageStart } = kernel.space;
  /** Of the symbols that are addresses, the first. */
  const base = addresses.find((address) => address >= 1n << 63n) ?? imageStart;
  const stext = symbols.find(({ name }) => name === '_stext')?.address ?? imageStart;
  const offsets = addresses.map((address) =>
    encoding === 'base-relative' ? address - base : address < base ? address : base - 1n - address,
  );
  const hasBase = encoding === 'absolute-percpu' || encoding === 'base-relative';
  const where: readonly Table[] =
    encoding === 'absolute'
      ? [['kallsyms_addresses', () => words(addresses, 8)]]
      : [
          [
            'kallsyms_offsets',
            // Offsets are 32 bits: only symbols near the table can be said.
            (at) =>
              words(
                encoding === 'place-relative'
                  ? addresses.map((address, i) => address - (at + BigInt(i * 4)))
                  : offsets,
                4,
              ),
          ],
          ...(hasBase ? [['kallsyms_relative_base', () => words([base], 8)] as const] : []),
        ];
  const sequenceTable: readonly Table[] =
    sequence === undefined ? [] : [['', () => new Uint8Array(symbols.length * 3).fill(0x5a)]];
  const what: readonly Table[] = [
    ['kallsyms_num_syms', () => words([BigInt(symbols.length)], markerBits === 64 ? 8 : 4)],
    ['kallsyms_names', () => Uint8Array.from(names)],
    ['', () => words(markers, markerBits === 64 ? 8 : 4)],
    ...(sequence === 'behind-markers' ? sequenceTable : []),
    ['kallsyms_token_table', () => Uint8Array.from(table)],
    ['kallsyms_token_index', () => words(index, 2)],
  ];
  const tables = order === 'since-6.4' ? [...what, ...where] : [...where, ...what];
  const placed = placeTables(kernel, [...tables, ...(sequence === 'last' ? sequenceTable : [])], alignment);
  kernel.addInfo({ 'SYMBOL(_stext)': (stext + (broken === 'stext' ? 16n : 0n)).toString(16) });
  if (told === 'nowhere') return;
  for (const [name, address] of placed)
    if (name !== '') kernel.addInfo({ [`SYMBOL(${name})`]: address.toString(16) });
}

/** A name, and what is in it when it lies at an address. */
type Table = readonly [name: string, bytes: (at: bigint) => Uint8Array];

/** Puts tables behind each other as the linker does, and returns their addresses. */
function placeTables(
  kernel: SyntheticKernel,
  tables: readonly Table[],
  alignment: number,
): Map<string, bigint> {
  const places: { readonly name: string; readonly at: number }[] = [];
  let size = 0;
  for (const [name, bytes] of tables) {
    // 64-bit numbers are aligned to 8 in any case.
    const own = name === 'kallsyms_relative_base' || name === 'kallsyms_addresses' ? 8 : alignment;
    const at = Math.ceil(size / own) * own;
    places.push({ name, at });
    size = at + bytes(0n).length;
  }
  const all = new Uint8Array(size);
  const start = kernel.placeVariable(all);
  tables.forEach(([, bytes], i) => {
    const { at } = places[i]!;
    all.set(bytes(start + BigInt(at)), at);
  });
  kernel.memory.put(Number(BigInt.asUintN(64, start - kernel.space.imageOffset)), all);
  return new Map(places.map(({ name, at }) => [name, start + BigInt(at)]));
}
