/**
 * The symbols of one module: the ELF symbol table that the kernel keeps of it (CONFIG_KALLSYMS).
 *
 * Source of truth: struct mod_kallsyms of include/linux/module.h, kernel/module/kallsyms.c (Linux 6.1, 6.12, 7.2). Letters of nm(1) are in an array of
 * their own since 5.2 (1c7651f43777), before that in st_info. Of a module that is loaded, symbols of its init sections are gone.
 */
import { cString, latin1, viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import { asVaddr, type Vaddr } from '../base/units.ts';
import type { SymbolPlace } from './kallsyms.ts';
import type { Kernel } from './kernel.ts';
import type { Layouts } from './layouts.ts';
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
  /** Ascending by address. */
  private readonly list: readonly ModuleSymbol[];
  private readonly names = new Map<string, ModuleSymbol>();

  /** E_NO_INFO when types do not describe the table or the kernel keeps none, E_CORRUPT when it makes no sense, E_UNREADABLE when it is not in the dump. */
  constructor(kernel: Kernel, layouts: Layouts, module: KernelModule) {
    this.module = module;
    this.list = readSymbols(kernel, layouts, module).sort((a, b) =>
      a.address < b.address ? -1 : a.address > b.address ? 1 : 0,
    );
    for (const symbol of this.list) if (!this.names.has(symbol.name)) this.names.set(symbol.name, symbol);
  }

  [Symbol.iterator](): Iterator<ModuleSymbol> {
    return this.list[Symbol.iterator]();
  }

  /** The first of this name; static symbols can share one. */
  find(name: string): ModuleSymbol | undefined {
    return this.names.get(name);
  }

  /** The symbol that an address of the module's memory belongs to; undefined outside, or before the first symbol of that memory. */
  lookup(address: Vaddr): SymbolPlace | undefined {
    const region = this.module.regions.find(
      ({ base, size }) => address >= base && address < base + BigInt(size),
    );
    if (region === undefined) return undefined;
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.list[middle]!.address <= address) low = middle + 1;
      else high = middle;
    }
    const found = this.list[low - 1];
    if (found === undefined || found.address < region.base) return undefined;
    const next = this.list[low]?.address ?? 0n;
    const end = region.base + BigInt(region.size);
    return {
      name: found.name,
      address: found.address,
      offset: address - found.address,
      size: (next > found.address && next < end ? next : end) - found.address,
    };
  }
}

function readSymbols(kernel: Kernel, layouts: Layouts, module: KernelModule): ModuleSymbol[] {
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
  const entries = new Uint8Array(count * entrySize);
  kernel.readBulk(kernel.readPointer(at('symtab')), entries);
  const view = viewOf(entries);
  const letters =
    layouts.offset('mod_kallsyms.typetab') === undefined
      ? undefined
      : latin1(kernel.read(kernel.readPointer(at('typetab')), count));
  const nameOf = readStrings(kernel, module, kernel.readPointer(at('strtab')), view, count);
  return Array.from({ length: count }, (_, i): ModuleSymbol & { readonly section: number } => {
    const entry = i * entrySize;
    return {
      name: nameOf(view.getUint32(entry, littleEndian)),
      type: letters?.[i] ?? String.fromCharCode(view.getUint8(entry + 4)),
      section: view.getUint16(entry + 6, littleEndian),
      address: asVaddr(view.getBigUint64(entry + 8, littleEndian)),
      size: Number(view.getBigUint64(entry + 16, littleEndian)),
    };
  })
    .filter(({ name, section }) => section !== SHN_UNDEF && name !== '' && !isMark(name))
    .map(({ name, type, address, size }) => ({ name, type, address, size }));
}

/** Mapping symbols of arm64 and labels of assemblers (include/linux/module_symbol.h, Linux 6.12). */
const isMark = (name: string): boolean => name.startsWith('$') || name.startsWith('.L');

/** The strings that the symbols name, read at once. */
function readStrings(
  kernel: Kernel,
  module: KernelModule,
  strings: Vaddr,
  symbols: DataView,
  count: number,
): (offset: number) => string {
  let last = 0;
  for (let i = 0; i < count; i++)
    last = Math.max(last, symbols.getUint32(i * entrySize, kernel.dump.littleEndian));
  if (last > maxStrings) throw corrupt(kernel, module, `names of ${last} bytes`);
  // The last name is followed by whatever the module's memory goes on with, if it goes on.
  const { pageSize } = kernel.dump.memory;
  const toPageEnd = pageSize - Number((strings + BigInt(last)) % BigInt(pageSize));
  const bytes = new Uint8Array(last + Math.min(toPageEnd, maxName));
  kernel.readBulk(strings, bytes);
  if (bytes.indexOf(0, last) >= 0) return (offset) => cString(bytes.subarray(offset, offset + maxName));
  const longer = new Uint8Array(last + maxName);
  kernel.readBulk(strings, longer);
  return (offset) => cString(longer.subarray(offset, offset + maxName));
}

const corrupt = (kernel: Kernel, module: KernelModule, what: string): VmcoreError =>
  new VmcoreError('E_CORRUPT', `the symbols of module ${module.name} make no sense: ${what}`, {
    file: kernel.dump.source.name,
    hint: 'the kernel smashed them, or they are of a kernel newer than this program',
  });
