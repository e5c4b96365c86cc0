/** `vmcore save`: in the capture kernel, the whole save flow. */
import { Command } from 'commander';
import { ExitStatus, VmcoreError } from '../base/errors.ts';
import { kernelJournal } from '../tools/kdumpctl/journal.ts';
import { readConf, save } from '../tools/kdumpctl/save.ts';

interface SaveOptions {
  readonly config: string;
  readonly vmcore: string;
  readonly fallbackDevice?: string;
  readonly keepRaw?: true;
}

export const saveCommand = (): Command =>
  new Command('save')
    .description('in the capture kernel: save /proc/vmcore to the target of kdump.conf')
    .option('--config <file>', 'the configuration', '/etc/kdump.conf')
    .option('--vmcore <file>', 'the dump to save', '/proc/vmcore')
    .option('--fallback-device <device>', 'where to save to when the configuration cannot be read')
    .option('--keep-raw', 'save the whole ELF vmcore as well')
    .action(async (options: SaveOptions) => {
      const journal = kernelJournal();
      try {
        const conf = readConf(options.config, journal, options.fallbackDevice);
        const { lost } = await save(
          { vmcore: options.vmcore, conf, also: options.keepRaw ? 'raw' : 'nothing' },
          journal,
        );
        if (lost > 0) process.exitCode = ExitStatus.incomplete;
      } catch (error) {
        const known = error instanceof VmcoreError;
        journal.event('save-failed', {
          code: known ? error.code : 'BUG',
          message: known ? error.toLine() : String(error),
        });
        throw error;
      }
    });
