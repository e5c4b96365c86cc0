/** A module of the crashed kernel as filter modules see it (api.ts): its own symbols, and its own types before those of vmlinux. */
import { VmcoreError } from '../../../base/errors.ts';
import type { Kernel } from '../../../kernel/kernel.ts';
import type { KernelModule } from '../../../kernel/modules/module-list.ts';
import type { Modules } from '../../../kernel/modules/modules.ts';
import type { Layouts } from '../../../kernel/types/layouts.ts';
import type { FilterModule } from './api.ts';
import { View } from './struct-view.ts';

export class CrashedModule implements FilterModule {
  private readonly kernel: Kernel;
  private readonly modules: Modules;
  private readonly module: KernelModule;
  /** Of its own types, and behind them those of vmlinux. */
  readonly layouts: Layouts;

  constructor(kernel: Kernel, modules: Modules, module: KernelModule, layouts: Layouts) {
    this.kernel = kernel;
    this.modules = modules;
    this.module = module;
    this.layouts = layouts;
  }

  get name(): string {
    return this.module.name;
  }

  get memory(): readonly { readonly from: bigint; readonly to: bigint }[] {
    return this.module.regions.map(({ base, size }) => ({ from: base, to: base + BigInt(size) }));
  }

  symbol(name: string): bigint {
    const address = this.findSymbol(name);
    if (address !== undefined) return address;
    throw new VmcoreError('E_NO_INFO', `module ${this.name} has no symbol ${name}`, {
      hint: 'symbols of its init sections are gone when it is loaded; see /proc/kallsyms of the same kernel',
    });
  }

  findSymbol(name: string): bigint | undefined {
    return this.modules.symbols(this.module).find(name)?.address;
  }

  struct(type: string, address: bigint): View {
    const struct = this.layouts.struct(type);
    if (struct !== undefined) return new View(this.kernel, struct, address);
    throw new VmcoreError('E_NO_INFO', `nothing tells what a struct ${type} of module ${this.name} is`, {
      file: this.kernel.dump.source.name,
      hint: 'modules tell of their types with CONFIG_DEBUG_INFO_BTF_MODULES',
    });
  }

  hasStruct(type: string): boolean {
    return this.layouts.struct(type) !== undefined;
  }
}
