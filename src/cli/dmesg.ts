/** `vmcore dmesg FILE`: the kernel log. */
import { type Command, Option } from 'commander';
import { dmesgRecords, dmesgText } from '../tools/crash/log.ts';
import { openKernelFile } from './open.ts';
import { printJson, printText } from './output.ts';
import { type ViewOptions, viewCommand } from './view.ts';

interface DmesgOptions extends ViewOptions {
  readonly caller?: true;
  readonly indent: boolean;
}

export const dmesgCommand = (): Command =>
  viewCommand({
    name: 'dmesg',
    description: 'the kernel log of a dump',
    options: [
      new Option('--caller', 'with the thread (T1) or CPU (C0) that logged each record'),
      new Option('--no-indent', 'further lines of a record at the margin, as drgn prints them'),
    ],
    json: 'as JSON: time in seconds, caller, text',
  }).action((files: readonly string[], options: DmesgOptions) => {
    const kernel = openKernelFile(files, options);
    if (options.json) printJson(dmesgRecords(kernel));
    else {
      const furtherLines = options.indent ? 'indented' : 'margin';
      printText(dmesgText(kernel, { caller: options.caller === true, furtherLines }));
    }
  });
