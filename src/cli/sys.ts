/** `vmcore sys FILE`: the machine and kernel that crashed, and how they fared. */
import type { Command } from 'commander';
import { harmless } from '../base/bytes.ts';
import { formatSize } from '../base/units.ts';
import { describeSystem, type SystemInfo, type Tainted } from '../tools/crash/sys.ts';
import { formatDuration } from './info.ts';
import { openCrashedFile } from './open.ts';
import { printFields } from './output.ts';
import { showView, type ViewOptions, viewCommand } from './view.ts';

export const sysCommand = (): Command =>
  viewCommand({ name: 'sys', description: 'the machine and kernel that crashed, and how they fared' }).action(
    (files: readonly string[], options: ViewOptions) => {
      const system = describeSystem(openCrashedFile(files, options));
      showView(system, options, () => {
        printFields(systemFields(system).map(([label, value]) => [label, harmless(value)]));
      });
    },
  );

const unknown = 'unknown';

export function systemFields(system: SystemInfo): [string, string][] {
  const { cpus, loadAverage } = system;
  return [
    ['Node', system.nodename ?? unknown],
    ['Kernel', `${system.release ?? unknown}, ${system.machine ?? unknown}`],
    ['Version', system.version ?? unknown],
    ['Command line', system.commandLine ?? unknown],
    ['Panic', system.panic ?? 'no panic message found in the log'],
    ['Tainted', system.tainted === null ? unknown : taintText(system.tainted)],
    ['Booted', system.bootTime ?? unknown],
    ['Crashed', system.crashTime ?? unknown],
    ['Uptime', system.uptimeSeconds === null ? unknown : formatDuration(system.uptimeSeconds)],
    [
      'CPUs',
      `${cpuList(cpus.online)} online, ${cpuList(cpus.present)} present, ${cpuList(cpus.possible)} possible`,
    ],
    ['Load', loadAverage === null ? unknown : loadAverage.map((load) => load.toFixed(2)).join(' ')],
    ['Tasks', system.tasks === null ? unknown : system.tasks.toLocaleString('en-US')],
    ['Memory', system.memory === null ? unknown : formatSize(system.memory)],
  ];
}

/** As the kernel writes lists of CPUs: 0-3,8. */
export function cpuList(cpus: readonly number[] | null): string {
  if (cpus === null) return unknown;
  const ranges: [number, number][] = [];
  for (const cpu of cpus) {
    const last = ranges.at(-1);
    if (last !== undefined && cpu === last[1] + 1) last[1] = cpu;
    else ranges.push([cpu, cpu]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',') || 'none';
}

export const taintText = ({ letters, taints }: Tainted): string =>
  letters === '' ? 'no' : taints.map(({ letter, meaning }) => `${letter} (${meaning})`).join(', ');
