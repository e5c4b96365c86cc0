/**
 * Questions to crash, the debugger that kdump users have: the newest of Debian forky, on a dump and the vmlinux of its kernel.
 *
 * crash runs as peers.ts runs the others. It reads its commands from a file, knows no pager then, and finds no .crashrc.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../src/sys/programs.ts';
import { newestCrash } from './peers.ts';

export interface CrashSession {
  /** The vmlinux with DWARF. */
  readonly vmlinux: string;
  /** One dump, or all parts of a split one. Absolute paths. */
  readonly dumps: readonly string[];
  readonly commands: readonly string[];
  /** For an incomplete dump: pages that it has not are read as zeros, without which crash gives up at the first. */
  readonly missing?: 'zeros';
}

export interface CrashAnswers {
  readonly status: number;
  /** What it says when it starts, and then of each command, less the names of the files. */
  readonly text: string;
  readonly stderr: string;
}

/** Milliseconds; a session takes about five seconds. */
const timeout = 180_000;

export async function askCrash(session: CrashSession): Promise<CrashAnswers> {
  const [loader, ...before] = (await newestCrash()).command;
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-crash-'));
  try {
    const commands = join(folder, 'commands');
    writeFileSync(commands, `${[...session.commands, 'quit'].join('\n')}\n`);
    const zeros = session.missing === 'zeros' ? ['--zero_excluded'] : [];
    const args = [...before, '-s', ...zeros, '-i', commands, session.vmlinux, ...session.dumps];
    const run = await runProgram(loader!, args, { timeout, cwd: folder, env: { HOME: folder } });
    return { status: run.status, text: withoutFiles(run.stdout.toString('utf8')), stderr: run.stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Its banner names the dump, or each part in a line of its own, and says of a filtered one that it is partial. */
export const withoutFiles = (text: string): string =>
  text.replace(/^ *DUMPFILES?: .*\n(?: {8,}\/.*\n)*/gm, '');
