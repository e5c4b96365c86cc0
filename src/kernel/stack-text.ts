/**
 * Where the kernel's code lies: what a return address can be.
 *
 * Not in it are programs made at run time (BPF, ftrace's and optimised kprobes' trampolines): no table tells how their frames look.
 */
import type { Vaddr } from '../base/units.ts';
import { asVaddr } from '../base/units.ts';
import type { CrashedKernel } from './crashed-kernel.ts';
import { Missing } from './missing.ts';
import type { KernelModule, ModuleRegion } from './module-list.ts';
import type { PlacedSymbol } from './symbols.ts';

interface TextRange {
  readonly start: bigint;
  readonly end: bigint;
  /** Undefined for the kernel itself. */
  readonly module: KernelModule | undefined;
  /** Code of the start: its memory was given back, and holds something else. */
  readonly isFreed: boolean;
}

const codeKinds: readonly ModuleRegion['kind'][] = ['core', 'init', 'text', 'init_text'];

export class KernelText {
  private readonly crashed: CrashedKernel;
  private readonly own: readonly TextRange[];
  private modules: readonly TextRange[] | undefined;

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
      return [{ start, end, module: undefined, isFreed: first === '_sinittext' }];
    });
  }

  /** The range of text that an address lies in. */
  at(address: bigint): TextRange | undefined {
    const within = ({ start, end }: TextRange): boolean => address >= start && address < end;
    return this.own.find(within) ?? this.ofModules().find(within);
  }

  /** The function that runs at an address of text. */
  functionAt(address: Vaddr): PlacedSymbol | undefined {
    return this.at(address) === undefined ? undefined : this.crashed.symbols.lookup(address);
  }

  private ofModules(): readonly TextRange[] {
    this.modules ??= [...this.crashed.modules.readable(new Missing())].flatMap((module) =>
      module.regions
        .filter(({ kind }) => codeKinds.includes(kind))
        .map(({ base, size }) => ({
          start: base,
          end: asVaddr(base + BigInt(size)),
          module,
          isFreed: false,
        })),
    );
    return this.modules;
  }
}
