/** `vmcore makedumpfile` among the other commands: what `vmcore help` shows of it, and how the capture image starts it. */
import { Command } from 'commander';
import { runMakedumpfile } from '../makedumpfile.ts';
import { helpText } from './help.ts';

export const makedumpfileCommand = (): Command =>
  new Command('makedumpfile')
    .description('filter and compress a dump')
    .helpOption(false)
    .allowUnknownOption()
    .usage('[OPTIONS] VMCORE DUMPFILE')
    // For `vmcore help makedumpfile`; -h and --help are options like all others.
    .addHelpText('after', `\n${helpText.trimEnd()}`)
    .argument('[words...]')
    .action(async (words: readonly string[]) => {
      process.exitCode = await runMakedumpfile(words);
    });
