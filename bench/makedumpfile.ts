/**
 * vmcore makedumpfile against the C original, on the dump of a 4 GiB machine at work:
 *
 *   npm run bench:makedumpfile                 all rows, a table
 *   npm run bench:makedumpfile -- --save       also written to bench/results.md
 *   npm run bench:makedumpfile -- --rounds 3 '--only=-z -d 1' --memory 1G --kernel 6.12-x86_64
 *
 * Same dump, in the page cache; output on tmpfs when it has room, removed before each run; runs alternate. The peer is the
 * fastest of Debian forky's makedumpfile with and without --num-threads, and, but for zstd, Debian 12's.
 */
import { statfsSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { guestDump } from '../lab/guests/guests.ts';
import { parseGuestKernel } from '../lab/guests/kernels.ts';
import { debianMakedumpfile, newestMakedumpfile, type Peer } from '../lab/peers.ts';
import { VmcoreError } from '../src/base/errors.ts';
import { formatSize, parseSize } from '../src/base/units.ts';
import { terminalProgress } from '../src/cli/terminal-progress.ts';
import { openFile } from '../src/sys/file-source.ts';
import { runChecked } from '../src/sys/programs.ts';
import {
  benchToEnd,
  type Contender,
  type Contest,
  contest,
  fastest,
  median,
  ratio,
  runOnce,
} from './measure.ts';
import { type Row, rows } from './rows.ts';

const memoryLimit = 150 * 2 ** 20;
/** The original's own figure, to be reached. */
const classificationGoal = 12;
const program = join(import.meta.dirname, '..', 'bin', 'vmcore');

interface Peers {
  readonly newest: Peer;
  readonly debian: Peer;
  /** `1.7.8` */
  readonly newestVersion: string;
  readonly debianVersion: string;
}

interface Result {
  readonly row: Row;
  readonly contest: Contest;
  readonly peer: string;
}

async function versionOf(peer: Peer): Promise<string> {
  const { stdout, stderr } = await peer.run(['-v']);
  return /version (\S+)/.exec(stdout.toString('latin1') + stderr)?.[1] ?? 'unknown';
}

/** /dev/shm when it is a tmpfs with room for the largest output, and the machine has memory for that beside the dump. */
function outputFolder(dumpSize: number): { path: string; what: string } {
  const { type, bavail, bsize } = statfsSync('/dev/shm');
  const tmpfsMagic = 0x0102_1994;
  const fits = bavail * bsize > 2 * dumpSize && totalmem() > 3 * dumpSize;
  return type === tmpfsMagic && fits
    ? { path: '/dev/shm', what: 'tmpfs' }
    : { path: tmpdir(), what: tmpdir() };
}

/** Into the page cache. Returns its size, bytes. */
function readAll(path: string): number {
  const source = openFile(path);
  const buffer = new Uint8Array(1 << 20);
  for (let offset = 0; offset < source.size; offset += buffer.length) source.read(offset, buffer);
  source.close();
  return source.size;
}

function settingsOf(row: Row, peers: Peers, dump: string, output: string): Contender[] {
  const threads = cpus().length;
  const setting = (peer: Peer, version: string, more: readonly string[]): Contender => ({
    name: [version, ...more].join(' '),
    command: [...peer.command, ...more, ...row.peer, dump, output],
    output,
  });
  const settings = [setting(peers.newest, peers.newestVersion, [])];
  if (!row.peer.includes('-z')) settings.push(setting(peers.debian, peers.debianVersion, []));
  if (!row.oneThread && !row.peer.includes('-E')) {
    settings.push(setting(peers.newest, peers.newestVersion, ['--num-threads', `${threads}`]));
  }
  return settings;
}

interface Classification {
  /** Nanoseconds a page: of the first pass (which a dump pays), of later ones, of processor time, and the original's. */
  readonly first: number;
  readonly later: number;
  readonly processor: number;
  readonly theirs: number;
}

async function classify(dump: string, peer: Contender, rounds: number): Promise<Classification> {
  const first: number[] = [];
  const later: number[] = [];
  const processor: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const ours = await runChecked(process.execPath, [join(import.meta.dirname, 'classify.ts'), dump]);
    const told = JSON.parse(ours.stdout.toString('utf8')) as {
      ram: number;
      seconds: number[];
      processor: number[];
    };
    const perPage = (seconds: number): number => (seconds * 1e9) / told.ram;
    first.push(perPage(told.seconds[0]!));
    later.push(perPage(median(told.seconds.slice(1))));
    processor.push(perPage(median(told.processor)));
    const { result } = await runOnce(peer);
    const text = result.stdout.toString('latin1') + result.stderr;
    const passes = [...text.matchAll(/STEP \[Excluding unnecessary pages\] : ([\d.]+) seconds/g)];
    theirs.push(...passes.map((match) => perPage(Number(match[1]))));
  }
  return { first: median(first), later: median(later), processor: median(processor), theirs: median(theirs) };
}

const tableHead = [
  '| | ours s | peer s | times faster | goal | size | ours MiB | peer MiB | peer |',
  '|---|---:|---:|---:|---:|---:|---:|---:|---|',
];

function tableRow({ row, contest: runs, peer }: Result): string {
  const seconds = (of: Contest['ours']): string => median(of.map((run) => run.seconds)).toFixed(2);
  const peak = (of: Contest['ours']): string => (peakOf(of) / 2 ** 20).toFixed(0);
  const cells = [
    `\`${row.name}\``,
    seconds(runs.ours),
    seconds(runs.theirs),
    ratio(runs).toFixed(2),
    row.goal === undefined ? '' : row.goal.toFixed(2),
    (runs.ours[0]!.size / runs.theirs[0]!.size).toFixed(3),
    peak(runs.ours),
    peak(runs.theirs),
    row.note === undefined ? peer : `${peer}; ${row.note}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

const peakOf = (runs: Contest['ours']): number => Math.max(...runs.map(({ peakMemory }) => peakMemory));

interface Report {
  readonly dump: { readonly release: string; readonly size: number; readonly memory: number };
  readonly peers: Peers;
  readonly rounds: number;
  readonly where: string;
  readonly results: readonly Result[];
  readonly classification: Classification | undefined;
}

function reportText({ dump, peers, rounds, where, results, classification }: Report): string {
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} processors, ${formatSize(totalmem())}, Linux ${release().split('-')[0]}`;
  const ours = results.flatMap(({ contest: runs }) => runs.ours);
  const lines = [
    '# vmcore makedumpfile beside makedumpfile',
    '',
    `\`npm run bench:makedumpfile\`, ${new Date().toISOString().slice(0, 10)}. ${machine}; Node ${process.version}; makedumpfile ${peers.newestVersion} and ${peers.debianVersion}.`,
    '',
    `A dump of Linux ${dump.release}, ${formatSize(dump.memory)} of memory at work (lab/guests), ${formatSize(dump.size)}, in the page cache; output on ${where}, removed before each run. ${rounds} runs each, in turn: medians; "times faster" is the median of neighbouring runs' ratios; "size" is our output's, the peer's being 1; memory is the largest ru_maxrss.`,
    '',
    ...tableHead,
    ...results.map(tableRow),
    '',
    `Most memory that any run of ours used: ${formatSize(Math.max(...ours.map(({ peakMemory }) => peakMemory)))} (goal: at most ${formatSize(memoryLimit)}).`,
  ];
  if (classification !== undefined) {
    const { first, later, processor, theirs } = classification;
    lines.push(
      '',
      `Classification, nanoseconds a page of RAM at level 31: ours ${first.toFixed(1)} in the first pass, ${later.toFixed(1)} in later ones (${processor.toFixed(1)} of processor time); makedumpfile ${theirs.toFixed(1)} (goal: at most ${classificationGoal}).`,
    );
  }
  return `${lines.join('\n')}\n`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kernel: { type: 'string', default: '6.1-x86_64' },
      memory: { type: 'string', default: '4G' },
      rounds: { type: 'string', default: '5' },
      only: { type: 'string', multiple: true },
      save: { type: 'boolean', default: false },
    },
  });
  const memory = parseSize(values.memory);
  const rounds = Number(values.rounds);
  if (memory === undefined || !Number.isInteger(rounds) || rounds < 1) {
    throw new VmcoreError('E_USAGE', 'wrong --memory or --rounds', {
      hint: 'such as --memory 4G --rounds 5',
    });
  }
  const progress = terminalProgress();
  const kernel = parseGuestKernel(values.kernel);
  const dump = await guestDump({ kernel, memory }, progress, new AbortController().signal);
  const size = readAll(dump.raw);
  const [newest, debian] = [await newestMakedumpfile(progress), debianMakedumpfile()];
  const peers: Peers = {
    newest,
    debian,
    newestVersion: await versionOf(newest),
    debianVersion: await versionOf(debian),
  };
  const { path: folder, what: where } = outputFolder(size);
  const output = (who: string): string => join(folder, `vmcore-bench-${process.pid}-${who}`);

  const results: Result[] = [];
  for (const row of rows.filter(({ name }) => values.only === undefined || values.only.includes(name))) {
    progress.step(row.name);
    const peer = await fastest(settingsOf(row, peers, dump.raw, output('theirs')));
    const command = [program, 'makedumpfile', '-q', ...row.ours, dump.raw, output('ours')];
    const ours: Contender = { name: 'ours', command, output: output('ours') };
    const result = { row, contest: await contest(ours, peer, rounds), peer: peer.name };
    results.push(result);
    progress.note(tableRow(result));
  }
  let classification: Classification | undefined;
  if (values.only === undefined || values.only.includes('classification')) {
    progress.step('classification');
    const args = ['--message-level', '31', '-l', '-d', '31', dump.raw, output('theirs')];
    const peer = {
      name: peers.newestVersion,
      command: [...newest.command, ...args],
      output: output('theirs'),
    };
    classification = await classify(dump.raw, peer, rounds);
  }
  progress.end();
  const text = reportText({ dump: { ...dump, size, memory }, peers, rounds, where, results, classification });
  process.stdout.write(text);
  if (values.save) writeFileSync(join(import.meta.dirname, 'results.md'), text);
}

await benchToEnd(main);
