/**
 * Symbols of the kernel and of its modules, both ways: what vmcoreinfo names, kallsyms, and the symbol tables of modules. Each source is read when the
 * one before it does not know.
 *
 * Addresses are kernel virtual. A source that is damaged is done without; `require` tells why it has no answer.
 */
import { VmcoreError } from '../base/errors.ts';
import type { Vaddr } from '../base/units.ts';
import { type Kallsyms, openKallsyms, type SymbolPlace } from './kallsyms.ts';
import type { Kernel } from './kernel.ts';
import type { Modules } from './modules.ts';

/** Where an address is; `module` is undefined for the kernel itself. */
export interface PlacedSymbol extends SymbolPlace {
  readonly module: string | undefined;
}

export class Symbols {
  private readonly kernel: Kernel;
  private readonly openModules: () => Modules;
  private opened: Kallsyms | VmcoreError | undefined;

  /** `modules` is asked for when an address is not the kernel's own. */
  constructor(kernel: Kernel, modules: () => Modules) {
    this.kernel = kernel;
    this.openModules = modules;
  }

  /** Undefined when there is none of this name, or no symbols can be read. Of several static ones the first. */
  address(name: string): Vaddr | undefined {
    return this.kernel.info.symbol(name) ?? this.kallsyms()?.address(name);
  }

  /** E_NO_INFO, with the reason, when it is not known. */
  require(name: string): Vaddr {
    const address = this.address(name);
    if (address !== undefined) return address;
    const { opened } = this;
    const why = opened instanceof VmcoreError ? `: ${opened.message}` : '';
    throw new VmcoreError('E_NO_INFO', `no symbol ${name}${why}`, {
      file: this.kernel.dump.source.name,
      hint: 'give the vmlinux of this kernel with --vmlinux',
    });
  }

  /** The symbol that an address lies in, of the kernel or of a module; undefined elsewhere. */
  lookup(address: Vaddr): PlacedSymbol | undefined {
    const own = this.kallsyms()?.lookup(address);
    if (own !== undefined) return { ...own, module: undefined };
    try {
      const modules = this.openModules();
      const module = modules.at(address);
      const place = module === undefined ? undefined : modules.symbols(module).lookup(address);
      return place === undefined ? undefined : { ...place, module: module!.name };
    } catch (error) {
      if (error instanceof VmcoreError) return undefined;
      throw error;
    }
  }

  /** Undefined when they cannot be read. */
  kallsyms(): Kallsyms | undefined {
    this.opened ??= this.open();
    return this.opened instanceof VmcoreError ? undefined : this.opened;
  }

  private open(): Kallsyms | VmcoreError {
    try {
      return openKallsyms(this.kernel);
    } catch (error) {
      if (error instanceof VmcoreError) return error;
      throw error;
    }
  }
}
