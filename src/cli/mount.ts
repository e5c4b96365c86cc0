/** `vmcore mount FILE [PID]`: the mounts. */
import type { Command } from 'commander';
import { VmcoreError } from '../base/errors.ts';
import { listMounts } from '../tools/crash/mount.ts';
import { filesAndPids } from './files-and-pids.ts';
import { openCrashedFile } from './open.ts';
import { type Column, printTable } from './table.ts';
import { showView, type ViewOptions, viewCommand } from './view.ts';

export const mountCommand = (): Command =>
  viewCommand({
    name: 'mount',
    description: 'the mounts that init sees, or the process whose pid follows',
    takes: 'a dump, or all files of a split one, and perhaps a pid',
  }).action((args: readonly string[], options: ViewOptions) => {
    const { files, pids } = filesAndPids(args);
    if (pids.length > 1)
      throw new VmcoreError('E_USAGE', 'mount takes one pid', { hint: 'ask for one at a time' });
    const { mounts, missing } = listMounts(openCrashedFile(files, options), pids[0]);
    showView({ mounts, missing }, options, () => {
      printTable(
        columns,
        mounts.map((mount) => [
          mount.source,
          mount.target,
          mount.type,
          mount.options.join(','),
          mount.address,
        ]),
      );
    });
  });

const columns: readonly Column[] = [
  { title: 'SOURCE' },
  { title: 'TARGET' },
  { title: 'TYPE' },
  { title: 'OPTIONS' },
  { title: 'STRUCT MOUNT' },
];
