/** `vmcore runq FILE`: the run queues. */
import { Command } from 'commander';
import { harmless } from '../base/bytes.ts';
import { type CpuQueue, readRunQueues } from '../tools/crash/runq.ts';
import { addDumpOptions, type DumpOptions, openCrashedFile } from './open.ts';
import { printJson, printMissing, printText } from './output.ts';
import { type Column, printTable } from './table.ts';

interface RunqOptions extends DumpOptions {
  readonly json?: true;
}

export const runqCommand = (): Command =>
  addDumpOptions(
    new Command('runq')
      .description('what ran on each CPU, and what waited for it')
      .argument('<file...>', 'a dump, or all files of a split one: ELF, kdump-compressed, flattened')
      .option('--json', 'as JSON'),
  ).action((files: readonly string[], options: RunqOptions) => {
    const queues = readRunQueues(openCrashedFile(files, options));
    if (options.json) {
      printJson(queues);
      return;
    }
    queues.cpus.forEach(print);
    printMissing(queues.missing);
  });

const columns: readonly Column[] = [
  { title: '  CLASS' },
  { title: 'PRIORITY', align: 'right' },
  { title: 'PID', align: 'right' },
  { title: 'COMMAND' },
];

function print({ cpu, current, counts, queued, address }: CpuQueue): void {
  const running = current === null ? 'unknown' : `${current.pid} ${harmless(current.comm)}`;
  printText(`CPU ${cpu}: running ${running}; struct rq ${address}\n`);
  if (counts !== null)
    printText(
      `  ${counts.running} runnable: ${counts.fair} fair, ${counts.realTime} real time, ${counts.deadline} deadline` +
        `${counts.load === null ? '' : `; load ${counts.load}`}; ${counts.switches} switches\n`,
    );
  if (queued.length === 0) printText('  none waiting\n');
  else
    printTable(
      columns,
      queued.map((task) => [`  ${task.class}`, String(task.priority), String(task.pid), task.comm]),
    );
}
