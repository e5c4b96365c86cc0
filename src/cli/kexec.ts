/** `vmcore kexec`: kexec's command line (kexec(8) of kexec-tools), for both system calls. */
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { VmcoreError } from '../base/errors.ts';
import { reusableCommandLine } from '../tools/kexec/command-line.ts';
import { executeLoaded } from '../tools/kexec/execute.ts';
import { type CallChoice, unloadKernel } from '../tools/kexec/load.ts';
import type { LoadForm } from '../tools/kexec/load-on-machine.ts';
import type { MachinePlanRequest } from '../tools/kexec/machine-plan.ts';
import { isLoaded, type LoadKind, reservedBytes } from '../tools/kexec/status.ts';
import { printJson, printText } from './output.ts';

interface KexecOptions {
  readonly load?: true;
  readonly loadPanic?: true;
  readonly unload?: true;
  readonly exec?: true;
  readonly force?: true;
  readonly status?: true;
  readonly printCkrSize?: true;
  readonly kexecFileSyscall?: true;
  readonly kexecSyscall?: true;
  readonly kexecSyscallAuto?: true;
  readonly initrd?: string;
  readonly ramdisk?: string;
  readonly append?: string;
  readonly commandLine?: string;
  readonly reuseCmdline?: true;
  readonly dtb?: string;
  readonly type?: string;
  readonly unpack?: true;
  readonly vmlinux?: string;
  readonly memMin?: number;
  readonly memMax?: number;
  readonly entry?: number;
  readonly hotplug?: true;
  readonly debug?: true;
  readonly dryRun?: true;
  readonly json?: true;
  readonly noefi?: true;
  /** Commander's names for --no-checks, --no-sync and --no-ifdown. */
  readonly checks: boolean;
  readonly sync: boolean;
  readonly ifdown: boolean;
}

/** An address as kexec's own take it: decimal, 0x… or 0…. */
function address(text: string): number {
  const value = /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text);
  if (text === '' || !Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError('not an address; write it as 0x1000000');
  }
  return value;
}

export function kexecCommand(): Command {
  return (
    new Command('kexec')
      .description('load, unload and query the crash kernel, or reboot into another kernel')
      .version(`vmcore kexec ${packageJson.version}`, '-v, --version', 'print the version')
      .argument(
        '[kernel]',
        'kernel image: bzImage, Image, Image.gz, EFI zboot, vmlinux or a unified kernel image',
      )
      .option('-p, --load-panic', 'load the crash kernel: what is booted when this kernel panics')
      .option('-l, --load', 'load a kernel to reboot into')
      .option('-e, --exec', 'reboot into the loaded kernel, after a clean shutdown')
      .option('-f, --force', 'load, when a kernel is given, and reboot into it at once: no shutdown')
      .option('-u, --unload', 'unload it (with -p: the crash kernel)')
      .option('-S, --status', 'exit with 1 when the crash kernel is loaded (with -l: the other), 0 when not')
      .option('-s, --kexec-file-syscall', 'load with kexec_file_load(2)')
      .option('-c, --kexec-syscall', 'load with kexec_load(2)')
      .option('-a, --kexec-syscall-auto', 'kexec_file_load(2), then kexec_load(2) (the default)')
      .option('--initrd <file>', 'initramfs of the loaded kernel')
      .option('--ramdisk <file>', 'the same as --initrd')
      .option('--append <text>', 'command line of the loaded kernel')
      .option('--command-line <text>', 'the same as --append')
      .option(
        '--reuse-cmdline',
        'begin with the running command line, without BOOT_IMAGE= (with -p: and crashkernel=)',
      )
      .option('--dtb <file>', 'device tree of the loaded kernel (arm64)')
      .option('-t, --type <type>', 'refuse an image that is not of this type: bzImage, Image, vmlinux, …')
      .option(
        '--unpack',
        'load what a bzImage unpacks to, by kexec_load, where that can be: it starts sooner',
      )
      .option('--vmlinux <file>', 'the same, with the file that the bzImage was unpacked to')
      .option('--mem-min <address>', 'load nothing below', address)
      .option('--mem-max <address>', 'load nothing above', address)
      .option('--entry <address>', 'jump there instead of to the entry of the image', address)
      .option('-i, --no-checks', 'do not verify the loaded images (SHA-256) before they are booted')
      .option('-x, --no-ifdown', 'with -e: leave the network up')
      .option('-y, --no-sync', 'with -e: do not write out the page cache')
      .option('--noefi', 'do not hand over EFI runtime services (x86_64)')
      .option('--hotplug', 'leave room for processors and memory that come later, which the kernel fills in')
      .option('--print-ckr-size', 'print the bytes reserved for the crash kernel')
      .option('-d, --debug', 'print all that is loaded, and where')
      .option('--dry-run', 'lay out and print everything, load nothing')
      // Given by configurations of kexec-tools; it is what is always written.
      .addOption(new Option('--elf64-core-headers').hideHelp())
      .option('--json', 'with --dry-run, -S: as JSON')
      .action((kernel: string | undefined, options: KexecOptions) => runKexec(kernel, options))
  );
}

async function runKexec(kernel: string | undefined, options: KexecOptions): Promise<void> {
  if (options.printCkrSize) return void process.stdout.write(`${reservedBytes()}\n`);
  if (options.status) return printStatus(options);
  if (options.unload) return unloadKernel(options.loadPanic ? 'crash' : 'reboot', callOf(options));
  if (kernel === undefined) {
    if (options.load || options.loadPanic || options.dryRun) {
      throw new VmcoreError('E_USAGE', 'no kernel given', {
        hint: 'name the kernel image after the options',
      });
    }
    if (!options.exec && !options.force) {
      throw new VmcoreError('E_USAGE', 'nothing to do', {
        hint: 'give -p KERNEL to load the crash kernel, -l KERNEL and -e to reboot into another, -S for the status',
      });
    }
  } else {
    await load(kernel, options);
    if (options.load || options.loadPanic || options.dryRun) return;
  }
  // As with kexec(8), a kernel without -l or -p is loaded and booted.
  await executeLoaded({
    shutdown: options.force ? 'none' : 'clean',
    sync: options.sync,
    networkDown: options.ifdown,
  });
}

function printStatus(options: KexecOptions): void {
  // kexec -S asks about the crash kernel unless -l is given, and its exit status is 1 for "loaded".
  const kind = options.load ? 'reboot' : 'crash';
  const loaded = isLoaded(kind);
  if (options.json) process.stdout.write(`${JSON.stringify({ kind, loaded })}\n`);
  else
    process.stdout.write(
      `${kind === 'crash' ? 'crash' : 'reboot'} kernel ${loaded ? 'loaded' : 'not loaded'}\n`,
    );
  process.exitCode = loaded ? 1 : 0;
}

async function load(kernel: string, options: KexecOptions): Promise<void> {
  // What only a load needs, and -S, -u and -e do not.
  const [{ readKernelImage }, { machineArch, planForMachine, readLoaded }, { loadOnMachine }, describe] =
    await Promise.all([
      import('../tools/kexec/images/read-image.ts'),
      import('../tools/kexec/machine-plan.ts'),
      import('../tools/kexec/load-on-machine.ts'),
      import('../tools/kexec/plan/describe-plan.ts'),
    ]);
  const kind: LoadKind = options.loadPanic ? 'crash' : 'reboot';
  const image = readKernelImage(readLoaded(kernel), kernel, machineArch());
  checkType(image.layers, options.type, kernel);
  const request: MachinePlanRequest = {
    kind,
    image,
    initrd: options.initrd ?? options.ramdisk,
    dtb: options.dtb,
    commandLine: commandLineOf(kind, options, image.bundled?.commandLine),
    bounds: {
      ...(options.memMin === undefined ? {} : { min: options.memMin }),
      ...(options.memMax === undefined ? {} : { max: options.memMax }),
    },
    entry: options.entry,
    verify: options.checks,
    hotplug: options.hotplug === true,
    efi: options.noefi ? 'leave out' : 'hand over',
  };
  if (options.dryRun) {
    const plan = planForMachine(request);
    if (options.json) printJson(describe.planJson(plan));
    else printText(`${describe.describePlan(plan).join('\n')}\n`);
    return;
  }
  const say = (lines: readonly string[]): void => {
    if (options.debug) printText(`${lines.join('\n')}\n`);
  };
  const call = loadOnMachine({
    ...request,
    file: kernel,
    call: callOf(options),
    form: formOf(options),
    onPlan: (plan) => say(describe.describePlan(plan)),
    onRefusal: (why) => say([`not unpacked: ${why.toLine()}`]),
  });
  say([`loaded by ${call}`]);
}

const formOf = ({ unpack, vmlinux }: KexecOptions): LoadForm =>
  vmlinux !== undefined ? { vmlinux } : unpack ? 'unpacked' : 'as it is';

/** kexec's names of types (kexec -h), by what we call the image. */
const typeNames: Readonly<Record<string, readonly string[]>> = {
  bzImage: ['bzimage', 'bzimage64'],
  vmlinux: ['vmlinux', 'elf-x86_64', 'elf-arm64'],
  Image: ['image', 'image-arm64'],
};

function checkType(layers: readonly string[], wanted: string | undefined, file: string): void {
  if (wanted === undefined) return;
  const name = wanted.toLowerCase();
  if (layers.some((layer) => layer.toLowerCase() === name || typeNames[layer]?.includes(name))) return;
  throw new VmcoreError('E_FILE', `is ${layers.join(', in it ')}, not ${wanted}`, {
    file,
    hint: 'leave out -t: the type is found by the content',
  });
}

function callOf(options: KexecOptions): CallChoice {
  if (options.kexecSyscall) return 'kexec_load';
  return options.kexecFileSyscall ? 'kexec_file_load' : 'auto';
}

/** `bundled`: what a unified kernel image brings; a line of the user's goes in its place. */
function commandLineOf(kind: LoadKind, options: KexecOptions, bundled: string | undefined): string {
  const reused = options.reuseCmdline
    ? [reusableCommandLine(readFileSync('/proc/cmdline', 'utf8'), kind)]
    : [];
  const given = options.append ?? options.commandLine ?? bundled;
  return [...reused, ...(given === undefined ? [] : [given])].join(' ');
}
