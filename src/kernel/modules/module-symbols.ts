/**
 * The symbols of one module: the ELF symbol table that the kernel keeps of it (CONFIG_KALLSYMS).
 *
 * Source of truth: struct mod_kallsyms of include/linux/module.h, kernel/module/kallsyms.c (Linux 6.1, 6.12, 7.2). Letters of nm(1) are in an array of
 * their own since 5.2 (1c7651f43777), before that in st_info. Of a module that is loaded, symbols of its init sections are gone; without
 * CONFIG_KALLSYMS_ALL so are those of its data, to which no function's name is given then.
 */
import { cString, u64, viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import { readUnsignedInt } from '../numbers.ts';
import type { SymbolPlace } from '../symbols/kallsyms.ts';
import type { Layouts } from '../types/layouts.ts';
import type { KernelModule } from './module-list.ts';

export interface ModuleSymbol {
  readonly name: string;
  /** As nm(1) prints it. */
  readonly type: string;
  /** Of a per-CPU variable, to which a CPU's `__per_cpu_offset` is added. */
  readonly address: Vaddr;
  /** Bytes; 0 when its source does not say (assembly). */
  readonly size: number;
}

/** Elf64_Sym: name u32, info u8, other u8, section u16, value u64, size u64. */
const entrySize = 24;
const SHN_UNDEF = 0;
/** The largest modules have some 20,000. */
const maxSymbols = 2 ** 20;
const maxStrings = 2 ** 26;
/** KSYM_NAME_LEN. */
const maxName = 512;

export class ModuleSymbols {
  private readonly module: KernelModule;
  private readonly littleEndian: boolean;
  /** The ELF symbols, and the strings that they name. */
  private readonly entries: DataView;
  private readonly strings: Uint8Array;
  /** As nm(1) prints them, a byte a symbol. */
  private readonly letters: Uint8Array | undefined;
  /** Where in `entries` each symbol that counts begins. */
  private readonly places: Uint32Array;
  /** Its address, as `keyOf` has it. */
  private readonly keys: Float64Array;
  /** By address. */
  private order: Uint32Array | undefined;
  /** Where the names of functions stop being names; undefined when there are names of data too. */
  private readonly textEnd: bigint | undefined;

  /** E_NO_INFO when types do not describe the table or the kernel keeps none, E_CORRUPT when it makes no sense, E_UNREADABLE when it is not in the dump. */
  constructor(kernel: Kernel, layouts: Layouts, module: KernelModule) {
    this.module = module;
    this.littleEndian = kernel.dump.littleEndian;
    const table = readTable(kernel, layouts, module);
    this.entries = table.entries;
    this.strings = table.strings;
    this.letters = table.letters;
    this.places = this.findPlaces();
    this.keys = Float64Array.from(this.places, (at) =>
      keyOf(
        this.entries.getUint32(at + 12, this.littleEndian),
        this.entries.getUint32(at + 8, this.littleEndian),
      ),
    );
    const isText = (at: number): boolean => /[tTwWaA]/.test(this.letter(at));
    this.textEnd = this.places.every(isText) ? endOfText(kernel, layouts, module) : undefined;
  }

  /** Ascending by address. */
  *[Symbol.iterator](): Generator<ModuleSymbol> {
    this.order ??= Uint32Array.from(this.keys.keys()).sort((a, b) => this.keys[a]! - this.keys[b]!);
    for (const index of this.order) yield this.symbol(index);
  }

  /** The first of this name; static symbols can share one. */
  find(name: string): ModuleSymbol | undefined {
    for (const symbol of this.all(name)) return symbol;
    return undefined;
  }

  /** Every symbol of this name. */
  *all(name: string): Generator<ModuleSymbol> {
    const wanted = Uint8Array.from(`${name}\0`, (char) => char.charCodeAt(0));
    for (let index = 0; index < this.places.length; index++) {
      const at = this.nameAt(index);
      let matched = 0;
      while (matched < wanted.length && this.strings[at + matched] === wanted[matched]) matched++;
      if (matched === wanted.length) yield this.symbol(index);
    }
  }

  /**
   * The symbol that an address of the module's memory belongs to, of several at one place the first, as the kernel's own lookup does. Undefined
   * outside, or before the first symbol of that memory.
   */
  lookup(address: Vaddr): SymbolPlace | undefined {
    const region = this.module.regions.find(
      ({ base, size }) => address >= base && address < base + BigInt(size),
    );
    if (region === undefined || address >= (this.textEnd ?? address + 1n)) return undefined;
    const { keys } = this;
    const [wanted, lowest] = [keyOfAddress(address), keyOfAddress(region.base)];
    let [found, best, next] = [-1, Number.NEGATIVE_INFINITY, lowest + region.size];
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]!;
      if (key > wanted) next = Math.min(next, key);
      else if (key > best && key >= lowest) [found, best] = [index, key];
    }
    if (found < 0) return undefined;
    const start = this.address(found);
    return { name: this.name(found), address: start, offset: address - start, size: BigInt(next - best) };
  }

  private symbol(index: number): ModuleSymbol {
    const at = this.places[index]!;
    return {
      name: this.name(index),
      type: this.letter(at),
      address: this.address(index),
      size: u64(this.entries, at + 16, this.littleEndian),
    };
  }

  /** As nm(1) prints it; `at`: where the symbol is in `entries`. */
  private letter(at: number): string {
    return String.fromCharCode(this.letters?.[at / entrySize] ?? this.entries.getUint8(at + 4));
  }

  private name(index: number): string {
    const at = this.nameAt(index);
    return cString(this.strings.subarray(at, at + maxName));
  }

  private nameAt(index: number): number {
    return this.entries.getUint32(this.places[index]!, this.littleEndian);
  }

  private address(index: number): Vaddr {
    return asVaddr(this.entries.getBigUint64(this.places[index]! + 8, this.littleEndian));
  }

  /** Defined ones with a name that is no mark. */
  private findPlaces(): Uint32Array {
    const { entries, strings, littleEndian } = this;
    const places = new Uint32Array(entries.byteLength / entrySize);
    let count = 0;
    for (let at = 0; at < entries.byteLength; at += entrySize) {
      const name = entries.getUint32(at, littleEndian);
      const isDefined = entries.getUint16(at + 6, littleEndian) !== SHN_UNDEF;
      if (isDefined && strings[name] !== 0 && !isMark(strings, name)) places[count++] = at;
    }
    return places.slice(0, count);
  }
}

/**
 * An address as a Number that compares: exact for the upper 2^53 bytes, where all memory of modules is. Far below only offsets of per-CPU
 * variables are.
 */
const keyOf = (high: number, low: number): number => (high - 0xffff_ffff) * 2 ** 32 + low;
const keyOfAddress = (address: Vaddr): number =>
  keyOf(Number(address >> 32n), Number(address & 0xffff_ffffn));

/** In memory that is in one piece, as before 6.4 (ac3b43283923), text comes first. */
function endOfText(kernel: Kernel, layouts: Layouts, { address, regions }: KernelModule): bigint | undefined {
  const text = regions.find(({ kind }) => kind === 'text' || kind === 'core');
  if (text === undefined) return undefined;
  const layout = layouts.offset('module.core_layout');
  const size = layouts.offset('module_layout.text_size');
  if (text.kind === 'text' || layout === undefined || size === undefined)
    return text.base + BigInt(text.size);
  return text.base + BigInt(readUnsignedInt(kernel, address + BigInt(layout + size)));
}

interface SymbolTable {
  readonly entries: DataView;
  readonly strings: Uint8Array;
  readonly letters: Uint8Array | undefined;
}

function readTable(kernel: Kernel, layouts: Layouts, module: KernelModule): SymbolTable {
  const { littleEndian, source } = kernel.dump;
  const table = kernel.readPointer(
    asVaddr(module.address + BigInt(layouts.requireOffset('module.kallsyms'))),
  );
  if (table === 0n) {
    throw new VmcoreError('E_NO_INFO', `the kernel keeps no symbols of module ${module.name}`, {
      file: source.name,
    });
  }
  const at = (member: string): Vaddr =>
    asVaddr(table + BigInt(layouts.requireOffset(`mod_kallsyms.${member}`)));
  const count = viewOf(kernel.read(at('num_symtab'), 4)).getUint32(0, littleEndian);
  if (count > maxSymbols) throw corrupt(kernel, module, `${count} symbols`);
  const bytes = new Uint8Array(count * entrySize);
  kernel.readBulk(kernel.readPointer(at('symtab')), bytes);
  const entries = viewOf(bytes);
  const hasLetters = layouts.offset('mod_kallsyms.typetab') !== undefined;
  return {
    entries,
    strings: readStrings(kernel, module, kernel.readPointer(at('strtab')), entries),
    letters: hasLetters ? kernel.read(kernel.readPointer(at('typetab')), count) : undefined,
  };
}

const dollar = '$'.charCodeAt(0);
const dot = '.'.charCodeAt(0);
const letterL = 'L'.charCodeAt(0);
/** Mapping symbols of arm64 and labels of assemblers (include/linux/module_symbol.h, Linux 6.12). */
const isMark = (strings: Uint8Array, at: number): boolean =>
  strings[at] === dollar || (strings[at] === dot && strings[at + 1] === letterL);

/** The strings that the symbols name, read at once. Behind the last one there is room for a long name. */
function readStrings(kernel: Kernel, module: KernelModule, strings: Vaddr, entries: DataView): Uint8Array {
  let last = 0;
  for (let at = 0; at < entries.byteLength; at += entrySize)
    last = Math.max(last, entries.getUint32(at, kernel.dump.littleEndian));
  if (last > maxStrings) throw corrupt(kernel, module, `names of ${last} bytes`);
  // The last name is followed by whatever the module's memory goes on with, if it goes on.
  const { pageSize } = kernel.dump.memory;
  const toPageEnd = pageSize - Number((strings + BigInt(last)) % BigInt(pageSize));
  const bytes = new Uint8Array(last + maxName);
  const sure = bytes.subarray(0, last + Math.min(toPageEnd, maxName));
  kernel.readBulk(strings, sure);
  if (sure.indexOf(0, last) < 0) kernel.readBulk(strings, bytes);
  return bytes;
}

const corrupt = (kernel: Kernel, module: KernelModule, what: string): VmcoreError =>
  new VmcoreError('E_CORRUPT', `the symbols of module ${module.name} make no sense: ${what}`, {
    file: kernel.dump.source.name,
    hint: 'the kernel smashed them, or they are of a kernel newer than this program',
  });
