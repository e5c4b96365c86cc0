/** crashkernel= through grubby(8), which Fedora and RHEL have: each kernel has a command line of its own. */
import { VmcoreError } from '../../../../base/errors.ts';

/** An entry of the boot menu, as `grubby --info` tells it. */
export interface BootEntry {
  readonly index: string;
  readonly kernel: string;
  readonly crashkernel: string | undefined;
}

/** Blocks of `name=value` lines that begin with `index=`; values may be in double quotes. */
export function parseGrubbyInfo(text: string): BootEntry[] {
  const entries: BootEntry[] = [];
  for (const block of text.split(/^(?=index=)/m)) {
    const fieldOf = (name: string): string | undefined =>
      new RegExp(`^${name}="?(.*?)"?\\s*$`, 'm').exec(block)?.[1];
    const [index, kernel, args] = [fieldOf('index'), fieldOf('kernel'), fieldOf('args') ?? ''];
    if (index === undefined || kernel === undefined || !/^\d+$/.test(index)) continue;
    entries.push({ index, kernel, crashkernel: args.match(/(?:^|\s)crashkernel=(\S*)/)?.[1] });
  }
  return entries;
}

/** The entries of one kernel, by its release. E_FILE when there is none. */
export function entriesOfRelease(entries: readonly BootEntry[], release: string): BootEntry[] {
  const found = entries.filter(
    // /boot/vmlinuz-RELEASE, or as kernel-install(8) puts it: …/RELEASE/linux, …-RELEASE.efi.
    ({ kernel }) =>
      kernel.endsWith(`-${release}`) || kernel.includes(`/${release}/`) || kernel.endsWith(`-${release}.efi`),
  );
  if (found.length > 0) return found;
  throw new VmcoreError('E_FILE', `the boot loader has no entry for the kernel ${release}`, {
    hint: 'name one with --kernel, or ALL; grubby --info=ALL shows them',
  });
}
