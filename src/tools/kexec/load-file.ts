/**
 * Loading with kexec_file_load(2): the kernel gets the images as open files.
 *
 * The kernel itself builds the elfcorehdr and appends `elfcorehdr=` to the command line (crash_load_segments() in
 * arch/x86/kernel/crash.c, Linux 6.1), or puts it into the device tree (drivers/of/kexec.c).
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Errno, KexecFileFlag, kexecFileLoad } from '../../sys/kexec.ts';
import { asVmcoreError } from '../../sys/system-error.ts';
import type { LoadKind } from './status.ts';

/**
 * Something that is loaded: a file, which is opened as it is, so that the kernel can check its signature and IMA its label; or what was
 * inside of one.
 */
export type Loadable = { readonly path: string } | { readonly bytes: Uint8Array };

export interface FileLoad {
  readonly kind: LoadKind;
  /** A bzImage (x86_64) or an Image (arm64). */
  readonly kernel: Loadable;
  readonly initrd: Loadable | undefined;
  /** The new kernel's command line. */
  readonly commandLine: string;
}

/** The errno of a refusal; undefined when the kernel accepted. E_FILE when a file cannot be opened. */
export function loadByFile({ kind, kernel, initrd, commandLine }: FileLoad): Errno | undefined {
  return withOpen(kernel, (kernelFd) => {
    const flags = onCrash(kind);
    if (initrd === undefined) {
      return kexecFileLoad({ kernelFd, commandLine, flags: flags | KexecFileFlag.noInitramfs });
    }
    return withOpen(initrd, (initrdFd) => kexecFileLoad({ kernelFd, initrdFd, commandLine, flags }));
  });
}

export const unloadByFile = (kind: LoadKind): Errno | undefined =>
  kexecFileLoad({ kernelFd: -1, commandLine: '', flags: KexecFileFlag.unload | onCrash(kind) });

const onCrash = (kind: LoadKind): number => (kind === 'crash' ? KexecFileFlag.onCrash : 0);

function withOpen<T>(what: Loadable, use: (fd: number) => T): T {
  const fd = 'path' in what ? openImage(what.path) : openBytes(what.bytes);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

function openImage(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot open', { file: path });
  }
}

/** A file without a name, gone with its descriptor. */
function openBytes(bytes: Uint8Array): number {
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-kexec-'));
  try {
    const path = join(folder, 'image');
    writeFileSync(path, bytes, { mode: 0o600 });
    return openSync(path, 'r');
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot write', { file: folder });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
