/** `vmcore sym FILE NAME|ADDRESS...`: symbols, both ways. */
import { type Command, Option } from 'commander';
import { VmcoreError } from '../base/errors.ts';
import { allSymbols, findSymbols, type SymbolInfo } from '../tools/crash/sym.ts';
import { dumpArguments } from './dump-arguments.ts';
import { openCrashedFile } from './open.ts';
import { printJson, printMissing, printText } from './output.ts';
import { type Column, printTable } from './table.ts';
import { type ViewOptions, viewCommand } from './view.ts';

interface SymOptions extends ViewOptions {
  readonly list?: true;
}

export const symCommand = (): Command =>
  viewCommand({
    name: 'sym',
    description: 'where symbols are, and what addresses are: of the kernel and of its modules',
    takes: 'a dump (all files of a split one), then NAME, MODULE:NAME or ADDRESS...',
    options: [new Option('-l, --list', 'all symbols')],
    json: 'as JSON: name, module, type as nm(1) has it, address, offset, size in bytes',
  }).action((args: readonly string[], options: SymOptions) => {
    const { files, rest } = dumpArguments(args);
    if (rest.length === 0 && !options.list)
      throw new VmcoreError('E_USAGE', 'sym needs a name or an address behind the dump', {
        hint: 'write vmcore sym FILE NAME; -l lists all symbols',
      });
    const crashed = openCrashedFile(files, options);
    const unknown: string[] = [];
    const symbols = options.list
      ? allSymbols(crashed)
      : rest.flatMap((what) => {
          const found = findSymbols(crashed, what);
          if (found.length === 0) unknown.push(what);
          return found;
        });
    if (options.json) printJson([...symbols]);
    else if (options.list) printText([...symbols].map(line).join(''));
    else if (unknown.length < rest.length) printTable(columns, [...symbols].map(cells));
    printMissing(crashed.symbols.troubles);
    if (unknown.length > 0) {
      throw new VmcoreError('E_USAGE', `neither a symbol nor an address in one: ${unknown.join(', ')}`, {
        file: crashed.dump.source.name,
        hint: 'only the kernel image and modules have symbols; addresses are hexadecimal',
      });
    }
  });

const columns: readonly Column[] = [
  { title: 'ADDRESS' },
  { title: 'TYPE' },
  { title: 'SIZE', align: 'right' },
  { title: 'SYMBOL' },
];

const nameOf = ({ name, module, offset }: SymbolInfo): string =>
  `${name}${offset === 0 ? '' : `+0x${offset.toString(16)}`}${module === null ? '' : ` [${module}]`}`;

const cells = (symbol: SymbolInfo): string[] => [
  symbol.address,
  symbol.type ?? '?',
  symbol.size === null ? '-' : String(symbol.size),
  nameOf(symbol),
];

const line = (symbol: SymbolInfo): string => `${symbol.address} ${symbol.type ?? '?'} ${nameOf(symbol)}\n`;
