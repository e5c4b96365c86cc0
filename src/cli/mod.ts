/** `vmcore mod FILE`: the modules that were loaded. */
import type { Command } from 'commander';
import { listModules, type ModuleInfo } from '../tools/crash/mod.ts';
import { openCrashedFile } from './open.ts';
import { printJson, printMissing } from './output.ts';
import { type Column, printTable } from './table.ts';
import { type ViewOptions, viewCommand } from './view.ts';

export const modCommand = (): Command =>
  viewCommand({
    name: 'mod',
    description: 'the modules that were loaded, as lsmod shows them',
    json: 'as JSON: name, base, size in bytes, state, used, usedBy, taints, address',
  }).action((files: readonly string[], options: ViewOptions) => {
    const { modules, missing } = listModules(openCrashedFile(files, options));
    if (options.json) printJson(modules);
    else printTable(columns, modules.map(cells));
    printMissing(missing);
  });

const columns: readonly Column[] = [
  { title: 'MODULE' },
  { title: 'BASE' },
  { title: 'SIZE', align: 'right' },
  { title: 'STATE' },
  { title: 'TAINTS' },
  { title: 'USED', align: 'right' },
  { title: 'BY' },
];

const cells = (module: ModuleInfo): string[] => [
  module.name,
  module.base,
  String(module.size),
  module.state,
  module.taints || '-',
  module.used === null ? '-' : String(module.used),
  module.usedBy.join(','),
];
