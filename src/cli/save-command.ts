/** `vmcore save` among the other commands: what `vmcore help` shows of it. */
import { Command } from 'commander';
import { runSave, saveHelp } from './save.ts';

export const saveCommand = (): Command =>
  new Command('save')
    .description('in the capture kernel: save /proc/vmcore to the target of kdump.conf')
    // It reads its options itself.
    .helpOption(false)
    .allowUnknownOption()
    .usage('[OPTIONS]')
    .addHelpText('after', `\n${saveHelp.trimEnd()}`)
    .argument('[words...]')
    .action(async (words: readonly string[]) => {
      process.exitCode = await runSave(words);
    });
