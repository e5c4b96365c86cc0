/** What every entry of the command line shares: one-line errors, exit statuses, and a quiet end when the reader of a pipe leaves. */
import { type Command, CommanderError } from 'commander';
import { ExitStatus, VmcoreError } from '../base/errors.ts';

/** Exit status of a program whose reader went away (128 + SIGPIPE). */
const brokenPipe = 141;

/** Makes commander throw instead of exiting, in this command and its subcommands, which must have been added. */
function neverExit(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => {} });
  for (const sub of command.commands) neverExit(sub);
}

/** Runs a command line (without node and script) and sets process.exitCode; never throws. */
export async function runProgram(program: Command, args: readonly string[]): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(brokenPipe);
    throw error;
  });
  neverExit(program);
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    process.exitCode = report(program.name(), error);
  }
}

function report(name: string, error: unknown): number {
  if (error instanceof VmcoreError) {
    process.stderr.write(`${name}: ${error.toLine()}\n`);
    return error.exitStatus;
  }
  if (error instanceof CommanderError) {
    // Help and version were asked for: they are results.
    if (error.exitCode === 0) return ExitStatus.done;
    const what = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
    process.stderr.write(`${name}: ${what}; see ${name} --help [E_USAGE]\n`);
    return ExitStatus.usage;
  }
  process.stderr.write(
    `${name}: this is a bug in vmcore, please report it:\n${error instanceof Error ? error.stack : String(error)}\n`,
  );
  return ExitStatus.failed;
}
