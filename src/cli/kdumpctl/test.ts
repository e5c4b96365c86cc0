/** `vmcore kdumpctl test`: this machine's configuration, crashed for real in QEMU: exit 1 when no dump arrives. */
import { readFileSync } from 'node:fs';
import { release, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { ExitStatus, VmcoreError } from '../../base/errors.ts';
import type { Progress } from '../../base/progress.ts';
import { parseSize } from '../../base/units.ts';
import { defaultCrashkernel } from '../../tools/kdumpctl/conf/default-crashkernel.ts';
import type { Sysconfig } from '../../tools/kdumpctl/conf/sysconfig.ts';
import { thisMachine } from '../../tools/kdumpctl/conf/this-machine.ts';
import { thisSystem } from '../../tools/kdumpctl/image/machine/live-system.ts';
import type { CaptureKernel } from '../../tools/kdumpctl/image/plan.ts';
import { planImage } from '../../tools/kdumpctl/image/plan-image.ts';
import { ownPrograms } from '../../tools/kdumpctl/image/programs.ts';
import { findCaptureKernel } from '../../tools/kdumpctl/service/capture-kernel.ts';
import { crashkernelFor } from '../../tools/kdumpctl/service/crashkernel-size.ts';
import { writeLastTest } from '../../tools/kdumpctl/service/last-test.ts';
import { type Service, serviceOf, usableConfiguration } from '../../tools/kdumpctl/service/service.ts';
import { reservedBytes } from '../../tools/kexec/status.ts';
import { formatTest, recordOf } from '../../tools/rehearse/configuration/describe-test.ts';
import {
  type ConfigurationTest,
  testConfiguration,
} from '../../tools/rehearse/configuration/test-configuration.ts';
import { ownArch } from '../../tools/rehearse/machines.ts';
import { chooseKernel, type RehearsalKernel } from '../../tools/rehearse/plan.ts';
import { printJson, printText } from '../output.ts';
import { terminalProgress } from '../terminal-progress.ts';
import { type FileOptions, serviceRequest, withFileOptions } from './options.ts';

interface Options extends FileOptions {
  readonly kernel?: string;
  readonly modules?: string;
  readonly memory: string;
  readonly crashkernel?: string;
  readonly cpus: string;
  readonly workload?: string;
  readonly timeout: string;
  readonly json?: true;
}

const minimumMemory = 768 * 2 ** 20;
const mebibyte = 2 ** 20;

export const testCommand = (): Command =>
  withFileOptions(
    new Command('test').description(
      "crash this machine's configuration in QEMU, with stand-ins for its disk or server: exit 1 when no dump arrives",
    ),
  )
    .option('--kernel <vmlinuz>', "default: the one that start loads, else Debian 12's")
    .option('--modules <dir>', 'its module tree, such as /lib/modules/RELEASE')
    .option('--memory <size>', 'memory of the rehearsed machine', '2G')
    .option('--crashkernel <size>', 'what is reserved; default: as on this machine')
    .option('--cpus <count>', 'processors of the rehearsed machine', '2')
    .option('--workload <script>', 'a program that Node runs in it before the panic')
    .option('--timeout <seconds>', 'the longest that it may take', '900')
    .option('--json', 'the result as JSON')
    .action(run);

async function run(options: Options): Promise<void> {
  if (ownArch === undefined) {
    throw new VmcoreError('E_UNSUPPORTED', `machines of the architecture ${process.arch} are not rehearsed`);
  }
  const memory = sizeFrom('--memory', options.memory, minimumMemory);
  const service = serviceOf(serviceRequest(options));
  const { conf, sysconfig } = usableConfiguration(service);
  const progress = terminalProgress();
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    const kernel = await kernelFrom(options, sysconfig, progress);
    const image = await planImage({
      conf,
      confFile: service.files.config,
      kernel,
      programs: ownPrograms(service.runtime.node),
      entry: service.runtime.entry,
      machine: thisSystem(),
    });
    for (const warning of image.warnings) service.log.warn(warning);
    const test = await testConfiguration(
      {
        image,
        sysconfig,
        commandLine: readFileSync('/proc/cmdline', 'latin1').trim(),
        arch: ownArch,
        reserved: reservationFrom(options),
        memory,
        cpus: wholeNumber('--cpus', options.cpus),
        workload: options.workload === undefined ? undefined : resolve(options.workload),
        timeout: wholeNumber('--timeout', options.timeout),
      },
      progress,
      abort.signal,
    );
    progress.end();
    remember(service, test);
    if (options.json) printJson(test);
    else printText(formatTest(test));
    if (!test.arrived) process.exitCode = ExitStatus.failed;
  } finally {
    progress.end();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

/** The kernel that start loads; where this machine has no files of it, another one must do. */
async function kernelFrom(
  { kernel, modules }: Options,
  sysconfig: Sysconfig,
  progress: Progress,
): Promise<CaptureKernel> {
  const arch = ownArch ?? 'x86_64';
  if (kernel !== undefined || modules !== undefined) {
    if (kernel === undefined || modules === undefined) {
      throw usage('--kernel and --modules belong together', 'give both, of the same kernel');
    }
    const given = { image: resolve(kernel), modules: resolve(modules) };
    return captureKernel(await chooseKernel({ arch, kernel: given }, progress));
  }
  try {
    return findCaptureKernel(sysconfig, {
      runningRelease: release(),
      commandLine: readFileSync('/proc/cmdline', 'latin1').trim(),
      root: '/',
    });
  } catch (error) {
    if (!(error instanceof VmcoreError) || error.code !== 'E_FILE') throw error;
    progress.note(error.toLine());
    return captureKernel(await chooseKernel({ arch, kernel: undefined }, progress));
  }
}

const captureKernel = ({ image, modules }: RehearsalKernel): CaptureKernel => ({
  image,
  moduleTree: modules,
});

/** What is reserved here, or would be by default. Bytes. */
function reservationFrom({ crashkernel }: Options): number {
  if (crashkernel !== undefined) return sizeFrom('--crashkernel', crashkernel, 64 * mebibyte);
  const { arch, pageSize, extras } = thisMachine();
  const bytes = reservedHere() || crashkernelFor(defaultCrashkernel(arch, pageSize, extras), totalmem());
  if (bytes > 0) return Math.floor(bytes / mebibyte) * mebibyte;
  throw usage(
    'this machine reserves nothing for a crash kernel, and by default nothing',
    'give --crashkernel 256M',
  );
}

/** 0 where the running kernel reserves nothing, or cannot. */
function reservedHere(): number {
  try {
    return reservedBytes();
  } catch (error) {
    if (!(error instanceof VmcoreError) || error.code !== 'E_NEEDS') throw error;
    return 0;
  }
}

/** A test that cannot be remembered has still been made. */
function remember({ places, log }: Service, test: ConfigurationTest): void {
  try {
    writeLastTest(places, recordOf(test));
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    log.warn(`the test is not remembered: ${error.toLine()}`);
  }
}

function sizeFrom(option: string, text: string, least: number): number {
  const size = parseSize(text);
  if (size !== undefined && size >= least && size % mebibyte === 0) return size;
  throw usage(`${option} ${text} is not a size of at least ${least / mebibyte}M`, 'use a size such as 2G');
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (/^[1-9]\d{0,4}$/.test(text)) return value;
  throw usage(`${option} ${text} is not a whole number`, 'see --help');
}

const usage = (what: string, hint: string): VmcoreError => new VmcoreError('E_USAGE', what, { hint });
