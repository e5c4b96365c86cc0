/** Command lines of views that take dumps, then processes: `vmcore files FILE... [PID...]`. */
import { VmcoreError } from '../base/errors.ts';

/** A whole number at the end is a pid; a dump whose name is a number is given as "./17". */
export function filesAndPids(args: readonly string[]): { readonly files: string[]; readonly pids: number[] } {
  const isPid = (arg: string): boolean => /^\d{1,10}$/.test(arg);
  const last = args.findLastIndex((arg) => !isPid(arg));
  const files = args.slice(0, last + 1);
  if (files.length === 0)
    throw new VmcoreError('E_USAGE', 'no dump is named, only pids', { hint: 'the dump comes first' });
  return { files, pids: args.slice(last + 1).map(Number) };
}

/** E_USAGE when a command that needs a pid has none. */
export function requirePids(command: string, pids: readonly number[]): void {
  if (pids.length > 0) return;
  throw new VmcoreError('E_USAGE', `${command} needs a pid behind the dump`, {
    hint: `write vmcore ${command} FILE PID; vmcore ps FILE lists them`,
  });
}
