/** The command line inside the capture image: only what is needed there, so that it starts fast in little memory. */
import { Command } from 'commander';
import { kexecCommand } from './kexec.ts';
import { makedumpfileCommand } from './makedumpfile/command.ts';
import { runProgram } from './program.ts';
import { saveCommand } from './save.ts';

const program = new Command('vmcore')
  .description('vmcore in a capture image')
  .addCommand(saveCommand())
  .addCommand(kexecCommand())
  .addCommand(makedumpfileCommand());

await runProgram(program, process.argv.slice(2));
