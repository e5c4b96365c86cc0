/** `vmcore files FILE PID...`: what processes have open. */
import { Command } from 'commander';
import { harmless } from '../base/bytes.ts';
import { type FileInfo, listFiles, type ProcessFiles } from '../tools/crash/files.ts';
import { filesAndPids, requirePids } from './files-and-pids.ts';
import { addDumpOptions, type DumpOptions, openCrashedFile } from './open.ts';
import { printJson, printMissing, printText } from './output.ts';
import { type Column, printTable } from './table.ts';

interface FilesOptions extends DumpOptions {
  readonly json?: true;
}

export const filesCommand = (): Command =>
  addDumpOptions(
    new Command('files')
      .description('the open files of processes, their roots and working directories')
      .argument('<file...>', 'a dump, or all files of a split one, then pids')
      .option('--json', 'as JSON'),
  ).action((args: readonly string[], options: FilesOptions) => {
    const { files, pids } = filesAndPids(args);
    requirePids('files', pids);
    const crashed = openCrashedFile(files, options);
    const processes = pids.map((pid) => listFiles(crashed, pid));
    if (options.json) printJson({ processes });
    else processes.forEach(print);
  });

const columns: readonly Column[] = [
  { title: 'FD', align: 'right' },
  { title: 'POSITION', align: 'right' },
  { title: 'FLAGS' },
  { title: 'FILE' },
];

function print(process: ProcessFiles): void {
  const { pid, comm, root, workingDirectory, files, missing } = process;
  printText(
    `PID ${pid} ${harmless(comm)}: root ${harmless(root ?? 'unknown')}, working directory ${harmless(workingDirectory ?? 'unknown')}\n`,
  );
  printTable(
    columns,
    files.map((file) => [String(file.fd), String(file.position), file.flags.join(','), nameOf(file)]),
  );
  printMissing(missing);
}

function nameOf({ path, socket }: FileInfo): string {
  if (socket === null) return path;
  const remote = socket.remote === '' ? '' : ` -> ${socket.remote}`;
  return `${path} ${socket.protocol}${socket.local === '' ? '' : ` ${socket.local}`}${remote}`;
}
