/** `vmcore list FILE ADDRESS|SYMBOL`: the elements of a linked list. */
import { type Command, Option } from 'commander';
import { VmcoreError } from '../base/errors.ts';
import { hex } from '../base/units.ts';
import { addressFrom } from '../tools/crash/address.ts';
import { elementJson, readList } from '../tools/crash/list.ts';
import { textOf } from '../tools/crash/struct.ts';
import { dumpArguments } from './dump-arguments.ts';
import { openCrashedFile } from './open.ts';
import { printJson, printMissing, printText } from './output.ts';
import { type ViewOptions, viewCommand } from './view.ts';

interface ListOptions extends ViewOptions {
  readonly link?: string;
  readonly show?: string;
  readonly head?: true;
}

export const listCommand = (): Command =>
  viewCommand({
    name: 'list',
    description: 'the elements of a linked list, from one of them or from its head on',
    takes: 'a dump (all files of a split one), then ADDRESS|SYMBOL',
    options: [
      new Option('-o, --link <member>', 'where the next pointer is: STRUCT.MEMBER, or an offset in bytes'),
      new Option('-s, --show <members>', 'what to show of each element: STRUCT, or STRUCT.MEMBER,...'),
      new Option('-H, --head', 'ADDRESS is the head, which is no element'),
    ],
    json: 'as JSON: addresses, with -s values too',
  }).action((args: readonly string[], options: ListOptions) => {
    const { files, rest } = dumpArguments(args);
    const [where, ...others] = rest;
    if (where === undefined || others.length > 0)
      throw new VmcoreError('E_USAGE', 'list needs one address behind the dump', {
        hint: 'write vmcore list FILE -H modules -o module.list -s module.name',
      });
    const crashed = openCrashedFile(files, options);
    const { elements, missing } = readList(crashed, {
      start: addressFrom(crashed, where),
      link: options.link,
      from: options.head ? 'head' : 'element',
      show: options.show,
    });
    if (options.json) printJson({ elements: elements.map(elementJson), missing });
    else {
      for (const { address, value } of elements)
        printText(`${hex(address)}\n${value === undefined ? '' : textOf(crashed, value)}`);
      printMissing(missing);
    }
  });
