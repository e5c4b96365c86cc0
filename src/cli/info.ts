/** `vmcore info FILE`: what a dump is and what happened. */
import type { Command } from 'commander';
import { formatSize } from '../base/units.ts';
import { type DumpInfo, summarize } from '../tools/crash/info.ts';
import { openDumpFile } from './open.ts';
import { printFields, printJson } from './output.ts';
import { type ViewOptions, viewCommand } from './view.ts';

export const infoCommand = (): Command =>
  viewCommand({ name: 'info', description: 'what a dump is and what happened' }).action(
    (files: readonly string[], options: ViewOptions) => {
      const { info } = summarize(openDumpFile(files, options));
      if (options.json) printJson(info);
      else printFields(infoFields(info));
    },
  );

/** Seconds as people say them: 5.6 s, 3 min 20 s, 2 d 4 h. */
export function formatDuration(seconds: number): string {
  // What would be shown as 60.0 s is a minute.
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const units = [
    ['d', 86400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const;
  let rest = Math.round(seconds);
  const parts: string[] = [];
  for (const [name, length] of units) {
    if (rest >= length) parts.push(`${Math.floor(rest / length)} ${name}`);
    rest %= length;
  }
  return parts.slice(0, 2).join(' ');
}

export function infoFields(info: DumpInfo): [string, string][] {
  const { pages } = info;
  const count = (value: number): string => value.toLocaleString('en-US');
  const state = info.incomplete ? ', INCOMPLETE' : '';
  const fields: [string, string][] = [
    ['File', `${info.file} (${formatSize(info.size)})`],
    ['Format', `${info.detail}${info.compression === null ? '' : `, ${info.compression}`}${state}`],
    ['Kernel', `${info.release ?? 'unknown'}, ${info.arch}, ${info.pageSize / 1024} KiB pages`],
    ['Panic', info.panic ?? 'no panic message found in the log'],
    ['Crashed', info.crashTime ?? 'unknown'],
    ['Uptime', info.uptimeSeconds === null ? 'unknown' : formatDuration(info.uptimeSeconds)],
    ['CPUs', String(info.cpus)],
    ['Dump level', info.dumpLevel === null ? 'not recorded in this format' : String(info.dumpLevel)],
    [
      'Pages',
      `${count(pages.present)} of ${count(pages.ram)} in the dump, ${count(pages.excluded)} left out` +
        (pages.zero === null ? '' : `, ${count(pages.zero)} zero`),
    ],
  ];
  const erased = info.eraseinfo.length;
  if (erased > 0)
    fields.push(['Erased', `${count(erased)} ${erased === 1 ? 'object' : 'objects'}, listed by --json`]);
  return [...fields, ...info.missing.map((what): [string, string] => ['Missing', what])];
}
