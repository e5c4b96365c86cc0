/** `vmcore vm FILE PID...`: the address spaces of processes. */
import { Command } from 'commander';
import { harmless } from '../base/bytes.ts';
import { formatSize } from '../base/units.ts';
import { type AddressSpace, type ProcessMemory, readProcessMemory } from '../tools/crash/vm.ts';
import { filesAndPids, requirePids } from './files-and-pids.ts';
import { addDumpOptions, type DumpOptions, openCrashedFile } from './open.ts';
import { printFields, printJson, printMissing, printText } from './output.ts';
import { type Column, printTable } from './table.ts';

interface VmOptions extends DumpOptions {
  readonly json?: true;
}

export const vmCommand = (): Command =>
  addDumpOptions(
    new Command('vm')
      .description('the address spaces of processes: how much memory, and what is where')
      .argument('<file...>', 'a dump, or all files of a split one, then pids')
      .option('--json', 'as JSON: sizes in bytes'),
  ).action((args: readonly string[], options: VmOptions) => {
    const { files, pids } = filesAndPids(args);
    requirePids('vm', pids);
    const crashed = openCrashedFile(files, options);
    const processes = pids.map((pid) => readProcessMemory(crashed, pid));
    if (options.json) printJson({ processes });
    else processes.forEach(print);
  });

const columns: readonly Column[] = [
  { title: 'START', align: 'right' },
  { title: 'END', align: 'right' },
  { title: 'PERM' },
  { title: 'OFFSET', align: 'right' },
  { title: 'SIZE', align: 'right' },
  { title: 'NAME' },
];

function print({ pid, comm, addressSpace, missing }: ProcessMemory): void {
  printText(`PID ${pid} ${harmless(comm)}${addressSpace === null ? ': has no address space' : ''}\n`);
  if (addressSpace !== null) {
    printFields(fields(addressSpace));
    printTable(
      columns,
      addressSpace.areas.map(({ start, end, permissions, offset, size, name }) => [
        start,
        end,
        permissions,
        `0x${offset.toString(16)}`,
        formatSize(size),
        name,
      ]),
    );
  }
  printMissing(missing);
}

function fields(space: AddressSpace): [string, string][] {
  const size = (bytes: number | null): string => (bytes === null ? 'unknown' : formatSize(bytes));
  const range = (start: string | undefined, end: string | undefined): string =>
    `${start ?? '?'} - ${end ?? '?'}`;
  const { landmarks: at } = space;
  return [
    ['Executable', harmless(space.executable ?? 'unknown')],
    ['Memory', `${size(space.rss)} resident, ${size(space.swapped)} in swap, ${size(space.vsz)} in all`],
    ['struct mm_struct', `${space.address}, page tables at ${space.pgd ?? 'unknown'}`],
    ['Code', range(at.start_code, at.end_code)],
    ['Data', range(at.start_data, at.end_data)],
    ['Heap', range(at.start_brk, at.brk)],
    ['Arguments', range(at.arg_start, at.arg_end)],
    ['Environment', range(at.env_start, at.env_end)],
  ];
}
