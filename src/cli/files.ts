/** `vmcore files FILE PID...`: what processes have open. */
import type { Command } from 'commander';
import { harmless } from '../base/bytes.ts';
import { type FileInfo, listFiles, type ProcessFiles } from '../tools/crash/files.ts';
import { processesCommand } from './files-and-pids.ts';
import { printMissing, printText } from './output.ts';
import { type Column, printTable } from './table.ts';

export const filesCommand = (): Command =>
  processesCommand(
    { name: 'files', description: 'the open files of processes, their roots and working directories' },
    listFiles,
    print,
  );

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
