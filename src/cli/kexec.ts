/** `vmcore kexec`: kexec's option names, for what this release does: load, unload and ask for the crash kernel. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { VmcoreError } from '../base/errors.ts';
import { reusableCommandLine } from '../tools/kexec/command-line.ts';
import { isLoaded, loadCrashKernel, unloadCrashKernel } from '../tools/kexec/load.ts';

interface KexecOptions {
  readonly loadPanic?: true;
  readonly unload?: true;
  readonly status?: true;
  readonly kexecFileSyscall?: true;
  readonly kexecSyscallAuto?: true;
  readonly kexecSyscall?: true;
  readonly load?: true;
  readonly exec?: true;
  readonly initrd?: string;
  readonly ramdisk?: string;
  readonly append?: string;
  readonly commandLine?: string;
  readonly reuseCmdline?: true;
}

export function kexecCommand(): Command {
  return new Command('kexec')
    .description('load, unload or query the crash kernel')
    .argument('[kernel]', 'kernel image to load: a bzImage')
    .option('-p, --load-panic', 'the crash kernel: what is booted when this kernel panics')
    .option('-u, --unload', 'unload it (with -p: the crash kernel)')
    .option('-S, --status', 'exit with 1 when it is loaded, 0 when not, as kexec does')
    .option('-s, --kexec-file-syscall', 'load with kexec_file_load(2)')
    .option(
      '-a, --kexec-syscall-auto',
      'pick the system call (the default): kexec_file_load(2) in this release',
    )
    .option('-c, --kexec-syscall', 'load with kexec_load(2): not in this release')
    .option('-l, --load', 'load a kernel to reboot into: not in this release')
    .option('-e, --exec', 'reboot into the loaded kernel: not in this release')
    .option('--initrd <file>', 'initramfs of the loaded kernel')
    .option('--ramdisk <file>', 'the same as --initrd')
    .option('--append <text>', 'command line of the loaded kernel')
    .option('--command-line <text>', 'the same as --append')
    .option('--reuse-cmdline', 'begin with the running command line, without crashkernel= and BOOT_IMAGE=')
    .action((kernel: string | undefined, options: KexecOptions) => runKexec(kernel, options));
}

function runKexec(kernel: string | undefined, options: KexecOptions): void {
  refuseLater(options);
  if (options.status) {
    // kexec -S asks about the crash kernel unless -l is given, and its exit status is 1 for "loaded".
    const loaded = isLoaded('crash');
    process.stdout.write(`crash kernel ${loaded ? 'loaded' : 'not loaded'}\n`);
    process.exitCode = loaded ? 1 : 0;
    return;
  }
  if (!options.loadPanic) {
    throw new VmcoreError('E_USAGE', 'nothing to do for the crash kernel', {
      hint: 'give -p KERNEL to load it, -p -u to unload it or -S for its status',
    });
  }
  if (options.unload) {
    unloadCrashKernel();
    return;
  }
  if (kernel === undefined) {
    throw new VmcoreError('E_USAGE', 'no kernel given', { hint: 'name the kernel image after the options' });
  }
  const initrd = options.initrd ?? options.ramdisk;
  loadCrashKernel({
    kernel,
    ...(initrd === undefined ? {} : { initrd }),
    commandLine: commandLineOf(options),
  });
}

function commandLineOf(options: KexecOptions): string {
  const reused = options.reuseCmdline ? [reusableCommandLine(readFileSync('/proc/cmdline', 'utf8'))] : [];
  const given = options.append ?? options.commandLine;
  return [...reused, ...(given === undefined ? [] : [given])].join(' ');
}

function refuseLater(options: KexecOptions): void {
  const later = options.kexecSyscall
    ? '-c (kexec_load)'
    : options.load
      ? '-l (load a kernel to reboot into)'
      : options.exec
        ? '-e (reboot into the loaded kernel)'
        : undefined;
  if (later !== undefined) {
    throw new VmcoreError('E_UNSUPPORTED', `${later} is not in this release`, {
      hint: 'load the crash kernel with -p -s KERNEL',
    });
  }
}
