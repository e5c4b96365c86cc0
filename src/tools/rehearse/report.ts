/** The report of a rehearsal: every figure in one typed object, and the same as text for people. Sizes in bytes. */
import { formatSize } from '../../base/units.ts';
import type { JournalFields, JournalValue } from '../kdumpctl/journal.ts';
import type { DumpFindings } from './examine.ts';
import type { GuestArch } from './machines.ts';
import type { Step } from './timeline.ts';

export interface RehearsalReport {
  readonly kernel: { readonly release: string; readonly image: string; readonly modules: string };
  readonly machine: {
    readonly arch: GuestArch;
    readonly accelerator: 'kvm' | 'tcg';
    readonly memory: number;
    readonly cpus: number;
    /** As given to crashkernel=. */
    readonly crashkernel: string;
    /** How the crash kernel was loaded: kexec_file_load(2) or kexec_load(2). */
    readonly load: 'file' | 'load';
    /** The program that ran before the panic. */
    readonly workload: string | undefined;
  };
  readonly captureImage: {
    readonly size: number;
    /** The squashfs with node and our code, inside it. */
    readonly programSize: number;
    readonly modules: readonly string[];
  };
  /** By the host's clock; they add up to `seconds`. */
  readonly steps: readonly Step[];
  readonly seconds: number;
  /** The part of them that a machine which crashes is gone for, until it is off. */
  readonly panicToOff: { readonly seconds: number; readonly steps: readonly Step[] };
  /** In the capture kernel. */
  readonly memory: {
    readonly total: number | undefined;
    readonly availableAtStart: number | undefined;
    readonly availableLowest: number | undefined;
    /** The most that the program which saved the dump had in RAM. */
    readonly peakResident: number | undefined;
  };
  readonly dump: {
    readonly guestPath: string;
    readonly size: number;
    readonly level: number;
    /** What the filter counted, pages by kind. */
    readonly pages: JournalFields;
  };
  readonly found: DumpFindings;
  /** Files that were kept. */
  readonly kept: readonly string[];
}

export function formatReport(report: RehearsalReport): string {
  const { kernel, machine, captureImage, memory, dump, found } = report;
  const { info } = found;
  const facts: readonly (readonly [string, string])[] = [
    ['kernel', `${kernel.release} (${kernel.image})`],
    [
      'machine',
      `${machine.arch}, ${formatSize(machine.memory)}, ${machine.cpus} CPUs, QEMU ${machine.accelerator}, crashkernel=${machine.crashkernel}`,
    ],
    [
      'capture image',
      `${formatSize(captureImage.size)}, of it node and our code ${formatSize(captureImage.programSize)}`,
    ],
    ['memory used', `${sizeOr(memory.peakResident)} at the most, by the program that saved the dump`],
    [
      'memory left',
      `${sizeOr(memory.availableLowest)} at the lowest, of ${sizeOr(memory.total)} that the capture kernel has`,
    ],
    ['dump', `${formatSize(dump.size)} at level ${dump.level} (${dump.guestPath})`],
    ['panic', info.panic ?? 'not in the log'],
    ['release', info.release ?? 'unknown'],
    ['uptime', info.uptimeSeconds === null ? 'unknown' : `${info.uptimeSeconds.toFixed(1)} s`],
    ['CPUs', String(info.cpus)],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  return [
    'The kernel was panicked, and its dump arrived.',
    '',
    ...facts.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    '',
    'Seconds by step',
    ...columns([...secondsBy(stepsBesides(report)), ['all', report.seconds.toFixed(1)]]),
    '',
    'Pages by kind',
    ...columns(countsOf(dump.pages)),
    ...info.missing.map((what) => `  not found: ${what}`),
    '',
    'The last lines of the kernel log',
    ...found.dmesgTail.map((line) => `  ${line}`),
    ...(report.kept.length === 0 ? [] : ['', 'Kept', ...report.kept.map((path) => `  ${path}`)]),
    '',
    ...formatPanicToOff(report.panicToOff),
    '',
  ].join('\n');
}

/** The block that says how long a crash takes, and where the time goes. */
export const formatPanicToOff = ({ seconds, steps }: RehearsalReport['panicToOff']): string[] => [
  `From panic to power-off: ${seconds.toFixed(1)} seconds`,
  ...columns(
    steps.map((step) => [step.name, `${step.seconds.toFixed(1)} ${share(step.seconds, seconds)}`] as const),
  ),
];

const share = (part: number, whole: number): string =>
  `${Math.round(whole === 0 ? 0 : (100 * part) / whole)}%`.padStart(5);

const secondsBy = (steps: readonly Step[]): (readonly [string, string])[] =>
  steps.map(({ name, seconds }) => [name, seconds.toFixed(1)]);

/** Those of panicToOff are one line here: a block of their own tells them. */
function stepsBesides({ steps, panicToOff }: RehearsalReport): Step[] {
  const first = steps.findIndex(({ name }) => name === panicToOff.steps[0]?.name);
  if (first < 0) return [...steps];
  return [
    ...steps.slice(0, first),
    { name: 'panic to power-off', seconds: panicToOff.seconds },
    ...steps.slice(first + panicToOff.steps.length),
  ];
}

/** The counts of MakedumpfileResult, and how people call them. */
const countNames: Readonly<Record<string, string>> = {
  ram: 'RAM',
  free: 'left out: free',
  cache: 'left out: page cache',
  cachePrivate: 'left out: page cache with private data',
  user: 'left out: user data',
  hwpoison: 'left out: poisoned',
  offline: 'left out: offline',
  written: 'in the dump',
  zero: 'of them zeros, sharing one page',
  unjudged: 'of them kept because nothing is known of them',
  lost: 'lost: could not be read',
};

function countsOf(fields: JournalFields): (readonly [string, string])[] {
  const { excluded } = fields;
  const counts: JournalFields = { ...fields, ...(isFields(excluded) ? excluded : {}) };
  return Object.entries(countNames).flatMap(([key, name]) => {
    const count = counts[key];
    return typeof count === 'number' ? [[name, count.toLocaleString('en-US')] as const] : [];
  });
}

const isFields = (value: JournalValue | undefined): value is JournalFields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const left = Math.max(0, ...rows.map(([name]) => name.length));
  const right = Math.max(0, ...rows.map(([, value]) => value.length));
  return rows.map(([name, value]) => `  ${name.padEnd(left)}  ${value.padStart(right)}`);
}

const sizeOr = (bytes: number | undefined): string => (bytes === undefined ? 'unknown' : formatSize(bytes));
