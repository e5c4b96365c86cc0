/** `vmcore runq FILE`: the run queues. */
import type { Command } from 'commander';
import { harmless } from '../base/bytes.ts';
import { type CpuQueue, readRunQueues } from '../tools/crash/runq.ts';
import { openCrashedFile } from './open.ts';
import { printText } from './output.ts';
import { type Column, printTable } from './table.ts';
import { showView, type ViewOptions, viewCommand } from './view.ts';

export const runqCommand = (): Command =>
  viewCommand({ name: 'runq', description: 'what ran on each CPU, and what waited for it' }).action(
    (files: readonly string[], options: ViewOptions) => {
      const queues = readRunQueues(openCrashedFile(files, options));
      showView(queues, options, () => {
        queues.cpus.forEach(print);
      });
    },
  );

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
