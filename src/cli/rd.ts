/** `vmcore rd FILE ADDRESS [COUNT]`: memory as it is. */
import { type Command, Option } from 'commander';
import { VmcoreError } from '../base/errors.ts';
import { hex } from '../base/units.ts';
import { addressFrom, symbolText } from '../tools/crash/address.ts';
import { memoryText, readMemory, type Width } from '../tools/crash/rd.ts';
import { dumpArguments } from './dump-arguments.ts';
import { cpuOption, requireCount } from './numbers.ts';
import { openCrashedFile } from './open.ts';
import { printJson, printMissing, printText } from './output.ts';
import { type ViewOptions, viewCommand } from './view.ts';

interface RdOptions extends ViewOptions {
  readonly ascii?: true;
  readonly physical?: true;
  readonly symbols?: true;
  readonly cpu?: number;
}

const widths: Readonly<Record<string, Width>> = { '-8': 8, '-16': 16, '-32': 32, '-64': 64 };

export const rdCommand = (): Command =>
  viewCommand({
    name: 'rd',
    description: 'memory as it is, in numbers of 64 bits',
    takes: 'a dump (all files of a split one), then ADDRESS|SYMBOL [COUNT] [-8|-16|-32|-64]',
    options: [
      new Option('-a, --ascii', 'characters only'),
      new Option('-p, --physical', 'ADDRESS is physical'),
      new Option('-s, --symbols', 'symbols in place of their addresses'),
      cpuOption(),
    ],
    json: 'as JSON: address, width in bits, values',
  }).action((args: readonly string[], options: RdOptions) => {
    // Widths look like negative numbers, which commander takes for arguments.
    const width = args.reduce((found, arg) => widths[arg] ?? found, options.ascii ? 8 : (64 as Width));
    const { files, rest } = dumpArguments(args.filter((arg) => !Object.hasOwn(widths, arg)));
    const [where, count = options.ascii ? '64' : '1', ...others] = rest;
    if (where === undefined || others.length > 0)
      throw new VmcoreError('E_USAGE', 'rd needs one address behind the dump', {
        hint: 'write vmcore rd FILE ADDRESS [COUNT]',
      });
    const crashed = openCrashedFile(files, options);
    const contents = readMemory(crashed, {
      address: options.physical ? physicalAddress(where) : addressFrom(crashed, where, options.cpu),
      count: requireCount(count),
      width,
      space: options.physical ? 'physical' : 'virtual',
    });
    if (options.json) {
      printJson({
        address: hex(contents.address),
        width,
        values: contents.values.map((value) => (value === undefined ? null : hex(value))),
        missing: contents.missing,
      });
      return;
    }
    const symbolOf = (value: bigint): string | undefined => symbolText(crashed, value);
    printText(
      memoryText(contents, options.symbols ? { symbolOf } : options.ascii ? 'characters' : 'numbers'),
    );
    printMissing(contents.missing);
  });

function physicalAddress(text: string): bigint {
  if (/^(0x)?[0-9a-f]{1,14}$/i.test(text)) return BigInt(`0x${text.replace(/^0x/i, '')}`);
  throw new VmcoreError('E_USAGE', `${text} is no physical address`, { hint: 'write it as 0x1234000' });
}
