/** Symbols by name and by address, of the kernel and of its modules. */
import { asVaddr, hex } from '../../base/units.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import type { NamedSymbol } from '../../kernel/symbols/symbols.ts';
import { numberFrom } from './address.ts';

export interface SymbolInfo {
  readonly name: string;
  /** Null for the kernel itself. */
  readonly module: string | null;
  /** As nm(1) prints it: T text, D data, B bss; small letters are static. Null when its source does not tell. */
  readonly type: string | null;
  /** What was asked for; of a symbol by its name where it begins. */
  readonly address: string;
  /** Bytes from the beginning of the symbol. */
  readonly offset: number;
  /** Bytes up to the next symbol, or as the symbol itself says; null when neither is known. */
  readonly size: number | null;
}

/** All symbols of a name ("module:name" of one module), or the one that an address is in; none when there is none. */
export function findSymbols(crashed: CrashedKernel, what: string): SymbolInfo[] {
  const address = numberFrom(what);
  const found = [...crashed.symbols.find(what)].map((symbol) => symbolInfo(crashed, symbol));
  if (found.length > 0) return found;
  const place = address === undefined ? undefined : crashed.symbols.lookup(asVaddr(address));
  if (place === undefined) return [];
  return [
    {
      name: place.name,
      module: place.module ?? null,
      type: typeAt(crashed, place),
      address: hex(asVaddr(address!)),
      offset: Number(place.offset),
      size: place.size === 0n ? null : Number(place.size),
    },
  ];
}

export function* allSymbols(crashed: CrashedKernel): Generator<SymbolInfo> {
  for (const symbol of crashed.symbols) yield plainInfo(symbol, null);
}

function symbolInfo(crashed: CrashedKernel, symbol: NamedSymbol): SymbolInfo {
  const place = crashed.symbols.lookup(symbol.address);
  return plainInfo(
    symbol,
    place === undefined || place.offset > 0n || place.size === 0n ? null : Number(place.size),
  );
}

const plainInfo = ({ name, module, type, address }: NamedSymbol, size: number | null): SymbolInfo => ({
  name,
  module: module ?? null,
  type: type === '?' ? null : type,
  address: hex(address),
  offset: 0,
  size,
});

function typeAt(
  crashed: CrashedKernel,
  place: { readonly name: string; readonly address: bigint; readonly module: string | undefined },
): string | null {
  const name = place.module === undefined ? place.name : `${place.module}:${place.name}`;
  for (const symbol of crashed.symbols.find(name)) if (symbol.address === place.address) return symbol.type;
  return null;
}
