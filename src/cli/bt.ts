/** `vmcore bt FILE`: backtraces. */
import { type Command, Option } from 'commander';
import { harmless } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import {
  type CpuStack,
  type FrameInfo,
  type RegisterValues,
  readStacks,
  type StackInfo,
  type StackSelection,
  type TaskStack,
} from '../tools/crash/bt.ts';
import { filesAndPids } from './files-and-pids.ts';
import { openCrashedFile } from './open.ts';
import { printText } from './output.ts';
import { showView, type ViewOptions, viewCommand } from './view.ts';

interface BtOptions extends ViewOptions {
  readonly cpus?: true;
  readonly all?: true;
}

export const btCommand = (): Command =>
  viewCommand({
    name: 'bt',
    description: 'backtraces: of the CPU that crashed, when nothing else is asked for',
    takes: 'a dump, or all files of a split one, then pids',
    options: [
      new Option('-a, --cpus', 'of all CPUs').conflicts('all'),
      new Option('--all', 'of all CPUs and of every task'),
    ],
    json: 'as JSON: pc, symbol, offset, module, how it was found; registers where they were saved',
  }).action((args: readonly string[], options: BtOptions) => {
    const { files, pids } = filesAndPids(args);
    const stacks = readStacks(openCrashedFile(files, options), selection(options, pids));
    showView(stacks, options, () => {
      const registers = options.all ? 'short' : 'whole';
      const parts = [
        ...stacks.cpus.map((stack) => stackText(cpuTitle(stack), stack, registers)),
        ...stacks.tasks.map((stack) => stackText(taskTitle(stack), stack, registers)),
      ];
      printText(parts.join('\n'));
    });
  });

function selection({ cpus, all }: BtOptions, pids: readonly number[]): StackSelection {
  if (pids.length === 0) return { of: all ? 'CPUs and tasks' : cpus ? 'CPUs' : 'crashing CPU' };
  if (!all && !cpus) return { of: 'pids', pids };
  throw new VmcoreError('E_USAGE', `pids and ${all ? '--all' : '-a'} do not go together`, {
    hint: 'a dump whose name is a number is written ./NUMBER',
  });
}

const cpuTitle = ({ cpu, pid, comm, crashed }: CpuStack): string =>
  `CPU ${cpu}: ${pid === null ? 'what it ran is not known' : `PID ${pid} ${comm}`}${crashed ? ', crashed here' : ''}`;

const taskTitle = ({ pid, comm, state, cpu }: TaskStack): string =>
  `PID ${pid} ${comm} (${state}, CPU ${cpu})`;

/** One stack for people. `registers`: all that were saved, or only where user space was. */
export function stackText(title: string, stack: StackInfo, registers: 'whole' | 'short'): string {
  const lines = [harmless(title), ...stack.remarks.map((remark) => `     ${harmless(remark)}`)];
  stack.frames.forEach((frame, i) => {
    lines.push(frameLine(frame, i));
    if (frame.registers !== null && registers === 'whole') lines.push(...registerLines(frame.registers));
  });
  if (stack.end === 'user mode') {
    const { user } = stack;
    const pc = user?.rip ?? user?.pc;
    lines.push(`     user mode${pc === undefined ? '' : ` at ${pc}`}`);
    if (user !== null && registers === 'whole') lines.push(...registerLines(user));
  }
  if (stack.end === 'exited') lines.push('     exited: its stack was given back');
  if (stack.incomplete !== null) lines.push(`     incomplete: ${harmless(stack.incomplete)}`);
  return `${lines.join('\n')}\n`;
}

const bare = (address: string): string => address.slice(2);

function frameLine(
  { symbol, offset, pc, sp, module, found, interrupted }: FrameInfo,
  number: number,
): string {
  const place = symbol === null ? '(no symbol)' : `${harmless(symbol)}+0x${(offset ?? 0).toString(16)}`;
  const owner = module === null ? '' : ` [${harmless(module)}]`;
  return `${`#${number}`.padStart(4)} [${bare(sp)}] ${place} at ${bare(pc)}${owner}${how(number, found, interrupted)}`;
}

/** What is worth a word: everything but the usual. */
function how(number: number, found: FrameInfo['found'], interrupted: boolean): string {
  if (found === 'call-site') return ' (by its call)';
  if (found === 'exception') return interrupted ? ' (interrupted)' : ' (entered the kernel)';
  return found === 'registers' && number > 0 ? ' (by the link register)' : '';
}

/** Three a line fit 80 columns. */
const perLine = 3;

function registerLines(registers: RegisterValues): string[] {
  const cells = Object.entries(registers).map(
    ([name, value]) => `${name.toUpperCase().padStart(8)}: ${bare(value).padStart(16, '0')}`,
  );
  return Array.from({ length: Math.ceil(cells.length / perLine) }, (_, i) =>
    cells.slice(i * perLine, (i + 1) * perLine).join(''),
  );
}
