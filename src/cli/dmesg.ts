/** `vmcore dmesg FILE`: the kernel log. */
import { Command } from 'commander';
import { dmesgRecords, dmesgText } from '../tools/crash/log.ts';
import { addDumpOptions, type DumpOptions, openKernelFile } from './open.ts';
import { printJson, printText } from './output.ts';

interface DmesgOptions extends DumpOptions {
  readonly json?: true;
  readonly caller?: true;
  readonly indent: boolean;
}

export const dmesgCommand = (): Command =>
  addDumpOptions(
    new Command('dmesg')
      .description('the kernel log of a dump')
      .argument('<file...>', 'a dump, or all files of a split one: ELF, kdump-compressed, flattened')
      .option('--caller', 'with the thread (T1) or CPU (C0) that logged each record')
      .option('--no-indent', 'further lines of a record at the margin, as drgn prints them')
      .option('--json', 'as JSON: time in seconds, caller, text'),
  ).action((files: readonly string[], options: DmesgOptions) => {
    const kernel = openKernelFile(files, options);
    if (options.json) printJson(dmesgRecords(kernel));
    else {
      const furtherLines = options.indent ? 'indented' : 'margin';
      printText(dmesgText(kernel, { caller: options.caller === true, furtherLines }));
    }
  });
