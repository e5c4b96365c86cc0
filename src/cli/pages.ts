/** `vmcore pages FILE PAGE...`: what physical pages are. */
import type { Command } from 'commander';
import { harmless } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import type { PageUse } from '../kernel/memory/page-use.ts';
import { describePages, type PageInfo } from '../tools/crash/pages.ts';
import { dumpArguments } from './dump-arguments.ts';
import { openCrashedFile } from './open.ts';
import { printFields, printText } from './output.ts';
import { showView, type ViewOptions, viewCommand } from './view.ts';

export const pagesCommand = (): Command =>
  viewCommand({
    name: 'pages',
    description: 'what a physical page is: whose, in what state, whether the dump has it',
    takes:
      'a dump, or all files of a split one; then pages: a page frame number (decimal), a physical address (0x…), an address of the kernel or of a struct page, a symbol',
  })
    .usage('[options] <file...> <page...>')
    .action((args: readonly string[], options: ViewOptions) => {
      const { files, rest } = dumpArguments(args);
      if (rest.length === 0)
        throw new VmcoreError('E_USAGE', 'which page?', { hint: 'vmcore pages FILE PFN|ADDRESS|SYMBOL' });
      const list = describePages(openCrashedFile(files, options), rest);
      showView(list, options, () => {
        list.pages.forEach((page, i) => {
          if (i > 0) printText('\n');
          printFields(pageFields(page).map(([label, value]) => [label, harmless(value)]));
        });
      });
    });

export function pageFields(page: PageInfo): [string, string][] {
  const place = page.zone === null ? 'in no zone' : `node ${page.node}, zone ${page.zone}`;
  const fields: [string, string][] = [
    ['Page frame', `${page.pfn} (0x${page.pfn.toString(16)}), ${place}`],
    ['Physical', page.physical],
    ['In the dump', page.inDump === 'present' ? 'yes' : `no: ${page.inDump}`],
    ['Used for', page.use === null ? 'unknown' : useText(page.use)],
  ];
  if (page.object !== null) {
    const { address, offset, free } = page.object;
    fields.push([
      'Object',
      `${address}, ${free ? 'free' : 'in use'}; the address is ${offset} bytes into it`,
    ]);
  }
  if (page.page === null) return [...fields, ['struct page', 'none: no memory that the kernel knows']];
  fields.push(['struct page', page.page]);
  if (page.flags === null) return fields;
  fields.push(['Flags', `${page.flags} ${page.flagNames.join(' ')}`.trimEnd()]);
  const mapped = page.mapcount === null ? '' : `, mapped ${page.mapcount} times`;
  fields.push(['Count', `${page.refcount}${mapped}`]);
  if (page.mapping !== null) fields.push(['Mapping', `${page.mapping}, index ${page.index}`]);
  if (page.compound !== null) {
    const { head, order, flagNames, refcount } = page.compound;
    fields.push(['Compound', `order ${order} (${2 ** order} pages) from page frame ${head} on`]);
    if (head !== page.pfn) fields.push(['Head', `count ${refcount}, ${flagNames.join(' ') || 'no flags'}`]);
  }
  return fields;
}

/** What a page's own type means. */
const types: Readonly<Record<string, string>> = {
  table: 'page tables',
  hugetlb: 'a huge page (hugetlb)',
  offline: 'offline: given back to the hypervisor, or taken out',
  guard: 'a guard page',
  zsmalloc: 'zsmalloc: compressed memory',
  unaccepted: 'not yet accepted from the hypervisor',
  large_kmalloc: 'a large kmalloc',
  kmemcg: 'the kernel, charged to a control group',
  file: 'the page cache of a file',
};

export function useText(use: PageUse): string {
  switch (use.kind) {
    case 'free':
      return use.block === null
        ? 'free, in no list of the page allocator: a CPU keeps it at hand'
        : `free, in a block of order ${use.block.order} from page frame ${use.block.head} on`;
    case 'slab': {
      const { cache, objectSize, objects, inUse } = use.slab;
      return `slab cache ${cache}: ${inUse} of ${objects} objects of ${objectSize} bytes in use`;
    }
    case 'anonymous':
      return `memory of processes${use.ksm ? ' (KSM)' : ''}${use.swapCache ? ', in the swap cache' : ''}`;
    case 'file': {
      const { fileSystem, device, inode, path } = use.file;
      return `page cache: ${fileSystem} ${device}, inode ${inode}${path === null ? '' : `, ${path}`}`;
    }
    case 'kernel image':
      return `the kernel's image (${use.part})`;
    case 'crash kernel':
      return 'set aside for the crash kernel';
    case 'reserved':
      return 'reserved: not for the page allocator';
    case 'movable':
      return 'a driver, that can move it';
    case 'typed':
      return types[use.type] ?? use.type;
    case 'kernel':
      return 'the kernel: allocated, for what is not recorded';
  }
}
