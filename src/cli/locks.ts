/** `vmcore locks FILE`: who waits for which lock, and who holds it. */
import type { Command } from 'commander';
import { harmless } from '../base/bytes.ts';
import { type LockInfo, listLocks, type TaskName } from '../tools/crash/locks.ts';
import { formatDuration } from './info.ts';
import { openCrashedFile } from './open.ts';
import { printText } from './output.ts';
import { type Column, printTable } from './table.ts';
import { showView, type ViewOptions, viewCommand } from './view.ts';

export const locksCommand = (): Command =>
  viewCommand({
    name: 'locks',
    description: 'tasks in uninterruptible sleep or waiting for a lock, who holds it, and deadlocks',
    json: 'as JSON: times in seconds',
  }).action((files: readonly string[], options: ViewOptions) => {
    const locks = listLocks(openCrashedFile(files, options));
    showView(locks, options, () => {
      if (locks.waiting.length === 0)
        printText('no task was in uninterruptible sleep or waited for a lock\n');
      else
        printTable(
          columns,
          locks.waiting.map(({ pid, comm, state, seconds, lock, in: place }) => [
            String(pid),
            state,
            seconds === null ? '?' : formatDuration(seconds),
            comm,
            lock === null ? `in ${place ?? 'an unknown function'}` : lockText(lock),
            lock === null ? '' : holderText(lock),
          ]),
        );
      for (const circle of locks.deadlocks) printText(`DEADLOCK: ${circleText(circle)}\n`);
    });
  });

const columns: readonly Column[] = [
  { title: 'PID', align: 'right' },
  { title: 'ST' },
  { title: 'SINCE', align: 'right' },
  { title: 'COMMAND' },
  { title: 'WAITS FOR' },
  { title: 'HELD BY' },
];

const lockText = ({ kind, address, name, mode }: LockInfo): string =>
  `${kind} ${name ?? address}${mode === null ? '' : ` to ${mode}`}`;

function holderText({ holder, readers, kind }: LockInfo): string {
  const many = readers === null || readers === 0 ? '' : `${readers} ${readers === 1 ? 'reader' : 'readers'}`;
  if (holder === null) {
    const knows = kind === 'mutex' || kind === 'rt_mutex' || readers === 0;
    return many || (knows ? 'nobody' : 'not recorded');
  }
  const name = holder.pid === null ? `a task that is gone (${holder.address})` : taskText(holder);
  if (holder.holds === 'certainly') return name;
  return many === '' ? `perhaps ${name}` : `${many}, the last ${name}`;
}

const taskText = ({ pid, comm }: TaskName): string => `${pid} ${harmless(comm)}`;

const circleText = (circle: readonly TaskName[]): string =>
  [...circle, ...circle.slice(0, 1)].map(taskText).join(' waits for ');
