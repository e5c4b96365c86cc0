/** `vmcore kdumpctl reset-crashkernel`: crashkernel= for the next boot. */
import { release } from 'node:os';
import { Command } from 'commander';
import { VmcoreError } from '../../base/errors.ts';
import { requireProgram, runChecked } from '../../sys/programs.ts';
import { defaultCrashkernel } from '../../tools/kdumpctl/conf/default-crashkernel.ts';
import { thisMachine } from '../../tools/kdumpctl/conf/this-machine.ts';
import {
  type ResetChange,
  resetCrashkernel,
} from '../../tools/kdumpctl/service/boot-loader/reset-crashkernel.ts';
import { sysconfigOf, withService } from '../../tools/kdumpctl/service/service.ts';
import { printJson, printText } from '../output.ts';
import { type FileOptions, serviceRequest, withFileOptions } from './options.ts';

interface Options extends FileOptions {
  readonly kernel?: string;
  readonly value?: string;
  readonly reboot?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

export const resetCrashkernelCommand = (): Command =>
  withFileOptions(
    new Command('reset-crashkernel').description(
      'set crashkernel= for the next boot to what is recommended, or to --value',
    ),
  )
    .option('--kernel <path>', 'a kernel as grubby names it, or ALL; default: the one that captures')
    .option('--value <value>', 'the value; default: what get-default-crashkernel says')
    .option('--reboot', 'reboot when something was changed')
    .option('--dry-run', 'say what would be changed, and change nothing')
    .option('--json', 'as JSON')
    .action(run);

async function run(options: Options): Promise<void> {
  const value = options.value ?? usualValue();
  // It becomes a word of a kernel's command line, and part of a shell's assignment.
  if (!/^[\w,:.@-]+$/.test(value)) {
    throw new VmcoreError('E_USAGE', `"${value}" is not a value of crashkernel=`, {
      hint: 'write one such as 256M, or 2G-64G:256M,64G-:512M',
    });
  }
  const request = serviceRequest(options);
  const changes = await withService(request, () =>
    resetCrashkernel({
      value,
      kernel: options.kernel,
      release: sysconfigOf(request.files).kernelVersion ?? release(),
      how: options.dryRun ? 'dry run' : 'change',
    }),
  );
  const rebootNeeded = changes.length > 0 && !options.dryRun;
  if (options.json) printJson({ value, changes, rebootNeeded });
  else printChanges(changes, value, options.dryRun ? 'would be' : 'is');
  if (rebootNeeded && options.reboot) {
    await runChecked(requireProgram({ name: 'systemctl', debianPackage: 'systemd' }), ['reboot']);
  }
}

function usualValue(): string {
  const { arch, pageSize, extras } = thisMachine();
  return defaultCrashkernel(arch, pageSize, extras);
}

function printChanges(changes: readonly ResetChange[], value: string, verb: 'is' | 'would be'): void {
  if (changes.length === 0) {
    printText(`crashkernel=${value} is set already\n`);
    return;
  }
  for (const { where, from, to } of changes) {
    printText(
      `${where}: crashkernel=${to} ${verb} set (${from === undefined ? 'none before' : `before: ${from}`})\n`,
    );
  }
  if (verb === 'is') printText('Reboot for it to take effect\n');
}
