/**
 * The command line of a checkout: every command.
 *
 * Only the code of the command that is run is loaded: start-up counts when a dump answers in milliseconds.
 */
import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { runProgram } from './program.ts';

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  info: async () => (await import('./info.ts')).infoCommand(),
  dmesg: async () => (await import('./dmesg.ts')).dmesgCommand(),
  makedumpfile: async () => (await import('./makedumpfile.ts')).makedumpfileCommand(),
  kexec: async () => (await import('./kexec.ts')).kexecCommand(),
  save: async () => (await import('./save.ts')).saveCommand(),
  rehearse: async () => (await import('./rehearse.ts')).rehearseCommand(),
};

const program = new Command('vmcore')
  .description('The whole Linux kdump road: arm, capture, shrink and open a crash dump.')
  .version(packageJson.version);

const args = process.argv.slice(2);
const [first] = args;
if (first === undefined || first.startsWith('-') || first === 'help') {
  for (const load of Object.values(commands)) program.addCommand(await load());
  await runProgram(program, args);
} else {
  // `vmcore FILE` is `vmcore info FILE`.
  const name = Object.hasOwn(commands, first) ? first : 'info';
  program.addCommand(await commands[name]!());
  await runProgram(program, name === first ? args : [name, ...args]);
}
