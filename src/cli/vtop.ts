/** `vmcore vtop FILE ADDRESS...`: virtual to physical. */
import { type Command, Option } from 'commander';
import { VmcoreError } from '../base/errors.ts';
import { Missing } from '../kernel/missing.ts';
import { findTask } from '../kernel/tasks/tasks.ts';
import { addressFrom } from '../tools/crash/address.ts';
import { type Translation, translateAddress } from '../tools/crash/vtop.ts';
import { dumpArguments } from './dump-arguments.ts';
import { cpuOption, parseCount } from './numbers.ts';
import { openCrashedFile } from './open.ts';
import { printFields, printJson, printMissing, printText } from './output.ts';
import { printTable } from './table.ts';
import { type ViewOptions, viewCommand } from './view.ts';

interface VtopOptions extends ViewOptions {
  readonly pid?: number;
  readonly cpu?: number;
}

export const vtopCommand = (): Command =>
  viewCommand({
    name: 'vtop',
    description: 'where a virtual address lies, by the page tables, and whether the dump has the page',
    takes: 'a dump (all files of a split one), then ADDRESS|SYMBOL...',
    options: [
      new Option('--pid <pid>', 'by the page tables of this task: for addresses of user space').argParser(
        parseCount,
      ),
      cpuOption(),
    ],
    json: 'as JSON: address, physical, pfn, page (present, excluded, absent, lost, corrupt), tables',
  }).action((args: readonly string[], options: VtopOptions) => {
    const { files, rest } = dumpArguments(args);
    if (rest.length === 0)
      throw new VmcoreError('E_USAGE', 'vtop needs an address behind the dump', {
        hint: 'write vmcore vtop FILE ADDRESS',
      });
    const crashed = openCrashedFile(files, options);
    const missing = new Missing();
    const task = options.pid === undefined ? undefined : findTask(crashed, options.pid, missing);
    if (options.pid !== undefined && task === undefined) {
      printMissing(missing.lines);
      throw new VmcoreError('E_USAGE', `there was no task ${options.pid}`, { hint: 'vmcore ps lists them' });
    }
    const found = rest.map((what) =>
      translateAddress(crashed, addressFrom(crashed, what, options.cpu), task),
    );
    if (options.json) printJson(found.length === 1 ? found[0] : found);
    else for (const translation of found) printTranslation(translation);
  });

function printTranslation({ address, physical, pfn, page, tables, missing }: Translation): void {
  printFields([
    ['Virtual', address],
    ['Physical', physical ?? 'not mapped'],
    ...(pfn === null ? [] : [['Page frame', `${pfn} (0x${pfn.toString(16)})`] as const]),
    ...(page === null ? [] : [['In the dump', page] as const]),
  ]);
  if (tables.length > 0) {
    const rows = tables.map(({ table, at, entry, flags }) => [table, at, entry, flags.join(' ')]);
    printTable(
      [{ title: 'TABLE' }, { title: 'AT (PHYSICAL)' }, { title: 'ENTRY' }, { title: 'FLAGS' }],
      rows,
    );
  } else if (physical !== null) printText('in the linear map: translated by arithmetic\n');
  printMissing(missing);
}
