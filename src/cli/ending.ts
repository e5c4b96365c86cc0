/** How every command ends: with one line for an error, the exit status of its class, and quietly when the reader of a pipe leaves. */
import { ExitStatus, VmcoreError } from '../base/errors.ts';

/** What it calls itself in error messages. */
export const programName = 'vmcore';

/** Exit status of a program whose reader went away (128 + SIGPIPE). */
const brokenPipe = 141;

function leaveQuietly(error: NodeJS.ErrnoException): never {
  if (error.code === 'EPIPE') process.exit(brokenPipe);
  throw error;
}

/** Standard output, which is only set up when it is asked for: that takes time, and many dumps are made without a word. */
export function standardOutput(): NodeJS.WriteStream {
  const { stdout } = process;
  if (!stdout.listeners('error').includes(leaveQuietly)) stdout.on('error', leaveQuietly);
  return stdout;
}

/** Runs a command, and sets process.exitCode when it answers a status or throws; never throws. */
export async function runToEnd(name: string, command: () => Promise<ExitStatus | undefined>): Promise<void> {
  try {
    const status = await command();
    if (status !== undefined) process.exitCode = status;
  } catch (error) {
    process.exitCode = report(name, error);
  }
}

function report(name: string, error: unknown): number {
  if (error instanceof VmcoreError) {
    process.stderr.write(`${name}: ${error.toLine()}\n`);
    return error.exitStatus;
  }
  process.stderr.write(
    `${name}: this is a bug in vmcore, please report it:\n${error instanceof Error ? error.stack : String(error)}\n`,
  );
  return ExitStatus.failed;
}
