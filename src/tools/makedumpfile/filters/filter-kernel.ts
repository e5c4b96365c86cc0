/** The crashed kernel as filter modules see it (api.ts), over kallsyms, layouts and memory. */
import { viewOf } from '../../../base/bytes.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { asPaddr, asVaddr } from '../../../base/units.ts';
import type { Kernel } from '../../../kernel/kernel.ts';
import { walkHlist, walkList } from '../../../kernel/lists/lists.ts';
import type { KernelModule } from '../../../kernel/modules/module-list.ts';
import { Modules } from '../../../kernel/modules/modules.ts';
import { type Kallsyms, openKallsyms } from '../../../kernel/symbols/kallsyms.ts';
import type { Btf } from '../../../kernel/types/btf.ts';
import { Layouts, type OpenTypes } from '../../../kernel/types/layouts.ts';
import type { StructType } from '../../../kernel/types/types.ts';
import type { FilterKernel, StructView } from './api.ts';
import { CrashedModule } from './filter-module.ts';
import { moduleNames, type Names } from './names.ts';
import type { Translate } from './plan.ts';
import { readString, View } from './struct-view.ts';

const defaultString = 4096;
/** NR_CPUS of any configuration. */
const maxCpus = 8192;

export class CrashedKernel implements FilterKernel {
  private readonly kernel: Kernel;
  private readonly layouts: Layouts;
  private readonly types: readonly OpenTypes[];
  private readonly loaded: Modules;
  private symbols: Kallsyms | undefined;

  /** `types`: what `layouts` are made of, the first the kernel's own; modules' types come before them. */
  constructor(
    kernel: Kernel,
    layouts: Layouts,
    btf: () => Btf | undefined,
    types: readonly OpenTypes[] = [btf],
  ) {
    this.kernel = kernel;
    this.layouts = layouts;
    this.types = types;
    this.loaded = new Modules(kernel, layouts, {
      btf,
      symbol: (name) => {
        const address = this.findSymbol(name);
        return address === undefined ? undefined : asVaddr(address);
      },
    });
  }

  get release(): string {
    return this.kernel.info.text('OSRELEASE') ?? '';
  }

  get arch(): 'x86_64' | 'arm64' {
    return this.kernel.dump.arch;
  }

  get pageSize(): number {
    return this.kernel.dump.memory.pageSize;
  }

  symbol(name: string): bigint {
    const address = this.findSymbol(name);
    if (address !== undefined) return address;
    throw new VmcoreError('E_NO_INFO', `the kernel has no symbol ${name}`, {
      hint: 'see /proc/kallsyms of the same kernel; symbols of modules are asked of the module',
    });
  }

  /** vmcoreinfo first: it costs nothing, and is there before Linux 6.0. */
  findSymbol(name: string): bigint | undefined {
    return this.kernel.info.symbol(name) ?? this.kallsyms().address(name);
  }

  symbolAt(address: bigint): ReturnType<FilterKernel['symbolAt']> {
    const at = asVaddr(address);
    const place = this.kallsyms().lookup(at);
    if (place !== undefined) return { name: place.name, offset: place.offset };
    const module = this.hasModules() ? this.loaded.at(at) : undefined;
    const inModule = module === undefined ? undefined : this.loaded.symbols(module).lookup(at);
    if (module === undefined || inModule === undefined) return undefined;
    return { name: inModule.name, offset: inModule.offset, module: module.name };
  }

  modules(): readonly CrashedModule[] {
    return this.loaded.all().map((module) => this.moduleView(module));
  }

  module(name: string): CrashedModule | undefined {
    const module = this.loaded.find(name);
    return module === undefined ? undefined : this.moduleView(module);
  }

  /** Symbols and types for the erase commands of a module's section; undefined when it was not loaded. */
  moduleNames(name: string): Names | undefined {
    const module = this.loaded.find(name);
    return module === undefined ? undefined : moduleNames(this.loaded, module, this.moduleView(module));
  }

  struct(type: string, address: bigint): View {
    return new View(this.kernel, this.typeOf(type), address);
  }

  hasStruct(type: string): boolean {
    return this.layouts.struct(type) !== undefined;
  }

  read(address: bigint, length: number): Uint8Array {
    return this.kernel.read(asVaddr(address), length);
  }

  tryRead(address: bigint, length: number): Uint8Array | undefined {
    try {
      return this.read(address, length);
    } catch (error) {
      if (error instanceof VmcoreError && error.code === 'E_UNREADABLE') return undefined;
      throw error;
    }
  }

  u32(address: bigint): number {
    return viewOf(this.read(address, 4)).getUint32(0, this.kernel.dump.littleEndian);
  }

  u64(address: bigint): bigint {
    return this.kernel.readPointer(asVaddr(address));
  }

  string(address: bigint, max = defaultString): string {
    return readString(this.kernel, address, max);
  }

  perCpu(name: string): readonly bigint[] {
    const variable = this.symbol(name);
    const offsets = this.symbol('__per_cpu_offset');
    // A constant in kernels built for one number of CPUs (CONFIG_FORCE_NR_CPUS, 6.1): then the mask's bits tell.
    const count = this.findSymbol('nr_cpu_ids');
    const cpus = Math.min(maxCpus, count === undefined ? this.possibleCpus() : this.u32(count));
    const mask = this.read(this.symbol('__cpu_possible_mask'), Math.ceil(cpus / 64) * 8);
    return Array.from({ length: cpus }, (_, cpu) => cpu)
      .filter((cpu) => ((mask[cpu >> 3]! >> (cpu & 7)) & 1) !== 0)
      .map((cpu) => asVaddr(variable + this.u64(offsets + BigInt(8 * cpu))));
  }

  *list(head: bigint, type: string, member: string): Generator<View> {
    for (const node of walkList(this.kernel, head)) yield this.container(node, type, member);
  }

  *hlist(head: bigint, type: string, member: string): Generator<View> {
    for (const node of walkHlist(this.kernel, head)) yield this.container(node, type, member);
  }

  /** Processes are in init_task.tasks, their threads in signal.thread_head (since 3.14, 0c740d0afc3b). */
  *eachTask(): Generator<View> {
    const head = this.struct('task_struct', this.symbol('init_task')).addressOf('tasks');
    for (const leader of this.list(head, 'task_struct', 'tasks')) {
      const threads = leader.follow('signal')?.addressOf('thread_head');
      if (threads === undefined) yield leader;
      else yield* this.list(threads, 'task_struct', 'thread_node');
    }
  }

  readUser(task: StructView, address: bigint, length: number): Uint8Array | undefined {
    const translate = this.userSpace(task);
    if (translate === undefined) return undefined;
    const { memory } = this.kernel.dump;
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const at = address + BigInt(done);
      const mapping = translate(at);
      if (mapping === undefined) return undefined;
      const part = bytes.subarray(done, done + Math.min(mapping.length, length - done));
      if (memory.read(asPaddr(mapping.paddr), part) < part.length) return undefined;
      done += part.length;
    }
    return bytes;
  }

  /** Translation of a process's own addresses; undefined for threads of the kernel, which have none. */
  userSpace(task: StructView): Translate | undefined {
    const mm = task.follow('mm');
    if (mm === undefined) return undefined;
    const space = this.kernel.addressSpace(asVaddr(mm.pointer('pgd')));
    return (address) => {
      try {
        return space.translate(asVaddr(address));
      } catch (error) {
        // A table that is not in the vmcore.
        if (error instanceof VmcoreError && error.code === 'E_UNREADABLE') return undefined;
        throw error;
      }
    };
  }

  private kallsyms(): Kallsyms {
    this.symbols ??= openKallsyms(this.kernel);
    return this.symbols;
  }

  /** A kernel without CONFIG_MODULES has no such list. */
  private hasModules(): boolean {
    return this.findSymbol('modules') !== undefined;
  }

  private moduleView(module: KernelModule): CrashedModule {
    const types = [() => this.loaded.typesOf(module), ...this.types];
    const layouts = new Layouts(this.kernel.dump.source.name, undefined, types);
    return new CrashedModule(this.kernel, this.loaded, module, layouts);
  }

  private possibleCpus(): number {
    return this.layouts.requireSize('cpumask') * 8;
  }

  private container(node: bigint, type: string, member: string): View {
    const view = this.struct(type, node);
    const offset = view.addressOf(member) - view.address;
    return this.struct(type, node - offset);
  }

  private typeOf(name: string): StructType {
    const type = this.layouts.struct(name);
    if (type !== undefined) return type;
    throw new VmcoreError('E_NO_INFO', `nothing tells what a struct ${name} is`, {
      file: this.kernel.dump.source.name,
      hint: 'kernels tell of their types with CONFIG_DEBUG_INFO_BTF; else give the vmlinux with -x',
    });
  }
}
