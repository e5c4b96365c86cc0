/**
 * The command line inside the capture image, for hooks and for a person at its shell: only what is needed there. Stage 0 itself starts capture-save.ts,
 * which is in the image too.
 */
import { Command } from 'commander';
import { kexecCommand } from './kexec.ts';
import { makedumpfileCommand } from './makedumpfile/command.ts';
import { runProgram } from './program.ts';
import { saveCommand } from './save-command.ts';

const program = new Command('vmcore')
  .description('vmcore in a capture image')
  .addCommand(saveCommand())
  .addCommand(kexecCommand())
  .addCommand(makedumpfileCommand());

await runProgram(program, process.argv.slice(2));
