/**
 * KEXEC_ARGS: kexec's options that count when the capture kernel is loaded. Those that say what to load, or where its files are, are the service's own
 * business; those of other architectures and of files that are always found are taken and have no effect.
 */
import { VmcoreError } from '../../../base/errors.ts';
import type { CallChoice } from '../../kexec/load.ts';
import type { AddressBounds } from '../../kexec/plan/placement.ts';

export interface KexecArgs {
  readonly call: CallChoice;
  readonly hotplug: boolean;
  readonly efi: 'hand over' | 'leave out';
  /** Whether the segments are verified before they are booted. */
  readonly verify: boolean;
  readonly bounds: AddressBounds;
}

const flags: Readonly<Record<string, Partial<KexecArgs>>> = {
  '-s': { call: 'kexec_file_load' },
  '--kexec-file-syscall': { call: 'kexec_file_load' },
  '-c': { call: 'kexec_load' },
  '--kexec-syscall': { call: 'kexec_load' },
  '-a': { call: 'auto' },
  '--kexec-syscall-auto': { call: 'auto' },
  '--hotplug': { hotplug: true },
  '--noefi': { efi: 'leave out' },
  '-i': { verify: false },
  '--no-checks': { verify: false },
};
/** What is always so, or has no meaning for a crash kernel here. */
const withoutEffect = [
  '-d',
  '--debug',
  '-p',
  '--load-panic',
  '-x',
  '--no-ifdown',
  '-y',
  '--no-sync',
  '--elf32-core-headers',
  '--elf64-core-headers',
  '--dt-no-old-root',
  '--no-cma',
];

/** E_USAGE for an option that cannot be honoured: `file` is the sysconfig file. */
export function parseKexecArgs(words: readonly string[], file: string): KexecArgs {
  let args: KexecArgs = { call: 'auto', hotplug: false, efi: 'hand over', verify: true, bounds: {} };
  for (const word of words) {
    const flag = Object.hasOwn(flags, word) ? flags[word] : undefined;
    if (flag !== undefined) args = { ...args, ...flag };
    else if (!withoutEffect.includes(word))
      args = { ...args, bounds: { ...args.bounds, ...bound(word, file) } };
  }
  return args;
}

/** `--mem-min=0x1000000`; the value goes into the same word. */
function bound(word: string, file: string): AddressBounds {
  const [, which, text = ''] = /^--mem-(min|max)=(.+)$/.exec(word) ?? [];
  const value = Number(text);
  if (which === undefined || !Number.isSafeInteger(value) || value < 0) {
    throw new VmcoreError('E_USAGE', `KEXEC_ARGS: "${word}" cannot be honoured`, {
      file,
      hint: 'use -s, -c, -a, --hotplug, --noefi, -i, --mem-min=ADDRESS and --mem-max=ADDRESS',
    });
  }
  return which === 'min' ? { min: value } : { max: value };
}
