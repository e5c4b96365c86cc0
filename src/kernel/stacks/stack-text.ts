/**
 * Where the kernel's code lies: what a return address can be.
 *
 * Not in it is what ftrace and optimised kprobes make at run time: they leave no list of it that says how its frames look.
 */
import type { Vaddr } from '../../base/units.ts';
import { asVaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import { Missing } from '../missing.ts';
import type { KernelModule, ModuleRegion } from '../modules/module-list.ts';
import type { PlacedSymbol } from '../symbols/symbols.ts';
import { type BpfCode, readBpfCode } from './stack-bpf.ts';

interface TextRange {
  readonly start: bigint;
  readonly end: bigint;
  /** Undefined for the kernel itself, and for BPF. */
  readonly module: KernelModule | undefined;
  /** One piece of code that BPF made. */
  readonly bpf: BpfCode | undefined;
  /** Code of the start: its memory was given back, and holds something else. */
  readonly isFreed: boolean;
}

const codeKinds: readonly ModuleRegion['kind'][] = ['core', 'init', 'text', 'init_text'];

export class KernelText {
  private readonly crashed: CrashedKernel;
  private readonly own: readonly TextRange[];
  private modules: readonly TextRange[] | undefined;
  private bpf: readonly TextRange[] | undefined;
  /** What was looked up before: most tasks sleep in the same few places. */
  private readonly functions = new Map<Vaddr, PlacedSymbol | undefined>();

  /** E_NO_INFO when no symbols are known. */
  constructor(crashed: CrashedKernel) {
    this.crashed = crashed;
    const { symbols } = crashed;
    // Code of the start is freed, but the idle task of the first CPU still returns to it.
    this.own = [
      ['_text', '_etext'],
      ['_stext', '_etext'],
      ['_sinittext', '_einittext'],
    ].flatMap(([first, last]) => {
      const start = symbols.address(first!);
      const end = symbols.address(last!);
      if (start === undefined || end === undefined) return [];
      return [{ start, end, module: undefined, bpf: undefined, isFreed: first === '_sinittext' }];
    });
    if (this.own.length === 0) symbols.require('_etext');
  }

  /** The range of text that an address lies in. */
  at(address: bigint): TextRange | undefined {
    const within = ({ start, end }: TextRange): boolean => address >= start && address < end;
    return this.own.find(within) ?? this.ofModules().find(within) ?? this.ofBpf().find(within);
  }

  /** The function that runs at an address of text; of BPF's the module is "bpf", as in /proc/kallsyms. */
  functionAt(address: Vaddr): PlacedSymbol | undefined {
    if (!this.functions.has(address)) this.functions.set(address, this.lookUp(address));
    return this.functions.get(address);
  }

  private lookUp(address: Vaddr): PlacedSymbol | undefined {
    const range = this.at(address);
    if (range?.bpf === undefined)
      return range === undefined ? undefined : this.crashed.symbols.lookup(address);
    const { name, start, end } = range.bpf;
    return { name, address: start, offset: address - start, size: end - start, module: 'bpf' };
  }

  private ofBpf(): readonly TextRange[] {
    this.bpf ??= readBpfCode(this.crashed).map((code) => ({
      start: code.start,
      end: code.end,
      module: undefined,
      bpf: code,
      isFreed: false,
    }));
    return this.bpf;
  }

  private ofModules(): readonly TextRange[] {
    this.modules ??= [...this.crashed.modules.readable(new Missing())].flatMap((module) =>
      module.regions
        .filter(({ kind }) => codeKinds.includes(kind))
        .map(({ base, size }) => ({
          start: base,
          end: asVaddr(base + BigInt(size)),
          module,
          bpf: undefined,
          isFreed: false,
        })),
    );
    return this.modules;
  }
}
