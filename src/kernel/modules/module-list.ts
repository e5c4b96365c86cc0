/**
 * The list of modules: names and memory.
 *
 * Source of truth: include/linux/module.h and kernel/module/main.c (Linux 6.1, 6.12, 7.2). What moved, and what tells:
 *   memory   core_layout and init_layout; module.mem[] since 6.4 (ac3b43283923), by its kinds (enum mod_mem_type)
 * The rest is by name in struct module, since 4.18 at least.
 *
 * Addresses are kernel virtual, sizes bytes. A module's own memory is vmalloc'ed and in dumps of all levels.
 */
import { cString, viewOf } from '../../base/bytes.ts';
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import { walkList } from '../lists/lists.ts';
import type { Layouts } from '../types/layouts.ts';

/** A piece of a module's memory; "core" and "init" are all there is before 6.4. */
export interface ModuleRegion {
  readonly kind: 'core' | 'init' | ModuleMemoryKind;
  readonly base: Vaddr;
  readonly size: number;
}

/** MOD_TEXT and so on, without MOD_ and in small letters. */
const memoryKinds = [
  'text',
  'data',
  'rodata',
  'ro_after_init',
  'init_text',
  'init_data',
  'init_rodata',
] as const;
type ModuleMemoryKind = (typeof memoryKinds)[number];

/** MODULE_NAME_LEN is 56, here with room for more. */
const maxName = 512;
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

/**
 * The modules of the list at `head`, as far as they are formed: one that is being loaded or torn down may not be. E_CORRUPT when the list is broken,
 * E_UNREADABLE when a part of it is not in the dump, E_NO_INFO when types do not describe it.
 */
export function* readModules(kernel: Kernel, layouts: Layouts, head: Vaddr): Generator<KernelModule> {
  for (const node of walkList(kernel, head)) {
    const module = readModule(kernel, layouts, node);
    if (module !== undefined) yield module;
  }
}

/** The module that `node`, its member `list`, is in; undefined when it is not yet formed, or no longer. Errors as readModules. */
export function readModule(kernel: Kernel, layouts: Layouts, node: bigint): KernelModule | undefined {
  const module = new ModuleReader(kernel, layouts).read(node);
  return module.state === 'unformed' ? undefined : module;
}

class ModuleReader {
  private readonly kernel: Kernel;
  private readonly layouts: Layouts;

  constructor(kernel: Kernel, layouts: Layouts) {
    this.kernel = kernel;
    this.layouts = layouts;
  }

  /** `node`: the address of its member `list`. */
  read(node: bigint): KernelModule {
    const { layouts, kernel } = this;
    const address = asVaddr(node - BigInt(layouts.requireOffset('module.list')));
    const at = (member: string): Vaddr =>
      asVaddr(address + BigInt(layouts.requireOffset(`module.${member}`)));
    const regions = this.regions(address);
    const text = regions.find(({ kind }) => kind === 'text' || kind === 'core');
    return {
      name: cString(kernel.read(at('name'), Math.min(layouts.length('module.name') ?? 0, maxName))),
      address,
      state: states[this.u32(at('state'))] ?? 'unformed',
      base: text?.base ?? asVaddr(0n),
      size: regions.reduce((sum, region) => sum + region.size, 0),
      regions,
    };
  }

  private regions(module: Vaddr): ModuleRegion[] {
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
            const offset = array + index * layouts.requireSize('module_memory');
            return [this.region(module, kind, offset, 'module_memory')];
          });
    return regions.filter(({ base, size }) => base !== 0n && size > 0);
  }

  private region(
    module: Vaddr,
    kind: ModuleRegion['kind'],
    offset: number,
    struct: 'module_layout' | 'module_memory',
  ): ModuleRegion {
    const at = (member: string): Vaddr =>
      asVaddr(module + BigInt(offset + this.layouts.requireOffset(`${struct}.${member}`)));
    return { kind, base: this.kernel.readPointer(at('base')), size: this.u32(at('size')) };
  }

  private u32(address: Vaddr): number {
    return viewOf(this.kernel.read(address, 4)).getUint32(0, this.kernel.dump.littleEndian);
  }
}
