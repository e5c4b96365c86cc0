/** From --filter and --config to the plan of what to erase, keep and drop: all of it is worked out before any output is made. */

import { type ByteSource, readExact } from '../../../base/byte-source.ts';
import { latin1 } from '../../../base/bytes.ts';
import { VmcoreError } from '../../../base/errors.ts';
import type { Dump } from '../../../formats/dump.ts';
import { Kernel } from '../../../kernel/kernel.ts';
import { findBtf } from '../../../kernel/types/btf-scan.ts';
import type { Wanted } from '../../../kernel/types/dwarf-scan.ts';
import { Layouts } from '../../../kernel/types/layouts.ts';
import type { TypeSource } from '../../../kernel/types/types.ts';
import { atLine, parseEraseConfig, type Section } from './erase-config.ts';
import { CrashedKernel } from './filter-kernel.ts';
import { vmlinuxNames } from './names.ts';
import { type FilterPlan, PlanBuilder } from './plan.ts';
import { EraseRun } from './run-erase-config.ts';
import { runFilterModules } from './run-modules.ts';

export interface FilterSources {
  /** Files of --filter, in the order given. */
  readonly modules: readonly string[];
  /** The file of --config. */
  readonly eraseConfig: ByteSource | undefined;
}

/** Asked for twice, made once. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** A page of commands is a lot; more is some other file. */
const maxConfig = 1 << 20;

/**
 * Undefined when there is nothing to do. `debugInfo` opens the types of a vmlinux (-x), prepared for what is wanted: asked after the dump's own BTF.
 * Errors name the filter's file, and nothing was written.
 */
export async function planFilters(
  { modules, eraseConfig }: FilterSources,
  dump: Dump,
  debugInfo: (wanted: Iterable<Wanted>) => TypeSource | undefined,
): Promise<FilterPlan | undefined> {
  if (modules.length === 0 && eraseConfig === undefined) return undefined;
  const sections = eraseConfig === undefined ? [] : parseEraseConfig(readText(eraseConfig), eraseConfig.name);
  const kernel = new Kernel(dump);
  const btf = once(() => findBtf(kernel));
  const types = [btf, once(() => debugInfo(wantedBy(sections)))];
  const layouts = new Layouts(dump.source.name, kernel.info, types);
  const builder = new PlanBuilder(kernel);
  const crashed = new CrashedKernel(kernel, layouts, btf, types);
  for (const { module, line, commands } of sections) {
    const file = eraseConfig!.name;
    const names = module === undefined ? vmlinuxNames(crashed, layouts) : crashed.moduleNames(module);
    if (names !== undefined) new EraseRun(file, kernel, names, builder).run(commands);
    else builder.remark(`${atLine(file, line)}: module ${module} was not loaded: nothing to erase`);
  }
  await runFilterModules(modules, crashed, builder);
  return builder.plan();
}

/** What erase commands name, so that DWARF is searched once. */
function wantedBy(sections: readonly Section[]): Set<Wanted> {
  const wanted = new Set<Wanted>();
  const commands = sections.flatMap((section) => section.commands);
  for (const command of commands) {
    const erases = command.kind === 'erase' ? [command] : command.body;
    const expressions = [
      ...erases.flatMap(({ target, size }) =>
        size.kind === 'expression' ? [target, size.expression] : [target],
      ),
      ...(command.kind === 'for' ? [command.list] : []),
    ];
    for (const { names, cast } of expressions) {
      wanted.add(`variable ${names[0]}`);
      if (cast !== undefined) wanted.add(`struct ${cast.type}`);
    }
    if (command.kind === 'for' && command.within !== undefined) wanted.add(`struct ${command.within.struct}`);
  }
  return wanted;
}

function readText(source: ByteSource): string {
  if (source.size > maxConfig) {
    throw new VmcoreError('E_USAGE', 'is too large for erase commands', {
      file: source.name,
      hint: 'give --config a file as in makedumpfile.conf(5)',
    });
  }
  return latin1(readExact(source, 0, source.size, 'the erase commands'));
}
