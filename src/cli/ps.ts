/** `vmcore ps FILE`: the tasks of a crashed kernel. */
import { type Command, Option } from 'commander';
import { countStates, listTasks, type TaskInfo } from '../tools/crash/ps.ts';
import { filesAndPids } from './files-and-pids.ts';
import { formatDuration } from './info.ts';
import { openCrashedFile } from './open.ts';
import { printJson, printMissing } from './output.ts';
import { type Column, printTable } from './table.ts';
import { type ViewOptions, viewCommand } from './view.ts';

interface PsOptions extends ViewOptions {
  readonly processes?: true;
  readonly kernel?: true;
  readonly user?: true;
  readonly times?: true;
  readonly states?: true;
}

export const psCommand = (): Command =>
  viewCommand({
    name: 'ps',
    description: 'the tasks, the idle ones of the CPUs included; ">" marks those that were running',
    takes: 'a dump, or all files of a split one, and perhaps pids: of processes, with their threads',
    options: [
      new Option('-G, --processes', 'processes only, without their further threads'),
      new Option('-k, --kernel', 'kernel threads only'),
      new Option('-u, --user', 'processes of user space only'),
      new Option(
        '-t, --times',
        'times: since start, on a CPU, in user space, in the kernel, since it last ran',
      ),
      new Option('-s, --states', 'how many are in which state'),
    ],
    json: 'as JSON: sizes in bytes, times in seconds',
  }).action((args: readonly string[], options: PsOptions) => {
    const { files, pids } = filesAndPids(args);
    const { tasks: all, missing } = listTasks(openCrashedFile(files, options));
    const tasks = all.filter(
      (task) =>
        (pids.length === 0 || pids.includes(task.pid) || pids.includes(task.tgid)) &&
        (options.processes !== true || task.pid === task.tgid) &&
        (options.kernel !== true || task.kernelThread) &&
        (options.user !== true || !task.kernelThread),
    );
    if (options.states) {
      const states = countStates(tasks);
      if (options.json) printJson({ states, missing });
      else
        printTable(
          stateColumns,
          states.map(({ state, tasks: count }) => [state, String(count)]),
        );
    } else if (options.json) printJson({ tasks, missing });
    else if (options.times) printTable(timeColumns, tasks.map(timeCells));
    else printTable(columns, tasks.map(cells));
    if (!options.json) printMissing(missing);
  });

const right = (title: string): Column => ({ title, align: 'right' });

const stateColumns: readonly Column[] = [{ title: 'STATE' }, right('TASKS')];

const columns: readonly Column[] = [
  { title: ' ' },
  right('PID'),
  right('TGID'),
  right('PPID'),
  right('CPU'),
  { title: 'ST' },
  right('VSZ KiB'),
  right('RSS KiB'),
  { title: 'COMMAND' },
];

const cells = (task: TaskInfo): string[] => [
  ...marks(task),
  String(task.tgid),
  task.ppid === null ? '?' : String(task.ppid),
  String(task.cpu),
  task.state,
  task.memory === null ? '-' : String(task.memory.vsz / 1024),
  task.memory === null ? '-' : String(task.memory.rss / 1024),
  commandOf(task),
];

const timeColumns: readonly Column[] = [
  { title: ' ' },
  right('PID'),
  right('CPU'),
  { title: 'ST' },
  right('STARTED s'),
  right('AGE'),
  right('RAN s'),
  right('USER s'),
  right('SYSTEM s'),
  right('LAST RAN AGO'),
  { title: 'COMMAND' },
];

const timeCells = (task: TaskInfo): string[] => [
  ...marks(task),
  String(task.cpu),
  task.state,
  task.times === null ? '?' : task.times.started.toFixed(3),
  typeof task.times?.age === 'number' ? formatDuration(task.times.age) : '?',
  task.times === null ? '?' : task.times.ran.toFixed(3),
  task.times === null ? '?' : task.times.user.toFixed(3),
  task.times === null ? '?' : task.times.system.toFixed(3),
  typeof task.times?.idle === 'number' ? ago(task.times.idle) : '-',
  commandOf(task),
];

const marks = (task: TaskInfo): [string, string] => [task.onCpu ? '>' : '', String(task.pid)];

const ago = (seconds: number): string => (seconds < 10 ? `${seconds.toFixed(6)} s` : formatDuration(seconds));

/** Kernel threads in brackets, as ps shows them. */
const commandOf = ({ comm, kernelThread }: TaskInfo): string => (kernelThread ? `[${comm}]` : comm);
