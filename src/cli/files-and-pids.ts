/** Command lines of views that take dumps, then processes: `vmcore files FILE... [PID...]`. */
import type { Command } from 'commander';
import { VmcoreError } from '../base/errors.ts';
import type { CrashedKernel } from '../kernel/crashed-kernel.ts';
import { openCrashedFile } from './open.ts';
import { printJson } from './output.ts';
import { type ViewCommand, type ViewOptions, viewCommand } from './view.ts';

/** A whole number at the end is a pid; a dump whose name is a number is given as "./17". */
export function filesAndPids(args: readonly string[]): { readonly files: string[]; readonly pids: number[] } {
  const isPid = (arg: string): boolean => /^\d{1,10}$/.test(arg);
  const last = args.findLastIndex((arg) => !isPid(arg));
  const files = args.slice(0, last + 1);
  if (files.length === 0)
    throw new VmcoreError('E_USAGE', 'no dump is named, only pids', { hint: 'the dump comes first' });
  return { files, pids: args.slice(last + 1).map(Number) };
}

/** A view of processes, whose pids follow the dump: `read` makes it of one, `print` shows it, with what is missing of it. */
export const processesCommand = <View>(
  command: Omit<ViewCommand, 'takes'>,
  read: (crashed: CrashedKernel, pid: number) => View,
  print: (view: View) => void,
): Command =>
  viewCommand({ ...command, takes: 'a dump, or all files of a split one, then pids' }).action(
    (args: readonly string[], options: ViewOptions) => {
      const { files, pids } = filesAndPids(args);
      requirePids(command.name, pids);
      const crashed = openCrashedFile(files, options);
      const processes = pids.map((pid) => read(crashed, pid));
      if (options.json) printJson({ processes });
      else processes.forEach(print);
    },
  );

/** E_USAGE when a command that needs a pid has none. */
export function requirePids(command: string, pids: readonly number[]): void {
  if (pids.length > 0) return;
  throw new VmcoreError('E_USAGE', `${command} needs a pid behind the dump`, {
    hint: `write vmcore ${command} FILE PID; vmcore ps FILE lists them`,
  });
}
