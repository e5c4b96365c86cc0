/** A module that was loaded. */
import type { Vaddr } from '../base/units.ts';
import type { KernelModule, ModuleRegion } from '../kernel/modules/module-list.ts';
import type { ModuleSymbol } from '../kernel/modules/module-symbols.ts';
import type { DumpKernel } from './dump-kernel.ts';
import { inspect, type Show } from './inspect.ts';
import { Results } from './results.ts';
import type { KernelObject } from './value-types.ts';

export class DumpModule {
  readonly #kernel: DumpKernel;
  readonly #module: KernelModule;

  constructor(kernel: DumpKernel, module: KernelModule) {
    this.#kernel = kernel;
    this.#module = module;
  }

  get name(): string {
    return this.#module.name;
  }

  /** Where its text begins. */
  get base(): Vaddr {
    return this.#module.base;
  }

  /** All its memory, bytes, as lsmod shows it. */
  get size(): number {
    return this.#module.size;
  }

  get state(): KernelModule['state'] {
    return this.#module.state;
  }

  /** The pieces of its memory. */
  get regions(): readonly ModuleRegion[] {
    return this.#module.regions;
  }

  /** Its struct module: module.struct.srcversion. */
  get struct(): KernelObject {
    return this.#kernel.object('struct module', this.#module.address);
  }

  /** Its functions and variables. */
  symbols(): Results<ModuleSymbol> {
    return new Results((missing) => {
      const { modules } = this.#kernel.crashed;
      const table = missing.attempt(`the symbols of ${this.name}`, () => modules.symbols(this.#module));
      return table === undefined ? [] : missing.drain(`the symbols of ${this.name}`, table);
    });
  }

  toJSON(): object {
    const { name, size, state } = this;
    return { name, base: `0x${this.base.toString(16)}`, size, state };
  }

  [inspect](_depth: number, options: unknown, show: Show): string {
    return `DumpModule ${show(this.toJSON(), options)}`;
  }
}
