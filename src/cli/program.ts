/** Command lines that commander reads: they end as all commands do, and its own errors in one line too. */
import { type Command, CommanderError } from 'commander';
import { ExitStatus } from '../base/errors.ts';
import { runToEnd, standardOutput } from './ending.ts';

/** Makes commander throw instead of exiting, in this command and its subcommands, which must have been added. */
function neverExit(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => {} });
  for (const sub of command.commands) neverExit(sub);
}

/** Runs a command line (without node and script) and sets process.exitCode; never throws. */
export async function runProgram(program: Command, args: readonly string[]): Promise<void> {
  // Commander writes there by itself.
  standardOutput();
  neverExit(program);
  await runToEnd(program.name(), async () => {
    try {
      await program.parseAsync(args, { from: 'user' });
      return undefined;
    } catch (error) {
      if (error instanceof CommanderError) return report(program.name(), error);
      throw error;
    }
  });
}

function report(name: string, error: CommanderError): ExitStatus {
  // Help and version were asked for: they are results.
  if (error.exitCode === 0) return ExitStatus.done;
  const what = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
  process.stderr.write(`${name}: ${what}; see ${name} --help [E_USAGE]\n`);
  return ExitStatus.usage;
}
