/**
 * The command line of a loaded kernel, made from the running one's (--reuse-cmdline).
 *
 * Words are separated by blanks, and double quotes protect blanks (next_arg() in lib/cmdline.c, Linux 6.1).
 */
import type { LoadKind } from './status.ts';

/**
 * Words that must not be carried over; each may be given more than once. BOOT_IMAGE names the other kernel. In a capture kernel
 * `crashkernel=` would reserve memory a second time out of the little that there is; a kernel that is rebooted into wants its own.
 */
const dropped: Readonly<Record<LoadKind, readonly string[]>> = {
  crash: ['BOOT_IMAGE', 'crashkernel'],
  reboot: ['BOOT_IMAGE'],
};

/** The running kernel's command line without what the loaded one must not have. */
export function reusableCommandLine(running: string, kind: LoadKind): string {
  return splitWords(running)
    .filter((word) => !dropped[kind].some((name) => word === name || word.startsWith(`${name}=`)))
    .join(' ');
}

export function splitWords(commandLine: string): string[] {
  return commandLine.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
}
