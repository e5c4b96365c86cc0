/** `vmcore kdumpctl`: kdumpctl's commands, as far as they change nothing on the machine. */
import { Command, Option } from 'commander';
import { ExitStatus, VmcoreError } from '../base/errors.ts';
import { type CheckResult, checkConfiguration } from '../tools/kdumpctl/conf/check.ts';
import {
  archNamed,
  defaultCrashkernel,
  type Extra,
  extras,
  type PageSize,
} from '../tools/kdumpctl/conf/default-crashkernel.ts';
import { problemLine } from '../tools/kdumpctl/conf/problem.ts';
import { targetText } from '../tools/kdumpctl/conf/target.ts';
import { thisMachine } from '../tools/kdumpctl/conf/this-machine.ts';
import { reservedBytes } from '../tools/kexec/status.ts';
import { printFields, printJson, printText } from './output.ts';

const defaultConfig = '/etc/kdump.conf';
const defaultSysconfig = '/etc/sysconfig/kdump';

export const kdumpctlCommand = (): Command =>
  new Command('kdumpctl')
    .description('the kdump service: check its configuration, and what memory it needs')
    .addCommand(checkCommand())
    .addCommand(defaultCrashkernelCommand())
    .addCommand(showmemCommand());

interface CheckOptions {
  readonly config: string;
  readonly sysconfig?: string;
  readonly json?: true;
}

const checkCommand = (): Command =>
  new Command('check')
    .description('validate kdump.conf and sysconfig, and touch nothing: exit 1 when they cannot be used')
    .option('--config <file>', 'the configuration', defaultConfig)
    .option('--sysconfig <file>', `how the capture kernel is loaded (default: "${defaultSysconfig}")`)
    .option('--json', 'as JSON')
    .action(({ config, sysconfig, json }: CheckOptions) => {
      const result = checkConfiguration({
        config,
        sysconfig:
          sysconfig === undefined
            ? { path: defaultSysconfig, ifMissing: 'defaults' }
            : { path: sysconfig, ifMissing: 'refuse' },
      });
      const { isUsable, ...found } = result;
      if (json) printJson({ usable: isUsable, ...found });
      else printCheck(result);
      if (!isUsable) process.exitCode = ExitStatus.failed;
    });

function printCheck({ conf, problems, isUsable }: CheckResult): void {
  printText(problems.map((problem) => `${problemLine(problem)}\n`).join(''));
  if (!isUsable) return;
  const { collector } = conf;
  const filtered = collector.kind === 'makedumpfile';
  printFields([
    ['Target', targetText(conf.target)],
    ['Path', conf.path],
    ['Dump', filtered ? `filtered at level ${collector.levels.join(', then ')}` : 'a copy of all memory'],
    ['On failure', conf.failureAction],
    ['In the end', conf.finalAction],
  ]);
}

interface CrashkernelOptions {
  readonly arch?: string;
  readonly pageSize?: PageSize;
  readonly with?: readonly Extra[];
  readonly json?: true;
}

const defaultCrashkernelCommand = (): Command =>
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

const showmemCommand = (): Command =>
  new Command('showmem')
    .description('how much memory is reserved for the capture kernel')
    .option('--json', 'as JSON')
    .action(({ json }: { readonly json?: true }) => {
      const bytes = reservedBytes();
      if (json) printJson({ reservedBytes: bytes });
      else printText(`Reserved ${Math.floor(bytes / 2 ** 20)}MB memory for crash kernel\n`);
    });
