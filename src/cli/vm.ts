/** `vmcore vm FILE PID...`: the address spaces of processes. */
import type { Command } from 'commander';
import { harmless } from '../base/bytes.ts';
import { formatSize } from '../base/units.ts';
import { type AddressSpace, type ProcessMemory, readProcessMemory } from '../tools/crash/vm.ts';
import { processesCommand } from './files-and-pids.ts';
import { printFields, printMissing, printText } from './output.ts';
import { type Column, printTable } from './table.ts';

export const vmCommand = (): Command =>
  processesCommand(
    {
      name: 'vm',
      description: 'the address spaces of processes: how much memory, and what is where',
      json: 'as JSON: sizes in bytes',
    },
    readProcessMemory,
    print,
  );

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
