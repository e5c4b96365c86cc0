/** `vmcore slab FILE`: the caches of the slab allocator. */
import type { Command } from 'commander';
import { VmcoreError } from '../base/errors.ts';
import { listSlabCaches, type SlabCacheInfo } from '../tools/crash/slab.ts';
import { dumpArguments } from './dump-arguments.ts';
import { openCrashedFile } from './open.ts';
import { type Column, printTable } from './table.ts';
import { showView, type ViewOptions, viewCommand } from './view.ts';

export const slabCommand = (): Command =>
  viewCommand({
    name: 'slab',
    description: 'the caches of the slab allocator: objects, slabs, what is in use',
    takes: 'a dump, or all files of a split one; then names of caches, to show only those',
    json: 'as JSON: name, sizes in bytes, slabs, objects, active, free',
  })
    .usage('[options] <file...> [cache...]')
    .action((args: readonly string[], options: ViewOptions) => {
      const { files, rest: names } = dumpArguments(args);
      const crashed = openCrashedFile(files, options);
      const list = listSlabCaches(crashed, names);
      const unknown = names.find(
        (name) => !list.caches.some(({ name: own, merged }) => own === name || merged.includes(name)),
      );
      if (unknown !== undefined && list.missing.length === 0)
        throw new VmcoreError('E_USAGE', `no slab cache is called ${unknown}`, {
          file: crashed.dump.source.name,
          hint: 'slab without names lists all',
        });
      showView(list, options, () => {
        printTable(columns, list.caches.map(cells));
      });
    });

const columns: readonly Column[] = [
  { title: 'CACHE' },
  { title: 'OBJSIZE', align: 'right' },
  { title: 'SIZE', align: 'right' },
  { title: 'ACTIVE', align: 'right' },
  { title: 'TOTAL', align: 'right' },
  { title: 'SLABS', align: 'right' },
  { title: 'PER SLAB', align: 'right' },
  { title: 'SLAB KIB', align: 'right' },
  { title: 'MEM KIB', align: 'right' },
  { title: 'ALSO' },
];

function cells(cache: SlabCacheInfo): string[] {
  const number = (value: number | null): string => (value === null ? '?' : String(value));
  const slabSize = cache.memory === null || !cache.slabs ? null : cache.memory / cache.slabs;
  return [
    cache.name,
    number(cache.objectSize),
    number(cache.size),
    number(cache.active),
    number(cache.objects),
    number(cache.slabs),
    number(cache.objectsPerSlab),
    slabSize === null ? '-' : String(slabSize / 1024),
    cache.memory === null ? '?' : String(cache.memory / 1024),
    cache.merged.join(','),
  ];
}
