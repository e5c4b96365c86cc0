/** `vmcore rehearse`: crash this machine's kernel for real, in QEMU, and show the dump that came out. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { VmcoreError } from '../base/errors.ts';
import { parseSize } from '../base/units.ts';
import { parseDumpLevel } from '../tools/makedumpfile/dump-level.ts';
import { type GuestArch, ownArch } from '../tools/rehearse/machines.ts';
import type { RehearsalKernel, RehearsalPlan } from '../tools/rehearse/plan.ts';
import { rehearse } from '../tools/rehearse/rehearse.ts';
import { formatReport } from '../tools/rehearse/report.ts';
import { printJson, printText } from './output.ts';
import { terminalProgress } from './terminal-progress.ts';

interface RehearseOptions {
  readonly kernel?: string;
  readonly modules?: string;
  readonly arch: GuestArch;
  readonly memory: string;
  readonly crashkernel: string;
  readonly cpus: string;
  readonly load: 'file' | 'load' | 'auto';
  readonly dumpLevel: string;
  readonly keep?: string;
  readonly raw?: true;
  readonly memoryImage?: true;
  readonly workload?: string;
  readonly timeout: string;
  readonly json?: true;
}

const minimumMemory = 512 * 2 ** 20;
/** How often a step's elapsed seconds are drawn again, milliseconds. */
const redrawEvery = 500;

export function rehearseCommand(): Command {
  return new Command('rehearse')
    .description('panic a kernel for real in QEMU, save its dump and open it')
    .option('--kernel <vmlinuz>', "the kernel to panic; default: this machine's own, else Debian 12's")
    .option('--modules <dir>', 'its module tree, such as /lib/modules/RELEASE')
    .addOption(
      new Option('--arch <arch>', "the machine's architecture")
        .choices(['x86_64', 'arm64'])
        .default(ownArch ?? 'x86_64'),
    )
    .option('--memory <size>', 'memory of the machine', '1G')
    .option('--crashkernel <value>', 'what crashkernel= reserves', '256M')
    .option('--cpus <count>', 'processors of the machine', '2')
    .addOption(
      new Option(
        '--load <how>',
        'how the crash kernel is loaded: by kexec_file_load, by kexec_load, or as kdumpctl does it',
      )
        .choices(['file', 'load', 'auto'])
        .default('auto'),
    )
    .option('--dump-level <level>', 'what makedumpfile -d leaves out', '31')
    .option('--keep <dir>', 'keep vmcore, vmcore-dmesg.txt, serial.log and capture.log there')
    .option('--raw', 'with --keep: also the unfiltered dump, as vmcore.elf')
    .option('--memory-image', "with --keep: also the machine's memory as it was in the end, as memory.img")
    .option('--workload <script>', 'a program that Node runs in the machine before the panic')
    .option('--timeout <seconds>', 'the longest that the machine may take', '600')
    .option('--json', 'the report as JSON')
    .action(run);
}

async function run(options: RehearseOptions): Promise<void> {
  const plan = planFrom(options);
  const progress = terminalProgress();
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  // Long steps say nothing by themselves: their seconds are drawn again so that it is seen to be alive.
  let done = 0;
  const redraw = setInterval(() => progress.advance(done), redrawEvery);
  try {
    const report = await rehearse(
      plan,
      {
        step(name, total) {
          done = 0;
          progress.step(name, total);
        },
        advance(now) {
          done = now;
          progress.advance(now);
        },
        note: progress.note,
      },
      abort.signal,
    );
    progress.end();
    if (options.json) printJson(report);
    else printText(formatReport(report));
  } finally {
    clearInterval(redraw);
    progress.end();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

function planFrom(options: RehearseOptions): RehearsalPlan {
  if (options.keep === undefined) {
    const alone = options.raw ? '--raw' : options.memoryImage ? '--memory-image' : undefined;
    if (alone !== undefined) throw usage(`${alone} keeps nothing alone`, 'give --keep DIR too');
  }
  const memory = parseSize(options.memory);
  if (memory === undefined || memory < minimumMemory) {
    throw usage(`--memory ${options.memory} is not a size of at least 512M`, 'use a size such as 1G');
  }
  // It becomes a word of a kernel command line.
  if (!/^[\w,:.@-]+$/.test(options.crashkernel)) {
    throw usage(
      `--crashkernel ${options.crashkernel} is not a value of crashkernel=`,
      'use one such as 256M',
    );
  }
  const dumpLevel = parseDumpLevel(options.dumpLevel);
  if (dumpLevel === undefined) {
    throw usage(`--dump-level ${options.dumpLevel} is not a level`, 'use a number from 0 to 31');
  }
  return {
    arch: options.arch,
    load: options.load,
    kernel: kernelFrom(options),
    memory,
    crashkernel: options.crashkernel,
    cpus: wholeNumber('--cpus', options.cpus, 64),
    dumpLevel,
    keep:
      options.keep === undefined
        ? undefined
        : {
            folder: resolve(options.keep),
            raw: options.raw === true,
            memory: options.memoryImage === true,
          },
    workload: options.workload === undefined ? undefined : resolve(options.workload),
    timeout: wholeNumber('--timeout', options.timeout, 86_400),
    node: process.execPath,
    entry: fileURLToPath(new URL('./capture.ts', import.meta.url)),
  };
}

function kernelFrom({ kernel, modules }: RehearseOptions): RehearsalKernel | undefined {
  if (kernel === undefined && modules === undefined) return undefined;
  if (kernel === undefined || modules === undefined) {
    throw usage('--kernel and --modules belong together', 'give both, of the same kernel');
  }
  return { image: resolve(kernel), modules: resolve(modules) };
}

function wholeNumber(option: string, text: string, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > most) {
    throw usage(`${option} ${text} is not a whole number from 1 to ${most}`, 'see --help');
  }
  return value;
}

const usage = (what: string, hint: string): VmcoreError => new VmcoreError('E_USAGE', what, { hint });
