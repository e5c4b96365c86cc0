/**
 * Symbols of the kernel and of its modules, both ways: what vmcoreinfo names, kallsyms, and the symbol tables of modules. Each source is read when the
 * one before it does not know. Where kallsyms has functions only, exported variables (ksymtab.ts) and what they lead to (derived-symbols.ts) come last.
 *
 * Addresses are kernel virtual. A source that is damaged is done without; `require` and `troubles` tell why it has no answer.
 */
import { VmcoreError } from '../../base/errors.ts';
import type { Vaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import { Missing } from '../missing.ts';
import type { KernelModule } from '../modules/module-list.ts';
import type { Modules } from '../modules/modules.ts';
import { Kallsyms, type KernelSymbol, openKallsyms, type SymbolPlace, type SymbolTable } from './kallsyms.ts';
import { scanKallsyms } from './kallsyms-scan.ts';
import { findExports } from './ksymtab.ts';

/** Where an address is; `module` is undefined for the kernel itself. */
export interface PlacedSymbol extends SymbolPlace {
  readonly module: string | undefined;
}

/** A symbol with where it is from. */
export interface NamedSymbol extends KernelSymbol {
  readonly module: string | undefined;
}

export class Symbols {
  private readonly kernel: Kernel;
  private readonly openModules: () => Modules;
  private readonly missing = new Missing();
  private readonly derive: (name: string) => Vaddr | undefined;
  private opened: Kallsyms | VmcoreError | undefined;
  private vmlinux: SymbolTable | undefined;
  private exports: ReadonlyMap<string, Vaddr> | undefined;
  private readonly derived = new Map<string, Vaddr | undefined>();

  /** `modules` is asked for when an address is not the kernel's own; `derive` for static variables of which nothing else tells. */
  constructor(
    kernel: Kernel,
    modules: () => Modules,
    derive: (name: string) => Vaddr | undefined = () => undefined,
  ) {
    this.kernel = kernel;
    this.openModules = modules;
    this.derive = derive;
  }

  /** Symbols of the kernel's vmlinux, for what the dump itself does not tell. */
  useVmlinux(table: SymbolTable): void {
    this.vmlinux = table;
  }

  /** What could not be read so far, a line each. */
  get troubles(): readonly string[] {
    return this.missing.lines;
  }

  /** Undefined when there is none of this name, or no symbols can be read. Of several static ones the first. */
  address(name: string): Vaddr | undefined {
    return (
      this.kernel.info.symbol(name) ??
      this.kallsyms()?.address(name) ??
      this.vmlinux?.address(name) ??
      this.variable(name)
    );
  }

  /** Of kernels that keep the names of functions only. */
  private variable(name: string): Vaddr | undefined {
    const { opened } = this;
    if (!(opened instanceof Kallsyms) || !hasFunctionsOnly(opened)) return undefined;
    this.exports ??= findExports(this.kernel, opened) ?? new Map();
    const exported = this.exports.get(name);
    if (exported !== undefined || this.exports.size === 0) return exported;
    if (!this.derived.has(name)) {
      // What leads there must not lead back here.
      this.derived.set(name, undefined);
      this.derived.set(name, this.derive(name));
    }
    return this.derived.get(name);
  }

  /** E_NO_INFO, with the reason, when it is not known. */
  require(name: string): Vaddr {
    const address = this.address(name);
    if (address !== undefined) return address;
    throw new VmcoreError('E_NO_INFO', `no symbol ${name}${this.whyUnknown()}`, {
      file: this.kernel.dump.source.name,
      hint: 'give the vmlinux of this kernel with --vmlinux',
    });
  }

  private whyUnknown(): string {
    const { opened } = this;
    if (opened instanceof VmcoreError) return `: ${opened.message}`;
    return opened !== undefined && hasFunctionsOnly(opened)
      ? ': its kernel keeps the names of functions only (no CONFIG_KALLSYMS_ALL)'
      : '';
  }

  /** Every symbol of this name, of the kernel and of modules; "module:name" asks one module only. */
  *find(name: string): Generator<NamedSymbol> {
    const colon = name.indexOf(':');
    if (colon >= 0) {
      const wanted = canonical(name.slice(0, colon));
      for (const module of this.modules())
        if (canonical(module.name) === wanted) yield* this.inModule(module, name.slice(colon + 1));
      return;
    }
    let isKnown = false;
    for (const table of this.tables()) {
      for (const symbol of isKnown ? [] : table.all(name)) {
        isKnown = true;
        yield { ...symbol, module: undefined };
      }
    }
    const told = isKnown ? undefined : (this.kernel.info.symbol(name) ?? this.variable(name));
    if (told !== undefined) yield { name, type: '?', address: told, module: undefined };
    for (const module of this.modules()) yield* this.inModule(module, name);
  }

  /** All there are: the kernel's in the order of their addresses, then those of each module. */
  *[Symbol.iterator](): Generator<NamedSymbol> {
    for (const symbol of this.tables()[0] ?? []) yield { ...symbol, module: undefined };
    for (const module of this.modules())
      for (const symbol of this.tableOf(module) ?? []) yield { ...symbol, module: module.name };
  }

  /** The symbol that an address lies in, of the kernel or of a module; undefined elsewhere. */
  lookup(address: Vaddr): PlacedSymbol | undefined {
    const own = this.ownLookup(address);
    if (own !== undefined) return { ...own, module: undefined };
    const module = this.openModules().at(address);
    const place = module === undefined ? undefined : this.tableOf(module)?.lookup(address);
    return place === undefined ? undefined : { ...place, module: module!.name };
  }

  private ownLookup(address: Vaddr): SymbolPlace | undefined {
    const kallsyms = this.kallsyms();
    if (kallsyms === undefined) return this.vmlinux?.lookup(address);
    const place = kallsyms.lookup(address);
    // Behind the text of a kernel that keeps names of functions only lie its variables, up to the functions of its start.
    const isBoundary = place !== undefined && sectionBoundary.test(place.name);
    return isBoundary && hasFunctionsOnly(kallsyms) ? this.vmlinux?.lookup(address) : place;
  }

  /** Undefined when they cannot be read. */
  kallsyms(): Kallsyms | undefined {
    this.opened ??= this.open();
    return this.opened instanceof VmcoreError ? undefined : this.opened;
  }

  /** Of the kernel itself: what is asked first, first. */
  private tables(): readonly SymbolTable[] {
    return [this.kallsyms(), this.vmlinux].filter((table) => table !== undefined);
  }

  private *inModule(module: KernelModule, name: string): Generator<NamedSymbol> {
    for (const symbol of this.tableOf(module)?.all(name) ?? []) yield { ...symbol, module: module.name };
  }

  private modules(): Iterable<KernelModule> {
    return this.openModules().readable(this.missing);
  }

  private tableOf(module: KernelModule): ReturnType<Modules['symbols']> | undefined {
    return this.missing.attempt(`the symbols of module ${module.name}`, () =>
      this.openModules().symbols(module),
    );
  }

  private open(): Kallsyms | VmcoreError {
    try {
      return openKallsyms(this.kernel);
    } catch (error) {
      if (!(error instanceof VmcoreError)) throw error;
      // What is in no page of the dump is not found by searching either.
      const found = error.code === 'E_UNREADABLE' ? undefined : scanKallsyms(this.kernel);
      if (found !== undefined) return found;
      this.missing.note(`the symbols of the kernel: ${error.message}`);
      return error;
    }
  }
}

/** "-" in the name of a module is the same as "_", as for modprobe. */
const canonical = (module: string): string => module.replaceAll('-', '_');

/** Marks that kernels have which keep names of functions only: those of sections since 6.9 (scripts/kallsyms.c). */
const sectionBoundary = /^(_etext|_einittext|__start_\w+|__stop_\w+)$/;

/** Every kernel has this variable. Debian's 5.10 for arm64 is built like that (no CONFIG_KALLSYMS_ALL). */
const hasFunctionsOnly = (kallsyms: Kallsyms): boolean => kallsyms.address('init_task') === undefined;
