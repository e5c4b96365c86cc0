/** What the names in a section of erase commands stand for: symbols and types of vmlinux, or of a module. */

import type { KernelModule } from '../../../kernel/modules/module-list.ts';
import type { Modules } from '../../../kernel/modules/modules.ts';
import type { Layouts } from '../../../kernel/types/layouts.ts';
import type { Type } from '../../../kernel/types/types.ts';
import { typeOfVariable } from '../../../kernel/types/variables.ts';
import type { CrashedModule } from './filter-module.ts';

export interface Names {
  /** E_NO_INFO when there is no such symbol. */
  symbol(name: string): bigint;
  /** The type of a variable; undefined when nothing tells. */
  variable(name: string): Type | undefined;
  readonly layouts: Layouts;
}

export const vmlinuxNames = (crashed: Pick<Names, 'symbol'>, layouts: Layouts): Names => ({
  symbol: (name) => crashed.symbol(name),
  variable: (name) => typeOfVariable(layouts, name),
  layouts,
});

const pointerSize = 8;

/** BTF has the types of per-CPU variables only. Of others, the symbol's size tells enough, unless it may be a pointer: that stands for what it points to. */
export const moduleNames = (modules: Modules, module: KernelModule, view: CrashedModule): Names => ({
  symbol: (name) => view.symbol(name),
  variable: (name) =>
    modules.typesOf(module)?.ownVariable(name) ?? bytesOf(modules.symbols(module).find(name)?.size),
  layouts: view.layouts,
});

function bytesOf(size: number | undefined): Type | undefined {
  if (size === undefined || size === 0 || size === pointerSize) return undefined;
  return {
    kind: 'array',
    length: size,
    element: () => ({ kind: 'base', name: 'unsigned char', size: 1, encoding: 'unsigned' }),
  };
}
