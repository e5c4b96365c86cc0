/** `vmcore kdumpctl get-default-crashkernel` and `showmem`: what should be reserved for the capture kernel, and what is. */
import { Command, Option } from 'commander';
import { VmcoreError } from '../../base/errors.ts';
import {
  archNamed,
  defaultCrashkernel,
  type Extra,
  extras,
  type PageSize,
} from '../../tools/kdumpctl/conf/default-crashkernel.ts';
import { thisMachine } from '../../tools/kdumpctl/conf/this-machine.ts';
import { reservedBytes } from '../../tools/kexec/status.ts';
import { printJson, printText } from '../output.ts';

interface CrashkernelOptions {
  readonly arch?: string;
  readonly pageSize?: PageSize;
  readonly with?: readonly Extra[];
  readonly json?: true;
}

export const defaultCrashkernelCommand = (): Command =>
  new Command('get-default-crashkernel')
    .description('the crashkernel= that is recommended for this machine, or for --arch')
    .argument('[mode]', 'kdump')
    .option('--arch <name>', 'x86_64 or aarch64')
    .addOption(
      new Option('--page-size <size>', "pages of the kernel (4k, or this machine's)").choices(['4k', '64k']),
    )
    .addOption(new Option('--with <what...>', 'what needs more memory').choices(extras))
    .option('--json', 'as JSON')
    .action((mode: string | undefined, options: CrashkernelOptions) => {
      if (mode !== undefined && mode !== 'kdump') {
        throw new VmcoreError('E_UNSUPPORTED', `there is no dump mode "${mode}"`, {
          hint: 'leave it out; firmware-assisted dumps are POWER only',
        });
      }
      const asked =
        options.arch === undefined
          ? thisMachine()
          : ({ arch: archNamed(options.arch), pageSize: '4k', extras: [] } as const);
      const { arch } = asked;
      const pageSize = options.pageSize ?? asked.pageSize;
      const present = [...new Set([...asked.extras, ...(options.with ?? [])])];
      const crashkernel = defaultCrashkernel(arch, pageSize, present);
      if (options.json) printJson({ arch, pageSize, with: present, crashkernel });
      else printText(`${crashkernel}\n`);
    });

export const showmemCommand = (): Command =>
  new Command('showmem')
    .description('how much memory is reserved for the capture kernel')
    .option('--json', 'as JSON')
    .action(({ json }: { readonly json?: true }) => {
      const bytes = reservedBytes();
      if (json) printJson({ reservedBytes: bytes });
      else printText(`Reserved ${Math.floor(bytes / 2 ** 20)}MB memory for crash kernel\n`);
    });
