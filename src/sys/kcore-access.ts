/**
 * Why /proc/kcore cannot be opened.
 *
 * Source of truth: open_kcore() in fs/proc/kcore.c (Linux 6.1): EPERM from the kernel's lockdown at level "confidentiality" (LOCKDOWN_KCORE), and without
 * CAP_SYS_RAWIO. There is no such file without CONFIG_PROC_KCORE, and in most containers.
 */
import { readFileSync } from 'node:fs';
import { VmcoreError } from '../base/errors.ts';

export const procKcore = '/proc/kcore';
/** Number of the bit: include/uapi/linux/capability.h. */
const CAP_SYS_RAWIO = 17n;

/** A better error for `error`, which opening `path` threw; for other files it is the same. `root` holds proc/ and sys/. */
export function explainKcore(path: string, error: unknown, root = '/'): unknown {
  if (path !== procKcore || !(error instanceof VmcoreError)) return error;
  const kcoreError = (what: string, hint: string): VmcoreError =>
    new VmcoreError('E_NEEDS', what, { file: path, hint, cause: error });
  const { code } = (error.cause ?? {}) as { readonly code?: string };
  if (code === 'ENOENT') {
    return kcoreError(
      'is not there: the kernel is built without CONFIG_PROC_KCORE, or this is a container',
      'run this on the machine itself',
    );
  }
  if (code !== 'EPERM' && code !== 'EACCES') return error;
  const lockdown = /\[(\w+)\]/.exec(textOf(`${root}sys/kernel/security/lockdown`))?.[1];
  if (lockdown === 'confidentiality') {
    return kcoreError(
      'the kernel is locked down (lockdown=confidentiality), and lets nobody read its memory',
      'boot without lockdown=confidentiality, or take a dump: vmcore kdumpctl',
    );
  }
  const [, capabilities] = /^CapEff:\s*([0-9a-f]+)$/m.exec(textOf(`${root}proc/self/status`)) ?? [];
  const mayReadMemory = capabilities === undefined || (BigInt(`0x${capabilities}`) >> CAP_SYS_RAWIO) & 1n;
  if (mayReadMemory === 0n)
    return kcoreError("the kernel's memory is for those who have CAP_SYS_RAWIO", 'run this as root');
  return kcoreError(
    'the kernel does not permit it',
    'run this as root on the machine itself, not in a container',
  );
}

/** Empty when it cannot be read. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
