/** `vmcore mount FILE [PID]`: the mounts. */
import { Command } from 'commander';
import { VmcoreError } from '../base/errors.ts';
import { listMounts } from '../tools/crash/mount.ts';
import { filesAndPids } from './files-and-pids.ts';
import { addDumpOptions, type DumpOptions, openCrashedFile } from './open.ts';
import { printJson, printMissing } from './output.ts';
import { type Column, printTable } from './table.ts';

interface MountOptions extends DumpOptions {
  readonly json?: true;
}

export const mountCommand = (): Command =>
  addDumpOptions(
    new Command('mount')
      .description('the mounts that init sees, or the process whose pid follows')
      .argument('<file...>', 'a dump, or all files of a split one, and perhaps a pid')
      .option('--json', 'as JSON'),
  ).action((args: readonly string[], options: MountOptions) => {
    const { files, pids } = filesAndPids(args);
    if (pids.length > 1)
      throw new VmcoreError('E_USAGE', 'mount takes one pid', { hint: 'ask for one at a time' });
    const { mounts, missing } = listMounts(openCrashedFile(files, options), pids[0]);
    if (options.json) {
      printJson({ mounts, missing });
      return;
    }
    printTable(
      columns,
      mounts.map((mount) => [mount.source, mount.target, mount.type, mount.options.join(','), mount.address]),
    );
    printMissing(missing);
  });

const columns: readonly Column[] = [
  { title: 'SOURCE' },
  { title: 'TARGET' },
  { title: 'TYPE' },
  { title: 'OPTIONS' },
  { title: 'STRUCT MOUNT' },
];
