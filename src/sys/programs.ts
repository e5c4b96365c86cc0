/**
 * Other programs: finding them, saying which package brings a missing one, running them with an argument vector.
 * Nothing here goes through a shell.
 */

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { VmcoreError } from '../base/errors.ts';
import { nodeChildProcess } from './late-modules.ts';

/** Tools such as mkfs.ext4 live here, and a plain user's PATH often leaves these out. */
const administratorFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

export interface Program {
  readonly name: string;
  /** The Debian package that brings it. */
  readonly debianPackage: string;
}

/** The program's path, or undefined. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).concat(administratorFolders);
  for (const folder of folders) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** The program's path. E_NEEDS, naming the package, when it is not installed. */
export function requireProgram(program: Program): string {
  const path = findProgram(program.name);
  if (path === undefined) throw missingPrograms([program]);
  return path;
}

/** E_NEEDS that names every missing program at once, so that one installation is enough. */
export function requirePrograms(programs: readonly Program[]): void {
  const missing = programs.filter((program) => findProgram(program.name) === undefined);
  if (missing.length > 0) throw missingPrograms(missing);
}

function missingPrograms(missing: readonly Program[]): VmcoreError {
  const packages = [...new Set(missing.map((program) => program.debianPackage))].sort();
  return new VmcoreError('E_NEEDS', `${missing.map((program) => program.name).join(', ')}: not installed`, {
    hint: `as root: apt-get install --no-install-recommends ${packages.join(' ')}`,
  });
}

export interface ProgramResult {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  /** Milliseconds; the program is killed after that. */
  readonly timeout?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** The folder it runs in; ours when not given. */
  readonly cwd?: string;
  /** What it reads; /dev/null when not given. */
  readonly input?: string;
}

/** Runs a program to its end. E_NEEDS when it cannot be started, E_IO on a timeout. */
export function runProgram(
  path: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = nodeChildProcess().spawn(path, args, {
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...(options.timeout === undefined ? {} : { timeout: options.timeout, killSignal: 'SIGKILL' as const }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: { ...process.env, ...options.env } }),
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on('data', (piece: Buffer) => out.push(piece));
    child.stderr?.on('data', (piece: Buffer) => err.push(piece));
    // A program that does not read all of it has its reasons, and tells them by its status.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input);
    child.on('error', (cause) =>
      reject(
        new VmcoreError('E_NEEDS', `cannot be started: ${cause.message}`, {
          file: path,
          hint: 'check that it is installed and executable',
          cause,
        }),
      ),
    );
    child.on('close', (status, signal) => {
      const stderr = Buffer.concat(err).toString('utf8');
      if (signal !== null) {
        reject(
          new VmcoreError('E_IO', `ended by ${signal}: ${lastLine(stderr) || saidNothing}`, {
            file: path,
            hint: 'try again; look for lack of memory or time',
          }),
        );
        return;
      }
      resolve({ status: status ?? 1, stdout: Buffer.concat(out), stderr });
    });
  });
}

/** As runProgram, and E_IO with the program's last words unless it ends with status 0. */
export async function runChecked(
  path: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProgramResult> {
  const result = await runProgram(path, args, options);
  if (result.status !== 0) {
    throw new VmcoreError('E_IO', `exit status ${result.status}: ${lastLine(result.stderr) || saidNothing}`, {
      file: path,
      hint: 'check free space and permissions',
    });
  }
  return result;
}

const saidNothing = 'it said nothing';

/** The last thing a program said that is not blank; empty when it said nothing. */
export const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1)?.trim() ?? '';
