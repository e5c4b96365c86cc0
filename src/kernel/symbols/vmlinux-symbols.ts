/**
 * The symbols of a vmlinux as they were in memory: link addresses, moved by as much as the kernel was (KASLR). Told by _stext, which vmcoreinfo has as it was.
 *
 * Per-CPU variables of x86_64 before 6.15 were linked at 0: theirs are offsets, and stay.
 */
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { ElfSections } from '../../formats/elf-sections.ts';
import type { ElfSymbol, ElfSymbols } from './elf-symbols.ts';
import type { KernelSymbol, SymbolPlace, SymbolTable } from './kallsyms.ts';

const absoluteSection = 0xfff1;
const kernelHalf = 1n << 63n;
/** sh_flags. */
const writable = 1n;
const executable = 4n;
const nobits = 8;

export class VmlinuxSymbols implements SymbolTable {
  private readonly elf: ElfSymbols;
  private readonly slide: bigint;
  /** Symbols that are addresses, ascending. */
  private sorted: { readonly keys: BigUint64Array; readonly symbols: readonly ElfSymbol[] } | undefined;

  /** `stext`: where _stext was. */
  constructor(elf: ElfSymbols, stext: Vaddr) {
    this.elf = elf;
    this.slide = stext - (elf.address('_stext') ?? stext);
  }

  address(name: string): Vaddr | undefined {
    const symbol = this.elf.find(name);
    return symbol && this.placeOf(symbol);
  }

  /** Where the file has it, whatever the kernel did. */
  linkAddress(name: string): bigint | undefined {
    return this.elf.address(name);
  }

  *all(name: string): Generator<KernelSymbol> {
    for (const symbol of this.elf.all(name)) yield this.symbol(symbol);
  }

  *[Symbol.iterator](): Generator<KernelSymbol> {
    for (const symbol of this.elf) yield this.symbol(symbol);
  }

  lookup(address: Vaddr): SymbolPlace | undefined {
    this.sorted ??= this.sort();
    const { keys, symbols } = this.sorted;
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (keys[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    const next = keys[low];
    if (low === 0 || next === undefined) return undefined;
    const start = keys[low - 1]!;
    let first = low - 1;
    while (first > 0 && keys[first - 1] === start) first--;
    const { name } = symbols[first]!;
    return { name, address: asVaddr(start), offset: address - start, size: next - start };
  }

  private sort(): NonNullable<VmlinuxSymbols['sorted']> {
    const symbols = [...this.elf]
      .filter((symbol) => !isMark(symbol.name) && this.placeOf(symbol) >= kernelHalf)
      .map((symbol) => ({ symbol, place: this.placeOf(symbol) }))
      .sort((a, b) => (a.place < b.place ? -1 : a.place > b.place ? 1 : 0));
    return {
      keys: BigUint64Array.from(symbols, ({ place }) => place),
      symbols: symbols.map(({ symbol }) => symbol),
    };
  }

  private placeOf({ value, section }: ElfSymbol): Vaddr {
    const isFixed = section === absoluteSection || this.sectionOf(section)?.address === 0n;
    return asVaddr(isFixed ? value : value + this.slide);
  }

  private symbol(symbol: ElfSymbol): KernelSymbol {
    const { name, section, isLocal } = symbol;
    const letter = section === absoluteSection ? 'A' : letterOf(this.sectionOf(section));
    return { name, type: isLocal ? letter.toLowerCase() : letter, address: this.placeOf(symbol) };
  }

  private sectionOf(section: number): ElfSections['all'][number] | undefined {
    return this.elf.sections.all[section];
  }
}

/** As nm(1) has it. */
function letterOf(section: ElfSections['all'][number] | undefined): string {
  if (section === undefined) return '?';
  if ((section.flags & executable) !== 0n) return 'T';
  if ((section.flags & writable) === 0n) return 'R';
  return section.type === nobits ? 'B' : 'D';
}

/** Mapping symbols of arm64 and labels of assemblers, which kallsyms leaves out too. */
const isMark = (name: string): boolean => name.startsWith('$') || name.startsWith('.L');
