/**
 * The kernel command line of the capture kernel, made from the running one (--reuse-cmdline).
 *
 * Words are separated by blanks, and double quotes protect blanks (next_arg() in lib/cmdline.c, Linux 6.1).
 */

/**
 * Words that must not reach the capture kernel: `crashkernel=` would reserve memory a second time out of the little
 * that there is, and BOOT_IMAGE names the other kernel. Both may be given more than once.
 */
const dropped = ['crashkernel', 'BOOT_IMAGE'];

/** The running kernel's command line without what a capture kernel must not have. */
export function reusableCommandLine(running: string): string {
  return splitWords(running)
    .filter((word) => !dropped.some((name) => word === name || word.startsWith(`${name}=`)))
    .join(' ');
}

export function splitWords(commandLine: string): string[] {
  return commandLine.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
}
