/** `vmcore report FILE`, and `vmcore FILE`: what happened, at a glance. */
import type { Command } from 'commander';
import { harmless } from '../base/bytes.ts';
import { formatSize } from '../base/units.ts';
import { type CrashReport, reportCrash } from '../tools/crash/report.ts';
import { stackText } from './bt.ts';
import { formatDuration } from './info.ts';
import { crashedKernelOf, openDumpFile } from './open.ts';
import { printFields, printText } from './output.ts';
import { cpuList, taintText } from './sys.ts';
import { printTable } from './table.ts';
import { showView, type ViewOptions, viewCommand } from './view.ts';

export const reportCommand = (): Command =>
  viewCommand({
    name: 'report',
    description: 'what happened, at a glance: why, who, where, the machine and its memory',
  }).action((files: readonly string[], options: ViewOptions) => {
    const report = reportCrash(openDumpFile(files, options), (dump) => crashedKernelOf(dump, options));
    showView(report, options, () => {
      printFields(reportFields(report).map(([label, value]) => [label, harmless(value)]));
      printStack(report);
      printCpus(report);
      printLog(report);
    });
  });

const unknown = 'unknown';

export function reportFields({
  dump,
  system,
  panic,
  where,
  crashed,
  memory,
}: CrashReport): [string, string][] {
  const count = (value: number): string => value.toLocaleString('en-US');
  const { pages } = dump;
  const level = dump.dumpLevel === null ? '' : `, level ${dump.dumpLevel}`;
  const uptime = system?.uptimeSeconds ?? dump.uptimeSeconds;
  const fields: [string, string][] = [['Panic', panic?.message ?? 'no panic message found in the log']];
  if (panic !== null && panic.cause !== null) fields.push(['Cause', panic.cause.message]);
  if (where !== null) fields.push(['Where', where]);
  fields.push(
    [
      'Who',
      crashed === null ? unknown : `PID ${crashed.pid ?? '?'} ${crashed.comm ?? '?'} on CPU ${crashed.cpu}`,
    ],
    ['Crashed', dump.crashTime ?? system?.crashTime ?? unknown],
    ['Uptime', uptime === null ? unknown : formatDuration(uptime)],
    ['Kernel', `${dump.release ?? unknown}, ${dump.arch}, ${dump.pageSize / 1024} KiB pages`],
  );
  if (system !== null) {
    const { cpus, loadAverage, tainted } = system;
    fields.push(
      ['Version', system.version ?? unknown],
      ['Node', system.nodename ?? unknown],
      ['Tainted', tainted === null ? unknown : taintText(tainted)],
      ['Command line', system.commandLine ?? unknown],
      ['CPUs', `${cpuList(cpus.online)} online of ${cpuList(cpus.possible)}`],
      [
        'Load',
        `${loadAverage === null ? unknown : loadAverage.map((load) => load.toFixed(2)).join(' ')}, ${system.tasks === null ? unknown : count(system.tasks)} tasks`,
      ],
    );
  }
  if (memory !== null) fields.push(['Memory', memoryLine(memory)]);
  const state = dump.incomplete ? ', INCOMPLETE' : '';
  const compression = dump.compression === null ? '' : `, ${dump.compression}`;
  fields.push(
    ['File', `${dump.file} (${formatSize(dump.size)}), ${dump.detail}${compression}${level}${state}`],
    [
      'Pages',
      `${count(pages.present)} of ${count(pages.ram)} in the dump, ${count(pages.excluded)} left out`,
    ],
  );
  if (dump.eraseinfo.length > 0)
    fields.push(['Erased', `${count(dump.eraseinfo.length)} objects, listed by info --json`]);
  return fields;
}

function memoryLine(memory: NonNullable<CrashReport['memory']>): string {
  const size = (bytes: number | null): string => (bytes === null ? '?' : formatSize(bytes));
  const { swap } = memory;
  const swapText =
    swap === null
      ? 'swap ?'
      : swap.total === 0
        ? 'no swap'
        : `${size(swap.used)} of ${size(swap.total)} swap used`;
  return `${size(memory.total)}, ${size(memory.free)} free, ${size(memory.available)} available, ${size(memory.slab)} slab, ${swapText}`;
}

/** Lines of a stack that are shown of its beginning and of its end: an overflowing one has hundreds. */
const firstLines = 20;
const lastLines = 8;

function printStack({ crashed }: CrashReport): void {
  if (crashed === null) return;
  const title = `Stack of PID ${crashed.pid ?? '?'} ${crashed.comm ?? '?'} on CPU ${crashed.cpu}`;
  const lines = stackText(title, crashed, 'short').trimEnd().split('\n');
  const left = lines.length - firstLines - lastLines;
  if (left > 1) lines.splice(firstLines, left, `     ${left} frames are left out here; bt shows them`);
  printText(`\n${lines.join('\n')}\n`);
}

/** CPUs that were idle in one line. */
function printCpus({ cpus }: CrashReport): void {
  const busy = cpus.filter(({ doing, crashed }) => doing !== 'idle' || crashed);
  const idle = cpus.filter((cpu) => !busy.includes(cpu)).map(({ cpu }) => cpu);
  printText('\n');
  printTable(
    [
      { title: 'CPU', align: 'right' },
      { title: 'PID', align: 'right' },
      { title: 'COMMAND' },
      { title: 'WAS IN' },
    ],
    busy.map(({ cpu, pid, comm, doing }) => [
      String(cpu),
      pid === null ? '?' : String(pid),
      comm ?? '?',
      doing ?? '?',
    ]),
  );
  if (idle.length > 0) printText(`CPUs that were idle: ${cpuList(idle)}\n`);
}

function printLog({ log }: CrashReport): void {
  if (log.length === 0) return;
  const lines = log.map(({ time, text }) => {
    const prefix = `[${time.toFixed(6).padStart(12)}] `;
    return `${prefix}${text
      .split('\n')
      .map(harmless)
      .join(`\n${' '.repeat(prefix.length)}`)}\n`;
  });
  printText(`\nLast in the log:\n${lines.join('')}`);
}
