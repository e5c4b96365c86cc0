/** Loads kernel and capture image as the crash kernel: what `kexec -p` does, with the command line of the sysconfig file. */
import { readFileSync } from 'node:fs';
import { VmcoreError } from '../../../base/errors.ts';
import { readKernelImage } from '../../kexec/images/read-image.ts';
import { loadOnMachine } from '../../kexec/load-on-machine.ts';
import { machineArch, readLoaded } from '../../kexec/machine-plan.ts';
import type { LoadCall } from '../../kexec/refusal.ts';
import { bootApicIdOf, captureCommandLine } from '../conf/capture-command-line.ts';
import type { Sysconfig } from '../conf/sysconfig.ts';
import { journalParameter } from '../journal.ts';
import type { KexecArgs } from './kexec-args.ts';

/** Bytes of a command line that the kernel takes, without `elfcorehdr=` and what else loading adds. */
const maxCommandLine = 2047 - 64;

/** The capture kernel's. E_USAGE when it is too long: `file` is the sysconfig file. */
export function commandLineFor(
  sysconfig: Pick<Sysconfig, 'commandLine'>,
  watchdogs: readonly string[],
  file: string,
): string {
  const machine = {
    commandLine: readFileSync('/proc/cmdline', 'latin1').trim(),
    bootApicId: bootApicIdOf(readFileSync('/proc/cpuinfo', 'latin1')),
    watchdogs,
  };
  const commandLine = `${captureCommandLine(sysconfig, machine)} ${journalParameter}`;
  if (commandLine.length > maxCommandLine) {
    throw new VmcoreError(
      'E_USAGE',
      `the capture kernel's command line has ${commandLine.length} bytes, and ${maxCommandLine} is what fits`,
      { file, hint: 'leave out more with KDUMP_COMMANDLINE_REMOVE' },
    );
  }
  return commandLine;
}

export interface Arming {
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
  readonly args: KexecArgs;
}

/**
 * Loads it, in place of what is loaded, and checks that the kernel says so. Returns by which call; `onRefusal` sees why the kernel is not loaded
 * unpacked, which would make it start sooner. Errors as loadKernel().
 */
export function arm(
  { kernel, initrd, commandLine, args }: Arming,
  onRefusal: (why: VmcoreError) => void,
): LoadCall {
  return loadOnMachine({
    kind: 'crash',
    file: kernel,
    image: readKernelImage(readLoaded(kernel), kernel, machineArch()),
    initrd,
    dtb: undefined,
    commandLine,
    entry: undefined,
    ...args,
    form: 'unpacked',
    onPlan: () => {},
    onRefusal,
  });
}
