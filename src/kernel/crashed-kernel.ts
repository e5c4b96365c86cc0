/**
 * A crashed kernel with all that its dump tells of it: memory by virtual address, symbols, types, modules. What every view is built on.
 *
 * Each part is made on first use and kept, so that a question costs only what it needs. Nothing here needs a file beside the dump; a
 * vmlinux that is given answers what the dump does not tell.
 */
import { VmcoreError } from '../base/errors.ts';
import { asVaddr, type Vaddr } from '../base/units.ts';
import type { Dump } from '../formats/dump.ts';
import type { ElfSections } from '../formats/elf-sections.ts';
import { readCpuMask } from './cpus.ts';
import { GivenVmlinux } from './given-vmlinux.ts';
import { Kernel } from './kernel.ts';
import { moduleDwarf } from './modules/module-debug.ts';
import type { KernelModule } from './modules/module-list.ts';
import { Modules } from './modules/modules.ts';
import { Struct, StructLayout } from './struct.ts';
import { deriveSymbol } from './symbols/derived-symbols.ts';
import { Symbols } from './symbols/symbols.ts';
import { Btf } from './types/btf.ts';
import { findBtf } from './types/btf-scan.ts';
import { Layouts } from './types/layouts.ts';
import type { StructType, TypeSource } from './types/types.ts';
import type { Vmcoreinfo } from './vmcoreinfo.ts';
import { withFoundVmcoreinfo } from './vmcoreinfo-scan.ts';

/** A hundred times what kernels have. */
const maxBtf = 2 ** 29;

/** What a user gives beside the dump. */
export interface GivenFiles {
  /** The kernel's vmlinux. */
  readonly vmlinux?: ElfSections | undefined;
  /** A module with its debug information, by its name. */
  readonly debugModule?: ((module: string) => ElfSections | undefined) | undefined;
}

export class CrashedKernel {
  readonly kernel: Kernel;
  readonly symbols: Symbols;
  readonly layouts: Layouts;
  readonly modules: Modules;
  private readonly vmlinux: GivenVmlinux | undefined;
  private readonly debugModule: GivenFiles['debugModule'];
  private readonly moduleTypes = new Map<KernelModule, readonly TypeSource[]>();
  private types: Btf | 'none' | undefined;
  private possible: readonly number[] | undefined;
  private readonly structs = new Map<string | StructType, StructLayout>();

  /** E_NO_INFO as Kernel; E_USAGE when a given file is of another kernel. */
  constructor(dump: Dump, given: GivenFiles = {}) {
    this.kernel = new Kernel(dump);
    this.symbols = new Symbols(
      this.kernel,
      () => this.modules,
      (name) =>
        deriveSymbol(name, {
          kernel: this.kernel,
          layouts: this.layouts,
          structLayout: (type) => this.structLayout(type),
          symbol: (leading) => this.symbols.address(leading),
        }),
    );
    this.layouts = new Layouts(dump.source.name, this.kernel.info, [
      () => this.btf(),
      () => this.vmlinux?.dwarf(),
    ]);
    this.modules = new Modules(this.kernel, this.layouts, {
      symbol: (name) => this.symbols.address(name),
      btf: () => this.btf(),
    });
    this.debugModule = given.debugModule;
    if (given.vmlinux !== undefined) {
      this.vmlinux = new GivenVmlinux(this.kernel, given.vmlinux, (name) => this.symbols.address(name));
      this.symbols.useVmlinux(this.vmlinux.symbols);
    }
  }

  get dump(): Dump {
    return this.kernel.dump;
  }

  get info(): Vmcoreinfo {
    return this.kernel.info;
  }

  /** The types of vmlinux; undefined when the kernel has none (CONFIG_DEBUG_INFO_BTF), or they are not in the dump. */
  btf(): Btf | undefined {
    this.types ??= this.openBtf() ?? 'none';
    return this.types === 'none' ? undefined : this.types;
  }

  /** Who knows the types of a module: its BTF, and the DWARF of a file that was given. E_USAGE when that is of another build. */
  typesOf(module: KernelModule): readonly TypeSource[] {
    let types = this.moduleTypes.get(module);
    if (types === undefined) {
      const sections = this.debugModule?.(module.name);
      types = [
        this.modules.typesOf(module),
        sections && moduleDwarf(this.kernel, this.layouts, module, sections),
      ].filter((source) => source !== undefined);
      this.moduleTypes.set(module, types);
    }
    return types;
  }

  /** A structure by its tag: struct('task_struct', address). */
  struct(type: string, address: bigint): Struct {
    return new Struct(this, type, address);
  }

  /** A global variable that is a structure: global('init_uts_ns', 'uts_namespace'). E_NO_INFO when the symbol is not known. */
  global(symbol: string, type: string): Struct {
    return new Struct(this, type, this.symbols.require(symbol));
  }

  /** A CPU's copy of a per-CPU variable. E_NO_INFO when the symbol is not known. */
  perCpu(symbol: string, cpu: number): Vaddr {
    return this.onCpu(this.symbols.require(symbol), cpu);
  }

  /** The same for a pointer that alloc_percpu() gave. */
  onCpu(address: Vaddr, cpu: number): Vaddr {
    // Kernels without SMP have no such array.
    const offsets = this.symbols.address('__per_cpu_offset');
    if (offsets === undefined) return address;
    return asVaddr(address + this.kernel.readPointer(asVaddr(offsets + BigInt(8 * cpu))));
  }

  /** The numbers of all CPUs that could be there: those with per-CPU memory. */
  get cpus(): readonly number[] {
    this.possible ??= this.cpuMask('possible');
    return this.possible;
  }

  /** The CPUs that were in one of the kernel's masks. E_NO_INFO when its symbol is not known. */
  cpuMask(mask: 'possible' | 'present' | 'online' | 'active'): number[] {
    const address = this.symbols.require(`__cpu_${mask}_mask`);
    return readCpuMask(this.kernel, this.layouts, address, this.symbols.address('nr_cpu_ids'));
  }

  /** For Struct. */
  structLayout(type: string | StructType): StructLayout {
    let layout = this.structs.get(type);
    if (layout === undefined) {
      layout = new StructLayout(this.layouts, type);
      this.structs.set(type, layout);
    }
    return layout;
  }

  /** By its symbols, and without them by searching the kernel image. */
  private openBtf(): Btf | undefined {
    const start = this.symbols.address('__start_BTF');
    const end = this.symbols.address('__stop_BTF');
    if (start !== undefined && end !== undefined && end > start && end - start < maxBtf) {
      const bytes = new Uint8Array(Number(end - start));
      try {
        this.kernel.readBulk(start, bytes);
        return new Btf(bytes, `${this.dump.source.name}:BTF`);
      } catch (error) {
        if (!(error instanceof VmcoreError)) throw error;
      }
    }
    return findBtf(this.kernel) ?? this.vmlinux?.btf();
  }
}

/**
 * A dump without a VMCOREINFO note is searched for one in its memory. E_NO_INFO when there is none, or when the dump tells too little of its kernel.
 */
export function openCrashedKernel(dump: Dump, given: GivenFiles = {}): CrashedKernel {
  const known = dump.vmcoreinfo === undefined ? withFoundVmcoreinfo(dump) : dump;
  return new CrashedKernel(known ?? dump, given);
}
