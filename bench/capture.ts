/**
 * The capture run of a guest with our image beside the one with makedumpfile (lab/peer-image): the same machine, reservation, target, level and
 * codec; boots alternate. Each is armed as its own service does it: ours with the kernel unpacked, the peer's as it comes, by kexec_file_load.
 *
 *   npm run bench:capture                          4 GiB, crashkernel=192M, -d 31 with -z, -c and -l, the heavy load of lab/guests, 3 rounds
 *   npm run bench:capture -- --save                also written to bench/capture-results.md
 *   npm run bench:capture -- --rounds 1 --codec=-z --load none --memory 1G --kernel 6.12-x86_64
 *
 * Two spans are compared: from the panic to the power-off, and from the capture kernel's first moment to the dump being safe on its disk. The first
 * also in processor time of QEMU, which other work on the machine hardly changes.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type PanickedAndSaved, panicAndSave } from '../lab/boots/panic-and-save.ts';
import { heavyLoad } from '../lab/guests/guests.ts';
import { type GuestKernelName, guestKernels, parseGuestKernel } from '../lab/guests/kernels.ts';
import { buildPeerImage } from '../lab/peer-image/peer-image.ts';
import { VmcoreError } from '../src/base/errors.ts';
import type { Progress } from '../src/base/progress.ts';
import { formatSize, parseSize } from '../src/base/units.ts';
import { terminalProgress } from '../src/cli/terminal-progress.ts';
import { debianKernel } from '../src/tools/rehearse/debian.ts';
import { busModules } from '../src/tools/rehearse/devices.ts';
import { type Step, secondsOf } from '../src/tools/rehearse/timeline.ts';
import { benchToEnd, median } from './measure.ts';

interface Setting {
  readonly kernel: GuestKernelName;
  /** Bytes. */
  readonly memory: number;
  readonly crashkernel: string;
  /** makedumpfile's options, such as -l -d 31. */
  readonly options: readonly string[];
  readonly load: 'heavy' | 'none';
}

interface Capture {
  /** Seconds. */
  readonly panicToOff: number;
  readonly bootToSafe: number;
  /** QEMU's processor time from the panic to the last line of the console, seconds. */
  readonly processor: number;
  /** The least memory that was available, bytes. */
  readonly least: number;
  readonly steps: readonly Step[];
}

type Who = 'ours' | 'theirs';
const timeout = 1800;

/** One boot, panic and capture. E_REHEARSAL when no dump is saved. */
async function capture(who: Who, setting: Setting, progress: Progress): Promise<Capture> {
  const { kernel, memory, crashkernel, options, load } = setting;
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-bench-'));
  try {
    const conf = `ext4 /dev/vda\npath /var/crash\ncore_collector makedumpfile ${options.join(' ')}\nfinal_action poweroff\n`;
    const image =
      who === 'ours'
        ? {}
        : {
            image: { kind: 'ready' as const, file: await peerImage(setting, folder, progress) },
            // As kdump-utils and Debian's kdump-tools do.
            load: 'file' as const,
          };
    const work = join(folder, 'run');
    mkdirSync(work);
    const processor: { panicked?: number; last: number } = { last: 0 };
    const run = await panicAndSave(
      {
        folder: work,
        kernel,
        memory,
        crashkernel,
        kdumpConf: conf,
        timeout,
        ...(load === 'heavy' ? { workload: heavyLoad } : {}),
        ...image,
        onLine(line, _, seconds) {
          if (/Kernel panic - /.test(line)) processor.panicked ??= seconds;
          processor.last = Math.max(processor.last, seconds);
          return undefined;
        },
      },
      progress,
    );
    return { ...measured(who, run), processor: processor.last - (processor.panicked ?? 0) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function peerImage({ kernel, options }: Setting, folder: string, progress: Progress): Promise<string> {
  const { suite, flavour } = guestKernels[kernel];
  const { modules } = await debianKernel({ suite, flavour, progress });
  const file = join(folder, 'peer.img');
  await buildPeerImage(
    { moduleTree: modules, modules: [...busModules.virtio, 'ext4'], options },
    file,
    progress,
  );
  return file;
}

function measured(who: Who, { steps, events, captureConsole }: PanickedAndSaved): Omit<Capture, 'processor'> {
  const panicked = steps.findIndex(({ name }) => name === 'panic to capture kernel');
  const safe = events.find(({ name }) => name === 'dump-saved');
  if (panicked < 0 || safe?.time === undefined) {
    const last = captureConsole.trimEnd().split('\n').at(-1);
    throw new VmcoreError('E_REHEARSAL', `${who}: no dump was saved; the last thing seen was "${last}"`);
  }
  const available = events.flatMap(({ fields: { memAvailable, lowestAvailable } }) =>
    [memAvailable, lowestAvailable].filter((value) => typeof value === 'number'),
  );
  const after = steps.slice(panicked);
  return {
    panicToOff: secondsOf(after),
    // The kernel's clock, which begins with it.
    bootToSafe: safe.time,
    least: Math.min(...available),
    steps: after,
  };
}

interface Contest {
  readonly ours: Capture[];
  readonly theirs: Capture[];
}

const spans = {
  panicToOff: 'panic to power-off',
  processor: 'the same, processor time',
  bootToSafe: 'capture kernel up to dump safe',
} as const;
type Span = keyof typeof spans;
/** How many times longer ours takes: the median of neighbouring runs. */
const ratio = ({ ours, theirs }: Contest, span: Span): number =>
  median(ours.map((run, round) => run[span] / theirs[round]![span]));
const medianOf = (runs: readonly Capture[], span: Span): string =>
  median(runs.map((run) => run[span])).toFixed(1);

/** Of each step that any run had, in the order of the first that had it: the median. */
function stepRows({ ours, theirs }: Contest): string[] {
  const names = [...new Set([...ours, ...theirs].flatMap(({ steps }) => steps.map(({ name }) => name)))];
  const cell = (runs: readonly Capture[], name: string): string => {
    const seconds = runs.flatMap(({ steps }) => steps.filter((step) => step.name === name));
    return seconds.length === 0 ? '' : median(seconds.map((step) => step.seconds)).toFixed(2);
  };
  return names.map((name) => `| ${name} | ${cell(ours, name)} | ${cell(theirs, name)} |`);
}

function reportText(settings: readonly (readonly [Setting, Contest])[], rounds: number): string {
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} processors, ${formatSize(totalmem())}, Linux ${release().split('-')[0]}`;
  return [
    '# The capture run beside makedumpfile',
    '',
    `\`npm run bench:capture\`, ${new Date().toISOString().slice(0, 10)}. ${machine}; Node ${process.version}; QEMU emulates the processor where KVM does not work.`,
    '',
    `The peer: busybox and makedumpfile (lab/peer-image), armed by kexec_file_load as kdump-utils and Debian's kdump-tools do; ours as kdumpctl does, with the kernel unpacked. ${rounds} rounds in turn; medians, seconds; the ratio is the median of neighbouring runs', below 1 where ours is faster.`,
    '',
    // Else the figures would be taken for those of a machine.
    'An emulated processor translates every piece of code before it runs it first: starting node is a hundred thousand such pieces, and is over before most are run twice. makedumpfile is small. On a processor of its own the same filter needs about the same time for the same dump (`bench/results.md`, one thread).',
    '',
    ...settings.flatMap(([setting, contest]) => section(setting, contest)),
  ].join('\n');
}

function section({ kernel, memory, crashkernel, options, load }: Setting, contest: Contest): string[] {
  const least = Math.min(...contest.ours.map((run) => run.least));
  return [
    `## ${options.join(' ')}`,
    '',
    `A guest with ${kernel}, ${formatSize(memory)} of memory, ${load === 'heavy' ? 'at work (lab/guests)' : 'idle'}, crashkernel=${crashkernel}, to ext4 on virtio. The least memory that ours left available: ${formatSize(least)}.`,
    '',
    '| | ours | peer | ratio |',
    '|---|---:|---:|---:|',
    // The keys of an object are its names.
    ...(Object.keys(spans) as Span[]).map(
      (span) =>
        `| ${spans[span]} | ${medianOf(contest.ours, span)} | ${medianOf(contest.theirs, span)} | ${ratio(contest, span).toFixed(2)} |`,
    ),
    '',
    '| step | ours | peer |',
    '|---|---:|---:|',
    ...stepRows(contest),
    '',
  ];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kernel: { type: 'string', default: '6.1-x86_64' },
      memory: { type: 'string', default: '4G' },
      crashkernel: { type: 'string', default: '192M' },
      codec: { type: 'string', multiple: true, default: ['-z', '-c', '-l'] },
      load: { type: 'string', default: 'heavy' },
      rounds: { type: 'string', default: '3' },
      save: { type: 'boolean', default: false },
    },
  });
  const memory = parseSize(values.memory);
  const rounds = Number(values.rounds);
  const { load } = values;
  if (
    memory === undefined ||
    !Number.isInteger(rounds) ||
    rounds < 1 ||
    (load !== 'heavy' && load !== 'none')
  ) {
    throw new VmcoreError('E_USAGE', 'wrong --memory, --rounds or --load', {
      hint: 'such as --memory 4G --rounds 3 --load heavy',
    });
  }
  const settings = values.codec.map((codec): [Setting, Contest] => [
    {
      kernel: parseGuestKernel(values.kernel),
      memory,
      crashkernel: values.crashkernel,
      options: [codec, '-d', '31'],
      load,
    },
    { ours: [], theirs: [] },
  ]);
  const progress = terminalProgress();
  for (const [setting, contest] of settings) {
    for (let round = 1; round <= rounds; round++) {
      for (const who of ['theirs', 'ours'] as const) {
        progress.step(`${setting.options.join(' ')}, round ${round}, ${who}`);
        const run = await capture(who, setting, progress);
        contest[who].push(run);
        progress.note(`${who}: ${run.panicToOff.toFixed(1)} s from panic to power-off`);
      }
    }
  }
  progress.end();
  const text = reportText(settings, rounds);
  process.stdout.write(text);
  if (values.save) writeFileSync(join(import.meta.dirname, 'capture-results.md'), text);
}

await benchToEnd(main);
