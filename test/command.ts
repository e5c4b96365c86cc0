/** Runs the command a user would type. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export interface CommandResult {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const program = join(import.meta.dirname, '..', 'bin', 'vmcore');

export function vmcore(...args: readonly string[]): CommandResult {
  const { status, stdout, stderr } = spawnSync(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 10 * 60_000,
    maxBuffer: 1 << 30,
  });
  return { status, stdout, stderr: stderr.toString('utf8') };
}
