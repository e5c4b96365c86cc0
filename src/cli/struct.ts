/** `vmcore struct FILE TYPE[.MEMBER,...] [ADDRESS|SYMBOL...]`: what a type is made of, and values of it. */
import type { Command } from 'commander';
import { VmcoreError } from '../base/errors.ts';
import { addressFrom } from '../tools/crash/address.ts';
import { describeType, layoutText, typeQuestion, valueAt, valueTextAt } from '../tools/crash/struct.ts';
import { dumpArguments } from './dump-arguments.ts';
import { cpuOption } from './numbers.ts';
import { openCrashedFile } from './open.ts';
import { printJson, printText } from './output.ts';
import { type ViewOptions, viewCommand } from './view.ts';

interface StructOptions extends ViewOptions {
  readonly cpu?: number;
}

export const structCommand = (): Command =>
  viewCommand({
    name: 'struct',
    description:
      'what a structure, union, enum or typedef is made of; with an address: the value there. A variable of a known type needs no address',
    takes: 'a dump (all files of a split one), then TYPE[.MEMBER,...] [ADDRESS|SYMBOL...]',
    options: [cpuOption()],
    json: 'as JSON: name, size, members; with an address also the value',
  }).action((args: readonly string[], options: StructOptions) => {
    const { files, rest } = dumpArguments(args);
    const [name, ...places] = rest;
    if (name === undefined) {
      throw new VmcoreError('E_USAGE', 'struct needs a type behind the dump', {
        hint: 'write vmcore struct FILE task_struct [ADDRESS]',
      });
    }
    const crashed = openCrashedFile(files, options);
    const question = typeQuestion(crashed, name);
    const addresses = places.map((place) => addressFrom(crashed, place, options.cpu));
    if (question.address !== undefined && addresses.length === 0)
      addresses.push(
        options.cpu === undefined ? question.address : crashed.onCpu(question.address, options.cpu),
      );
    if (options.json) {
      const values = addresses.map((address) => valueAt(crashed, question, address));
      printJson(values.length === 0 ? describeType(question) : values.length === 1 ? values[0] : values);
    } else if (addresses.length === 0) printText(layoutText(question));
    else for (const address of addresses) printText(valueTextAt(crashed, question, address));
  });
