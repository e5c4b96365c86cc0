/** `vmcore mem FILE`: how the memory was used. */
import type { Command } from 'commander';
import { harmless } from '../base/bytes.ts';
import { formatSize } from '../base/units.ts';
import { describeMemory, type MemoryUse } from '../tools/crash/mem.ts';
import { openCrashedFile } from './open.ts';
import { printFields, printText } from './output.ts';
import { type Column, printTable } from './table.ts';
import { showView, type ViewOptions, viewCommand } from './view.ts';

export const memCommand = (): Command =>
  viewCommand({
    name: 'mem',
    description: 'how the memory was used: as free and /proc/meminfo, and by zone',
    json: 'as JSON: bytes; counters of the kernel in pages',
  }).action((files: readonly string[], options: ViewOptions) => {
    const memory = describeMemory(openCrashedFile(files, options));
    showView(memory, options, () => {
      printFields(memoryFields(memory).map(([label, value]) => [label, harmless(value)]));
      printText('\n');
      printTable(zoneColumns, zoneRows(memory));
    });
  });

export function memoryFields(memory: MemoryUse): [string, string][] {
  const { total, swap, commit, hugePages } = memory;
  const size = (bytes: number | null): string => (bytes === null ? '?' : formatSize(bytes));
  const part = (bytes: number | null): string =>
    bytes === null || total === null || total === 0
      ? size(bytes)
      : `${size(bytes).padEnd(9)} ${Math.round((100 * bytes) / total)
          .toString()
          .padStart(3)} %`;
  const fields: [string, string][] = [
    ['Total', size(total)],
    ['Free', part(memory.free)],
    ['Available', part(memory.available)],
    ['Used', part(memory.used)],
    ['Anonymous', part(memory.anonymous)],
    ['Shared', part(memory.shared)],
    ['Buffers', part(memory.buffers)],
    ['Cached', part(memory.cached)],
    ['Mapped', part(memory.mapped)],
    ['Dirty', part(memory.dirty)],
    ['Slab', `${part(memory.slab)}, of which ${size(memory.slabReclaimable)} reclaimable`],
    ['Kernel stacks', part(memory.kernelStack)],
    ['Page tables', part(memory.pageTables)],
    ['vmalloc', part(memory.vmalloc)],
    ['Per CPU', part(memory.perCpu)],
    [
      'Swap',
      swap === null ? '?' : swap.total === 0 ? 'none' : `${size(swap.used)} of ${size(swap.total)} used`,
    ],
    ['Committed', commit === null ? '?' : `${size(commit.committed)}, limit ${size(commit.limit)}`],
  ];
  for (const { path, size: all, used, priority } of memory.swapFiles)
    fields.push([`Swap file`, `${path}, ${size(used)} of ${size(all)} used, priority ${priority}`]);
  for (const huge of hugePages ?? [])
    if (huge.total > 0)
      fields.push([
        `Huge ${formatSize(huge.size)}`,
        `${huge.total}, of which ${huge.free} free, ${huge.reserved} reserved`,
      ]);
  return fields;
}

const right = (title: string): Column => ({ title, align: 'right' });
const zoneColumns: readonly Column[] = [
  right('NODE'),
  { title: 'ZONE' },
  right('PRESENT'),
  right('MANAGED'),
  right('FREE'),
  right('MIN'),
  right('LOW'),
  right('HIGH'),
  { title: 'FREE BLOCKS OF 1, 2, 4… PAGES' },
];

const zoneRows = ({ nodes }: MemoryUse): string[][] =>
  nodes.flatMap(({ node, zones }) =>
    zones.map((zone) => [
      String(node),
      zone.name,
      String(zone.presentPages),
      String(zone.managedPages),
      zone.freePages === null ? '?' : String(zone.freePages),
      String(zone.watermarks.min),
      String(zone.watermarks.low),
      String(zone.watermarks.high),
      zone.freeBlocks.join(' '),
    ]),
  );
