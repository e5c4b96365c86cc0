/**
 * Loading with kexec_file_load(2): the kernel gets the images as files.
 *
 * The kernel itself builds the elfcorehdr and appends `elfcorehdr=` to the command line (crash_load_segments() in
 * arch/x86/kernel/crash.c, Linux 6.1), or puts it into the device tree (drivers/of/kexec.c).
 */
import { closeSync, openSync } from 'node:fs';
import { type Errno, KexecFileFlag, kexecFileLoad } from '../../sys/kexec.ts';
import { asVmcoreError } from '../../sys/system-error.ts';
import type { LoadKind } from './status.ts';

export interface FileLoad {
  readonly kind: LoadKind;
  /** A kernel image's file, as the kernel takes it: a bzImage (x86_64) or Image (arm64). */
  readonly kernel: string;
  readonly initrd?: string;
  /** The new kernel's command line. */
  readonly commandLine: string;
}

/** The errno of a refusal; undefined when the kernel accepted. */
export async function loadByFile(load: FileLoad): Promise<Errno | undefined> {
  const kernelFd = openImage(load.kernel);
  try {
    const initrdFd = load.initrd === undefined ? undefined : openImage(load.initrd);
    try {
      const noInitramfs = initrdFd === undefined ? KexecFileFlag.noInitramfs : 0;
      return kexecFileLoad({
        kernelFd,
        ...(initrdFd === undefined ? {} : { initrdFd }),
        commandLine: load.commandLine,
        flags: onCrash(load.kind) | noInitramfs,
      });
    } finally {
      if (initrdFd !== undefined) closeSync(initrdFd);
    }
  } finally {
    closeSync(kernelFd);
  }
}

export const unloadByFile = (kind: LoadKind): Errno | undefined =>
  kexecFileLoad({ kernelFd: -1, commandLine: '', flags: KexecFileFlag.unload | onCrash(kind) });

const onCrash = (kind: LoadKind): number => (kind === 'crash' ? KexecFileFlag.onCrash : 0);

function openImage(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot open', { file: path });
  }
}
