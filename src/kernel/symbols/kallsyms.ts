/**
 * kallsyms: the kernel's own symbol table, read from the dump's memory. Names to addresses and addresses to names, without any file.
 *
 * Source of truth: scripts/kallsyms.c, kernel/kallsyms.c and include/linux/kallsyms.h (Linux 6.1, 6.12, 7.2). vmcoreinfo says where the tables
 * are since 6.0 (5fd8fea935a1, f09bddbd8661). Tables are kept as they are, about 1.6 MB for 100,000 symbols; no object is made for a symbol
 * that nobody asked for. Which encoding they have is never taken from a version: names must end where the markers begin, and `_stext` must be
 * where vmcoreinfo says.
 *
 * Addresses are bigint. Symbols of modules are not in these tables, nor are `kallsyms_*` themselves.
 */
import { VmcoreError } from '../../base/errors.ts';
import { hex, type Vaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import { type AddressTable, addressTables } from './kallsyms-addresses.ts';
import { openNames, type SymbolNames } from './kallsyms-names.ts';
import { type KallsymsPlaces, placesFromInfo } from './kallsyms-places.ts';

/** Where an address is: in or behind the symbol `name`, which begins `offset` bytes before it. */
export interface SymbolPlace {
  readonly name: string;
  readonly address: Vaddr;
  readonly offset: bigint;
  /** Bytes to the next symbol: what the symbol takes at most. */
  readonly size: bigint;
}

export interface KernelSymbol {
  readonly name: string;
  /** As nm(1) prints it: "T" text, "D" data, "B" bss, "A" absolute; small letters are static. */
  readonly type: string;
  /** For a per-CPU variable of x86_64 before 6.15 (type "A"), its offset in the per-CPU area. */
  readonly address: Vaddr;
}

/** The symbols of a kernel without its modules: kallsyms, or those of its vmlinux. */
export interface SymbolTable extends Iterable<KernelSymbol> {
  /** The first of this name. */
  address(name: string): Vaddr | undefined;
  all(name: string): Iterable<KernelSymbol>;
  lookup(address: Vaddr): SymbolPlace | undefined;
}

/** Kernel addresses have their upper bits set; below are only offsets of per-CPU variables. */
const kernelHalf = 1n << 63n;

export class Kallsyms implements SymbolTable {
  /** Symbols. */
  readonly count: number;
  private readonly names: SymbolNames;
  private readonly addresses: AddressTable;

  constructor(names: SymbolNames, addresses: AddressTable) {
    this.names = names;
    this.addresses = addresses;
    this.count = names.count;
  }

  /** How addresses are kept: "base-relative", … */
  get encoding(): AddressTable['encoding'] {
    return this.addresses.encoding;
  }

  /** The address of the first symbol of this name. Static symbols can share a name: see `all`. */
  address(name: string): Vaddr | undefined {
    for (const index of this.names.find(name)) return this.addresses.at(index);
    return undefined;
  }

  /** Every symbol of this name, ascending. */
  *all(name: string): Generator<KernelSymbol> {
    for (const index of this.names.find(name)) yield this.symbol(index);
  }

  /** All symbols in the order of the table, which is that of their addresses. */
  *[Symbol.iterator](): Generator<KernelSymbol> {
    for (let i = 0; i < this.count; i++) yield this.symbol(i);
  }

  /**
   * The symbol that an address belongs to, of several at one place the first, as the kernel's own lookup does. Undefined outside of the
   * kernel image.
   */
  lookup(address: Vaddr): SymbolPlace | undefined {
    if (address < kernelHalf) return undefined;
    // The last symbol at or before the address.
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.addresses.at(middle) <= address) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    const start = this.addresses.at(low - 1);
    const next = low < this.count ? this.addresses.at(low) : undefined;
    if (start < kernelHalf || (next === undefined && address > start)) return undefined;
    let first = low - 1;
    while (first > 0 && this.addresses.at(first - 1) === start) first--;
    return {
      name: this.names.at(first).name,
      address: start,
      offset: address - start,
      size: next === undefined ? 0n : next - start,
    };
  }

  private symbol(index: number): KernelSymbol {
    return { ...this.names.at(index), address: this.addresses.at(index) };
  }
}

/**
 * Reads the tables where vmcoreinfo says that they are. E_NO_INFO when it does not, E_CORRUPT when what is there is no symbol table, E_UNREADABLE
 * when it is not in the dump.
 */
export function openKallsyms(kernel: Kernel): Kallsyms {
  return readKallsyms(kernel, placesFromInfo(kernel));
}

/** What vmcoreinfo of every release names: text, and data of two sections (other names there are macros). Neighbours of one may have its address, not those of all. */
const anchors = ['_stext', 'init_uts_ns', 'swapper_pg_dir', 'init_top_pgt'];

/** Reads the tables at `places`; `names` when those have been read before. Errors as above. */
export function readKallsyms(
  kernel: Kernel,
  places: KallsymsPlaces,
  names: SymbolNames = openNames(kernel, places),
): Kallsyms {
  const stext = kernel.info.requireSymbol('_stext');
  const known = anchors.flatMap((name) => {
    const address = kernel.info.symbol(name);
    const indices = [...names.find(name)];
    return address === undefined || indices.length === 0 ? [] : [{ name, address, indices }];
  });
  if (known[0]?.name === '_stext') {
    for (const table of addressTables(kernel, places))
      if (known.every(({ address, indices }) => indices.some((index) => table.at(index) === address)))
        return new Kallsyms(names, table);
  }
  throw new VmcoreError(
    'E_CORRUPT',
    `its kallsyms do not put _stext at ${hex(stext)}, in none of the known encodings`,
    {
      file: kernel.dump.source.name,
      hint: 'the symbol table is damaged, or of a kernel newer than this program',
    },
  );
}
