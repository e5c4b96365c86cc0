/**
 * Views of a dump beside crash and drgn, which need the kernel's debuginfo for it: cold processes, from the command to its last line.
 *
 *   npm run bench:views                 all rows, a table
 *   npm run bench:views -- --save       also written to bench/views-results.md
 *   npm run bench:views -- --rounds 3 '--only=bt -a'
 *
 * The dump is of a machine at work (lab/guests, Debian 12's 6.1, 1 GiB), level 31, zstd; the peers are those of Debian forky. Everything is in the page
 * cache; runs alternate. Needs linux-image-RELEASE-dbg the first time, most of a gigabyte.
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, release as ownRelease, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { debugVmlinux } from '../lab/debug-kernel.ts';
import { guestDump } from '../lab/guests/guests.ts';
import { newestCrash, newestDrgn, type Peer } from '../lab/peers.ts';
import { VmcoreError } from '../src/base/errors.ts';
import { formatSize } from '../src/base/units.ts';
import { terminalProgress } from '../src/cli/terminal-progress.ts';
import { runChecked } from '../src/sys/programs.ts';
import { benchToEnd, type Contender, median, type Run, runOnce } from './measure.ts';

const memoryGoal = 120 * 2 ** 20;
const program = join(import.meta.dirname, '..', 'bin', 'vmcore');

interface ViewRow {
  readonly name: string;
  readonly ours: readonly string[];
  /** The commands of crash that say the same. */
  readonly crash: readonly string[];
  /** The word of drgn-views.py. */
  readonly drgn: string;
  /** Seconds, ours. */
  readonly goal: number;
}

const rows: readonly ViewRow[] = [
  { name: 'dmesg', ours: ['dmesg'], crash: ['log'], drgn: 'dmesg', goal: 0.15 },
  { name: 'bt -a', ours: ['bt', '-a'], crash: ['bt -a'], drgn: 'bt', goal: 0.35 },
  {
    name: 'report',
    ours: ['report'],
    crash: ['sys', 'bt', 'ps', 'mod', 'mount', 'kmem -i'],
    drgn: 'report',
    goal: 0.5,
  },
];

interface Result {
  readonly row: ViewRow;
  /** By who ran. */
  readonly runs: Readonly<Record<'ours' | 'crash' | 'drgn', Run[]>>;
}

/** crash reads its commands from a file, and finds no .crashrc. */
function crashContender(peer: Peer, folder: string, vmlinux: string, dump: string, row: ViewRow): Contender {
  const commands = join(folder, 'commands');
  writeFileSync(commands, `${[...row.crash, 'quit'].join('\n')}\n`);
  const command = ['env', `HOME=${folder}`, ...peer.command, '-s', '-i', commands, vmlinux, dump];
  return { name: 'crash', command };
}

function drgnContender(peer: Peer, vmlinux: string, dump: string, row: ViewRow): Contender {
  const script = join(import.meta.dirname, 'drgn-views.py');
  return { name: 'drgn', command: [...peer.environment, ...peer.command, script, vmlinux, dump, row.drgn] };
}

const seconds = (runs: readonly Run[]): string => median(runs.map((run) => run.seconds)).toFixed(2);
const peak = (runs: readonly Run[]): string =>
  (Math.max(...runs.map(({ peakMemory }) => peakMemory)) / 2 ** 20).toFixed(0);

const tableHead = [
  '| | ours s | goal | crash s | drgn s | ours MiB | crash MiB | drgn MiB |',
  '|---|---:|---:|---:|---:|---:|---:|---:|',
];

function tableRow({ row, runs: { ours, crash, drgn } }: Result): string {
  const cells = [
    `\`${row.name}\``,
    ...[seconds(ours), row.goal.toFixed(2), seconds(crash), seconds(drgn)],
    ...[peak(ours), peak(crash), peak(drgn)],
  ];
  return `| ${cells.join(' | ')} |`;
}

interface Report {
  readonly dump: { readonly release: string; readonly size: number };
  readonly versions: string;
  readonly rounds: number;
  readonly results: readonly Result[];
}

function reportText({ dump, versions, rounds, results }: Report): string {
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} processors, ${formatSize(totalmem())}, Linux ${ownRelease().split('-')[0]}`;
  const most = Math.max(...results.flatMap(({ runs }) => runs.ours.map(({ peakMemory }) => peakMemory)));
  return `${[
    '# Views of a dump beside crash and drgn',
    '',
    `\`npm run bench:views\`, ${new Date().toISOString().slice(0, 10)}. ${machine}; Node ${process.version}; ${versions}.`,
    '',
    `A dump of Linux ${dump.release}, 1 GiB of memory at work (lab/guests), level 31, zstd, ${formatSize(dump.size)}, in the page cache. Ours has nothing but the dump; crash and drgn have vmlinux with DWARF. Cold processes, their start included; ${rounds} runs each, in turn: medians; memory is the largest ru_maxrss. report: crash says \`${rows[2]!.crash.join('`, `')}\`, drgn the same things by bench/drgn-views.py.`,
    '',
    ...tableHead,
    ...results.map(tableRow),
    '',
    `Most memory that any run of ours used: ${formatSize(most)} (goal: at most ${formatSize(memoryGoal)}).`,
  ].join('\n')}\n`;
}

async function versionsOf(crash: Peer, drgn: Peer): Promise<string> {
  const first = (text: string): string => text.split('\n')[0]!.trim();
  const crashSaid = await crash.run(['--version']);
  const drgnSaid = await drgn.run(['-c', 'import drgn; print("drgn", drgn.__version__)']);
  return [crashSaid, drgnSaid].map(({ stdout }) => first(stdout.toString('latin1').trim())).join(', ');
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '7' },
      only: { type: 'string', multiple: true },
      save: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new VmcoreError('E_USAGE', 'wrong --rounds', { hint: 'such as --rounds 5' });
  }
  const progress = terminalProgress();
  const guest = { kernel: '6.1-x86_64', memory: 2 ** 30 } as const;
  const { raw, release } = await guestDump(guest, progress, new AbortController().signal);
  const vmlinux = await debugVmlinux({ suite: 'bookworm', release, progress });
  const [crash, drgn] = [await newestCrash(progress), await newestDrgn(progress)];
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-bench-views-'));
  const dump = join(folder, 'vmcore');
  const results: Result[] = [];
  let size = 0;
  try {
    await runChecked(program, ['makedumpfile', '-q', '-z', '-d', '31', raw, dump], { timeout: 300_000 });
    size = statSync(dump).size;
    for (const row of rows.filter(({ name }) => values.only === undefined || values.only.includes(name))) {
      progress.step(row.name);
      const contenders = {
        ours: { name: 'ours', command: [program, ...row.ours, dump] },
        crash: crashContender(crash, folder, vmlinux, dump, row),
        drgn: drgnContender(drgn, vmlinux, dump, row),
      };
      const runs: Result['runs'] = { ours: [], crash: [], drgn: [] };
      // One run before that counts: it reads the files, and compiles our code for the cache.
      for (const contender of Object.values(contenders)) await runOnce(contender);
      for (let round = 0; round < rounds; round++) {
        for (const who of ['ours', 'crash', 'drgn'] as const) runs[who].push(await runOnce(contenders[who]));
      }
      results.push({ row, runs });
      progress.note(tableRow({ row, runs }));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  progress.end();
  const versions = await versionsOf(crash, drgn);
  const text = reportText({ dump: { release, size }, versions, rounds, results });
  process.stdout.write(text);
  if (values.save) writeFileSync(join(import.meta.dirname, 'views-results.md'), text);
}

await benchToEnd(main);
