/**
 * The modules that were loaded: names, memory, symbols and types, all from the dump itself. Read when asked for, and kept.
 *
 * The list: module-list.ts; symbols: module-symbols.ts; types: module-types.ts.
 */
import { VmcoreError } from '../../base/errors.ts';
import type { Vaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import { walkDamagedList } from '../lists/damaged-list.ts';
import { Missing } from '../missing.ts';
import type { Btf } from '../types/btf.ts';
import type { Layouts } from '../types/layouts.ts';
import { type KernelModule, readModule, readModules } from './module-list.ts';
import { ModuleSymbols } from './module-symbols.ts';
import { readModuleTypes } from './module-types.ts';

/** What finds the modules; each is asked for when it is first needed. */
export interface ModuleSources {
  /** The address of a symbol of vmlinux: `modules` and `btf_modules` are asked for, both static variables. */
  symbol(name: string): Vaddr | undefined;
  /** Types of vmlinux, on which those of modules build. */
  btf(): Btf | undefined;
}

/** What could be read of a list, and a line for each part that could not. */
interface PartialList {
  readonly modules: readonly KernelModule[];
  readonly troubles: readonly string[];
}

export class Modules {
  private readonly kernel: Kernel;
  private readonly layouts: Layouts;
  private readonly sources: ModuleSources;
  private loaded: readonly KernelModule[] | undefined;
  private found: PartialList | undefined;
  private readonly symbolTables = new Map<KernelModule, ModuleSymbols>();
  private readonly types = new Map<KernelModule, Btf | undefined>();

  constructor(kernel: Kernel, layouts: Layouts, sources: ModuleSources) {
    this.kernel = kernel;
    this.layouts = layouts;
    this.sources = sources;
  }

  /**
   * In the order of the kernel's list, the last loaded first. E_NO_INFO when symbols or types do not tell where they are, E_CORRUPT when the list is
   * broken, E_UNREADABLE when a part of it is not in the dump.
   */
  all(): readonly KernelModule[] {
    this.loaded ??= [...readModules(this.kernel, this.layouts, this.listHead())];
    return this.loaded;
  }

  /** As `all`, but what is broken is noted in `missing`, and all else given. */
  *readable(missing: Missing): Generator<KernelModule> {
    const { modules, troubles } = this.partial();
    for (const line of troubles) missing.note(line);
    yield* modules;
  }

  /** By its name; "-" is the same as "_", as for modprobe. */
  find(name: string): KernelModule | undefined {
    const wanted = name.replaceAll('-', '_');
    return this.all().find((module) => module.name.replaceAll('-', '_') === wanted);
  }

  /** The module whose memory an address lies in, of those that can be read. */
  at(address: Vaddr): KernelModule | undefined {
    return this.partial().modules.find(({ regions }) =>
      regions.some(({ base, size }) => address >= base && address < base + BigInt(size)),
    );
  }

  /** Errors as `all`, for the module's symbol table. */
  symbols(module: KernelModule): ModuleSymbols {
    let symbols = this.symbolTables.get(module);
    if (symbols === undefined) {
      symbols = new ModuleSymbols(this.kernel, this.layouts, module);
      this.symbolTables.set(module, symbols);
    }
    return symbols;
  }

  /** The module's own types, and behind them those of vmlinux. Undefined when it has none, or their list is not known. */
  typesOf(module: KernelModule): Btf | undefined {
    if (!this.types.has(module)) {
      const list = this.sources.symbol('btf_modules');
      const base = this.sources.btf();
      const types =
        list === undefined || base === undefined
          ? undefined
          : readModuleTypes(this.kernel, this.layouts, { list, module, base });
      this.types.set(module, types);
    }
    return this.types.get(module);
  }

  private partial(): PartialList {
    this.found ??= this.readPartial();
    return this.found;
  }

  private readPartial(): PartialList {
    if (this.loaded !== undefined) return { modules: this.loaded, troubles: [] };
    const missing = new Missing();
    const modules: KernelModule[] = [];
    const head = missing.attempt('the modules', () => this.listHead());
    if (head !== undefined) {
      for (const node of walkDamagedList(this.kernel, head, 'the list of modules', missing)) {
        const module = missing.attempt('a module', () => readModule(this.kernel, this.layouts, node));
        if (module !== undefined) modules.push(module);
      }
    }
    return { modules, troubles: missing.lines };
  }

  private listHead(): Vaddr {
    const head = this.sources.symbol('modules');
    if (head !== undefined) return head;
    throw new VmcoreError('E_NO_INFO', 'nothing tells where the list of modules is', {
      file: this.kernel.dump.source.name,
      hint: 'its symbols are read from dumps of Linux 6.0 and later with CONFIG_KALLSYMS_ALL; else give the vmlinux with --vmlinux (makedumpfile: -x)',
    });
  }
}
