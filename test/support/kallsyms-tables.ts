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
  /** Of the markers behind the names. */
  readonly alignment?: 4 | 8;
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
  { encoding = 'absolute-percpu', lengths = 'two-bytes', alignment = 8, broken }: KallsymsOptions = {},
): void {
  const names: number[] = [];
  const markers: bigint[] = [];
  symbols.forEach(({ name, type = 'T' }, i) => {
    if (i % 256 === 0) markers.push(BigInt(names.length + (broken === 'markers' && i > 0 ? 1 : 0)));
    const bytes = encodeName(type + name);
    if (bytes.length < 128 || lengths === 'one-byte') names.push(bytes.length);
    else names.push((bytes.length & 0x7f) | 0x80, bytes.length >> 7);
    names.push(...bytes);
  });
  while (names.length % alignment !== 0) names.push(0);
  const table: number[] = [];
  const index: bigint[] = [];
  for (let token = 0; token < 256; token++) {
    index.push(BigInt(table.length));
    table.push(...new TextEncoder().encode(longTokens.get(token) ?? String.fromCharCode(token & 0x7f)), 0);
  }
  // As in a real kernel, names and markers follow each other.
  const place = (bytes: Uint8Array): bigint => kernel.placeVariable(bytes);
  const namesAt = place(Uint8Array.from([...names, ...words(markers, 4)]));
  const addresses = symbols.map(({ address }) => address);
  const { imageStart } = kernel.space;
  /** Of the symbols that are addresses, the first. */
  const base = addresses.find((address) => address >= 1n << 63n) ?? imageStart;
  const stext = symbols.find(({ name }) => name === '_stext')?.address ?? imageStart;
  kernel.addInfo({
    'SYMBOL(_stext)': (stext + (broken === 'stext' ? 16n : 0n)).toString(16),
    'SYMBOL(kallsyms_names)': namesAt.toString(16),
    'SYMBOL(kallsyms_num_syms)': place(words([BigInt(symbols.length)], 4)).toString(16),
    'SYMBOL(kallsyms_token_table)': place(Uint8Array.from(table)).toString(16),
    'SYMBOL(kallsyms_token_index)': place(words(index, 2)).toString(16),
  });
  if (encoding === 'absolute') {
    kernel.addInfo({ 'SYMBOL(kallsyms_addresses)': place(words(addresses, 8)).toString(16) });
    return;
  }
  if (encoding === 'place-relative') {
    // Offsets are 32 bits: only symbols near the table can be said.
    const at = place(new Uint8Array(symbols.length * 4));
    const bytes = words(
      addresses.map((address, i) => address - (at + BigInt(i * 4))),
      4,
    );
    kernel.memory.put(Number(BigInt.asUintN(64, at - kernel.space.imageOffset)), bytes);
    kernel.addInfo({ 'SYMBOL(kallsyms_offsets)': at.toString(16) });
    return;
  }
  const offsets = addresses.map((address) =>
    encoding === 'base-relative' ? address - base : address < base ? address : base - 1n - address,
  );
  kernel.addInfo({
    'SYMBOL(kallsyms_offsets)': place(words(offsets, 4)).toString(16),
    'SYMBOL(kallsyms_relative_base)': place(words([base], 8)).toString(16),
  });
}
