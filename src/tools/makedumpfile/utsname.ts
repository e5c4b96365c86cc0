/** The uname of a dump's header. */
import { VmcoreError } from '../../base/errors.ts';
import type { Dump } from '../../formats/dump.ts';
import type { Utsname } from '../../formats/kdump-header.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { readUtsname } from '../../kernel/utsname.ts';

/** E_UNREADABLE must not cost the dump: without the kernel's own words, the architecture is known at least. */
export function utsnameOf(dump: Dump, kernel: Kernel | undefined): Utsname {
  const fallback = {
    sysname: 'Linux',
    nodename: '',
    release: kernel?.info.text('OSRELEASE') ?? '',
    version: '',
    machine: dump.arch === 'x86_64' ? 'x86_64' : 'aarch64',
    domainname: '',
  };
  if (kernel === undefined) return fallback;
  try {
    return readUtsname(kernel);
  } catch (error) {
    if (error instanceof VmcoreError) return fallback;
    throw error;
  }
}
