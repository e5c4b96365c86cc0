/**
 * The modules that were loaded: names, memory, symbols and types, all from the dump itself.
 *
 * Source of truth: include/linux/module.h and kernel/module/main.c (Linux 6.1, 6.12, 7.2). What moved, and what tells:
 *   memory   core_layout and init_layout; module.mem[] since 6.4 (ac3b43283923), by its kinds (enum mod_mem_type)
 * The rest is by name in struct module, since 4.18 at least. Symbols: module-symbols.ts; types: module-types.ts.
 *
 * Addresses are kernel virtual, sizes bytes. A module's own memory is vmalloc'ed and in dumps of all levels.
 */
import { cString, viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import { asVaddr, type Vaddr } from '../base/units.ts';
import type { Btf } from './btf.ts';
import type { Kernel } from './kernel.ts';
import type { Layouts } from './layouts.ts';
import { walkList } from './lists.ts';
import { ModuleSymbols } from './module-symbols.ts';
import { readModuleTypes } from './module-types.ts';

/** A piece of a module's memory; "core" and "init" are all there is before 6.4. */
export interface ModuleRegion {
  readonly kind: 'core' | 'init' | ModuleMemoryKind;
  readonly base: Vaddr;
  readonly size: number;
}

/** MOD_TEXT and so on, without MOD_ and in small letters. */
const memoryKinds = [
  ...(['text', 'data', 'rodata', 'ro_after_init'] as const),
  ...(['init_text', 'init_data', 'init_rodata'] as const),
] as const;
type ModuleMemoryKind = (typeof memoryKinds)[number];

/** enum module_state. */
const states = ['live', 'coming', 'going', 'unformed'] as const;

export interface KernelModule {
  readonly name: string;
  /** Of its struct module. */
  readonly address: Vaddr;
  readonly state: (typeof states)[number];
  /** Where its text begins. */
  readonly base: Vaddr;
  /** All its memory, as lsmod shows. */
  readonly size: number;
  readonly regions: readonly ModuleRegion[];
}

/** What finds the modules; each is asked for when it is first needed. */
export interface ModuleSources {
  /** The address of a symbol of vmlinux: `modules` and `btf_modules` are asked for, both static variables. */
  symbol(name: string): Vaddr | undefined;
  /** Types of vmlinux, on which those of modules build. */
  btf(): Btf | undefined;
}

export class Modules {
  private readonly kernel: Kernel;
  private readonly layouts: Layouts;
  private readonly sources: ModuleSources;
  private loaded: readonly KernelModule[] | undefined;
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

  /** By its name; "-" is the same as "_", as for modprobe. */
  find(name: string): KernelModule | undefined {
    const wanted = name.replaceAll('-', '_');
    return this.all().find((module) => module.name.replaceAll('-', '_') === wanted);
  }

  /** The module whose memory an address lies in. */
  at(address: Vaddr): KernelModule | undefined {
    return this.all().find(({ regions }) =>
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

  private listHead(): Vaddr {
    const head = this.sources.symbol('modules');
    if (head !== undefined) return head;
    throw new VmcoreError('E_NO_INFO', 'nothing tells where the list of modules is', {
      file: this.kernel.dump.source.name,
      hint: 'its symbols are read from dumps of Linux 6.0 and later with CONFIG_KALLSYMS_ALL; else give the vmlinux with -x',
    });
  }
}

/** The modules of the list at `head`, as far as they are formed: one that is being loaded or torn down may not be. Errors as `Modules.all`. */
export function* readModules(kernel: Kernel, layouts: Layouts, head: Vaddr): Generator<KernelModule> {
  const reader = new ModuleReader(kernel, layouts);
  for (const node of walkList(kernel, head)) {
    const module = reader.read(node);
    if (module.state !== 'unformed') yield module;
  }
}

class ModuleReader {
  private readonly kernel: Kernel;
  private readonly layouts: Layouts;
  private readonly size: number;

  constructor(kernel: Kernel, layouts: Layouts) {
    this.kernel = kernel;
    this.layouts = layouts;
    this.size = layouts.requireSize('module');
  }

  /** `node`: the address of its member `list`. */
  read(node: bigint): KernelModule {
    const { layouts, kernel } = this;
    const address = asVaddr(node - BigInt(layouts.requireOffset('module.list')));
    const bytes = kernel.read(address, this.size);
    const view = viewOf(bytes);
    const nameAt = layouts.requireOffset('module.name');
    const state = view.getUint32(layouts.requireOffset('module.state'), kernel.dump.littleEndian);
    const regions = this.regions(view);
    const text = regions.find(({ kind }) => kind === 'text' || kind === 'core');
    return {
      name: cString(bytes.subarray(nameAt, nameAt + (layouts.length('module.name') ?? 0))),
      address,
      state: states[state] ?? 'unformed',
      base: text?.base ?? asVaddr(0n),
      size: regions.reduce((sum, region) => sum + region.size, 0),
      regions,
    };
  }

  private regions(module: DataView): ModuleRegion[] {
    const { layouts } = this;
    const array = layouts.offset('module.mem');
    const regions =
      array === undefined
        ? (['core', 'init'] as const).map((kind) =>
            this.region(module, kind, layouts.requireOffset(`module.${kind}_layout`), 'module_layout'),
          )
        : memoryKinds.flatMap((kind) => {
            const index = layouts.enumValue('mod_mem_type', `MOD_${kind.toUpperCase()}`);
            if (index === undefined) return [];
            return [
              this.region(
                module,
                kind,
                array + index * layouts.requireSize('module_memory'),
                'module_memory',
              ),
            ];
          });
    return regions.filter(({ base, size }) => base !== 0n && size > 0);
  }

  private region(
    module: DataView,
    kind: ModuleRegion['kind'],
    at: number,
    struct: 'module_layout' | 'module_memory',
  ): ModuleRegion {
    const { littleEndian } = this.kernel.dump;
    const base = module.getBigUint64(at + this.layouts.requireOffset(`${struct}.base`), littleEndian);
    const size = module.getUint32(at + this.layouts.requireOffset(`${struct}.size`), littleEndian);
    return { kind, base: asVaddr(base), size };
  }
}
