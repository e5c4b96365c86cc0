/**
 * Measuring programs against each other: seconds on the wall clock, start-up included, and the most memory they ever had.
 *
 * Contenders run in turn, so that what else the machine does hits them alike; the ratio of two is the median of the ratios of
 * neighbouring runs. Peak memory is the kernel's ru_maxrss, through GNU time, which is small itself: a parent's own memory at the
 * moment of exec counts for its child.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VmcoreError } from '../src/base/errors.ts';
import { type ProgramResult, requireProgram, runProgram } from '../src/sys/programs.ts';

export interface Contender {
  readonly name: string;
  /** Program and arguments. */
  readonly command: readonly string[];
  /** A file that it writes; removed before each run, and after the last. */
  readonly output?: string;
}

export interface Run {
  readonly seconds: number;
  /** Bytes. */
  readonly peakMemory: number;
  /** Bytes of the output; 0 without one. */
  readonly size: number;
  readonly result: ProgramResult;
}

const timeout = 30 * 60_000;

/** One run. E_IO when it does not end well. */
export async function runOnce({ name, command, output }: Contender): Promise<Run> {
  const time = requireProgram({ name: 'time', debianPackage: 'time' });
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-bench-'));
  const report = join(folder, 'time');
  if (output !== undefined) rmSync(output, { force: true });
  try {
    const started = performance.now();
    const result = await runProgram(time, ['-o', report, '-f', '%M', ...command], { timeout });
    const seconds = (performance.now() - started) / 1000;
    if (result.status !== 0) {
      throw new VmcoreError(
        'E_IO',
        `${name} ended with status ${result.status}: ${result.stderr.trimEnd().split('\n').at(-1)}`,
        {
          file: command[0],
          hint: 'run it by hand',
        },
      );
    }
    const peakMemory = Number(readFileSync(report, 'latin1').trim()) * 1024;
    return { seconds, peakMemory, size: output === undefined ? 0 : statSync(output).size, result };
  } finally {
    rmSync(folder, { recursive: true });
    if (output !== undefined) rmSync(output, { force: true });
  }
}

export interface Contest {
  readonly ours: Run[];
  readonly theirs: Run[];
}

/** Runs the two in turn, `rounds` times. */
export async function contest(ours: Contender, theirs: Contender, rounds: number): Promise<Contest> {
  const runs: Contest = { ours: [], theirs: [] };
  for (let round = 0; round < rounds; round++) {
    runs.theirs.push(await runOnce(theirs));
    runs.ours.push(await runOnce(ours));
  }
  return runs;
}

/** The one that was fastest in one run each. One that fails is none: makedumpfile with --num-threads now and then ends by SIGABRT. */
export async function fastest(contenders: readonly Contender[]): Promise<Contender> {
  let best: { contender: Contender; seconds: number } | undefined;
  for (const contender of contenders) {
    try {
      const { seconds } = await runOnce(contender);
      if (best === undefined || seconds < best.seconds) best = { contender, seconds };
    } catch (error) {
      process.stderr.write(`left out: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
  if (best === undefined) throw new VmcoreError('E_IO', 'no contender ran to its end');
  return best.contender;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle - 0.25)]! + sorted[Math.floor(middle)]!) / 2;
}

/** How many times faster ours is. */
export const ratio = ({ ours, theirs }: Contest): number =>
  median(ours.map(({ seconds }, round) => theirs[round]!.seconds / seconds));

/** Runs a benchmark to its end: an error of ours is one line and its exit status. */
export async function benchToEnd(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    process.stderr.write(`${error.toLine()}\n`);
    process.exitCode = error.exitStatus;
  }
}
