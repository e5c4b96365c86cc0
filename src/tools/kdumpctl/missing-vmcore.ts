/**
 * Why there is no /proc/vmcore: asked of the kernel that runs, in the order in which it decides.
 *
 * Source of truth: vmcore_init() in fs/proc/vmcore.c, which makes the file when it was told where the ELF core header is and could use it.
 * x86_64 is told on its command line, arm64 in its device tree (drivers/of/fdt.c). Linux 4.18 to 7.2.
 */
import { existsSync } from 'node:fs';
import { VmcoreError } from '../../base/errors.ts';
import {
  type ElfCoreHdr,
  elfCoreHdrFrom,
  elfCoreHdrFromProperty,
  isKdumpKernel,
  isVmcoreUsable,
} from '../../formats/elfcorehdr-option.ts';
import { KernelFiles } from '../kexec/machine/kernel-files.ts';
import { kernelLog, pieces } from './kernel-log.ts';

export const procVmcore = '/proc/vmcore';

/** What `open` makes of `path`; when that is /proc/vmcore and it is not there, the error says why. */
export function openExplained<T>(path: string, open: (path: string) => T): T {
  try {
    return open(path);
  } catch (error) {
    if (path === procVmcore && !existsSync(path)) throw whyNoVmcore();
    throw error;
  }
}

/** E_NEEDS: this is no capture kernel, or not one that can do it. E_CORRUPT: the header that it was given is of no use. */
export function whyNoVmcore(files = new KernelFiles()): VmcoreError {
  const missing = (what: string, hint: string): VmcoreError =>
    new VmcoreError('E_NEEDS', `is not there: ${what}`, { file: procVmcore, hint });
  const commandLine = files.textIfThere('proc/cmdline');
  if (commandLine === undefined) return missing('/proc is not mounted', 'mount it: mount -t proc proc /proc');

  const header = fromDeviceTree(files) ?? elfCoreHdrFrom(commandLine);
  if (!isKdumpKernel(header)) {
    return missing(
      'this kernel was not started by a panic, neither elfcorehdr= nor linux,elfcorehdr in a device tree was given to it',
      'run this in the capture kernel, and arm that with kexec -p KERNEL',
    );
  }
  const address = `0x${header.address.toString(16)}`;
  if (!isVmcoreUsable(header)) {
    return missing(
      `elfcorehdr=${address} says that the dump is not to be used`,
      'arm the crash kernel again',
    );
  }
  if (hasSymbol(files, 'read_vmcore') === false) {
    return missing(
      'this kernel is built without it',
      'use a capture kernel with CONFIG_CRASH_DUMP and CONFIG_PROC_VMCORE',
    );
  }
  const said = kernelLog(files.path('dev/kmsg')).find(({ text }) =>
    /vmcore not initialized|Core image elf header/i.test(text),
  )?.text;
  return new VmcoreError(
    'E_CORRUPT',
    `is not there: the kernel could not use the ELF core header at ${address}${said === undefined ? '' : ` ("${said}")`}`,
    {
      file: procVmcore,
      hint: 'was the reserved memory overwritten? keep the RAM if you can: vmcore convert',
    },
  );
}

/** /chosen/linux,elfcorehdr of the device tree; undefined on machines without it. */
function fromDeviceTree(files: KernelFiles): ElfCoreHdr | undefined {
  const root = 'proc/device-tree';
  if (!files.names(`${root}/chosen`).includes('linux,elfcorehdr')) return undefined;
  const cells = (name: string): number => files.bytes(`${root}/${name}`)[3] ?? 2;
  return elfCoreHdrFromProperty(
    files.bytes(`${root}/chosen/linux,elfcorehdr`),
    cells('#address-cells'),
    cells('#size-cells'),
  );
}

/** Undefined when the kernel does not list its functions. Its list is long, and memory short: it is read piece by piece. */
function hasSymbol(files: KernelFiles, name: string): boolean | undefined {
  let rest = '';
  let isEmpty = true;
  for (const piece of pieces(files.path('proc/kallsyms'))) {
    isEmpty = false;
    const text = rest + piece;
    if (text.includes(` ${name}`)) return true;
    rest = text.slice(-name.length);
  }
  return isEmpty ? undefined : false;
}
