/** The command line of a checkout: every command. */
import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { dmesgCommand } from './dmesg.ts';
import { infoCommand } from './info.ts';
import { kexecCommand } from './kexec.ts';
import { makedumpfileCommand } from './makedumpfile.ts';
import { runProgram } from './program.ts';
import { rehearseCommand } from './rehearse.ts';
import { saveCommand } from './save.ts';

const program = new Command('vmcore')
  .description('The whole Linux kdump road: arm, capture, shrink and open a crash dump.')
  .version(packageJson.version)
  .addCommand(infoCommand())
  .addCommand(dmesgCommand())
  .addCommand(makedumpfileCommand())
  .addCommand(kexecCommand())
  .addCommand(saveCommand())
  .addCommand(rehearseCommand());

/** `vmcore FILE` is `vmcore info FILE`. */
function withDefaultCommand(args: readonly string[]): readonly string[] {
  const [first] = args;
  const isCommand =
    first === undefined ||
    first.startsWith('-') ||
    first === 'help' ||
    program.commands.some((command) => command.name() === first);
  return isCommand ? args : ['info', ...args];
}

await runProgram(program, withDefaultCommand(process.argv.slice(2)));
