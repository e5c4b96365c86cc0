/**
 * The kernel matrix as descriptions (docs/synthetic-kernels.md): releases from 4.18 to 7.2 on x86_64 and arm64. What must become of each page, and
 * what the log must say, is written here.
 */

/** The lines that differ, joined by " | ", and what follows them. */
export type MatrixKernel = readonly [machine: string, ...content: readonly string[]];

/** Pages that every release has, from the first page frame of memory on. */
const commonPages = `
  page +1          kernel                    -> kept
  page +2          reserved                  -> kept
  page +3          kernel zero               -> out at 1
  page +4          cache                     -> out at 2 4
  page +5          cache private             -> out at 4
  page +6          cache mapped              -> out at 2 4
  page +7          shmem                     -> out at 2 4
  page +8          swapcache                 -> out at 2 4
  page +9          swapcache private         -> out at 4
  page +10         anonymous                 -> out at 8
  page +11         anonymous mapped          -> out at 8
  page +12         anonymous swapcache       -> out at 8
  page +13         private                   -> kept
  page +14         slab                      -> kept
  page +15         hwpoison                  -> never read
  page +16         buddy order 0             -> out at 16
  page +17         hwpoison cache            -> never read
  page +18         cache zero                -> out at 1 2 4
  page +20         kernel order 2            -> kept
  page +24         slab order 3              -> kept
  page +32         buddy order 4             -> out at 16
  page +37         hwpoison                  -> never read      # inside that free block
  page +48         cache order 3             -> out at 2 4
  page +53         tail hwpoison             -> never read      # inside that folio
  page +56         cache private order 3     -> out at 4
  page +64         anonymous order 4         -> out at 8
  page +96         hugetlb order 5           -> out at 8
  page +128        hugetlb order 5 hwpoison  -> never read      # the head stands for all of it
`;
/** PG_offline is told since 5.1. */
const offline = `
  page +160        offline                   -> never read
  page +162-169    offline                   -> never read
`;
/** CONFIG_HUGETLB_PAGE is not set: until 6.8 nothing tells what hugetlb and offline pages are. Large folios are as they are. */
const withoutHugetlb = `
  page +160-169    kernel                    -> kept
  vmcoreinfo !NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)
  page +96         kernel order 5            -> kept
  page +128        kernel order 5 hwpoison   -> never read
  vmcoreinfo !NUMBER(HUGETLB_PAGE_DTOR)
  vmcoreinfo !NUMBER(PG_hugetlb)
`;
/** The tail of a compound page keeps other things where a page of its own has its flags. 1.7.8 of the original does not know 7.1's tails. */
const markedTail = `
  page +22         tail cache                -> kept
`;
/** Only x86_64 has guests that accept their memory piece by piece; told since 6.16. A block of the largest order. */
const unaccepted = `
  page +0x400      unaccepted                -> out at 16
`;
const log = `
  log  <5>[    0.000000] Linux version
  log  <6>[    0.512345] acpi PNP0A03:00: ready
  dict SUBSYSTEM=acpi DEVICE=+acpi:PNP0A03:00
  log  <0>[12345.678901] Kernel panic - not syncing: sysrq triggered crash
`;
/** With CONFIG_PRINTK_CALLER. */
const callers = `
  log  <4>[12345.678902][    T1] Call Trace:
  log  <4>[12345.678903][    C3]  <NMI>
`;
/** vmcoreinfo leads to kallsyms since 6.0. */
const symbols = `
  symbol T _stext       = image+0x0
  symbol T panic        = image+0x123450
  symbol D init_task    = image+0x800000
`;

/** 16 MiB, a hole of 4 MiB, 12 MiB. */
const x86Memory = 'memory 0x0-0xffffff, 0x1400000-0x1ffffff';
/** The same at 2^50, where page table entries need more than 48 bits, and a second range at 1 TiB. */
const highMemory = 'memory 0x4000000000000-0x4000000ffffff, 0x4000001400000-0x4000001ffffff';
const farMemory = 'memory 0x0-0xffffff, 0x10000000000-0x10000ffffff';
const armMemory = 'memory 0x40000000-0x40ffffff, 0x41400000-0x41ffffff';

const old = [commonPages, log];
const since51 = [...old, offline, callers];
const since60 = [...since51, symbols];
const since616 = [...since60, unaccepted];

/** Release, and on what; with which pages and what else. */
export const matrix: readonly MatrixKernel[] = [
  ['release 4.18.0 | arch x86_64, 4 levels', x86Memory, ...old],
  ['release 4.18.0 | arch x86_64, 4 levels | kaslr 0x1c00000', x86Memory, ...old],
  ['release 4.18.0 | arch x86_64, 5 levels', x86Memory, ...old],
  ['release 5.4.0 | arch x86_64, 4 levels | kaslr 0x32200000', x86Memory, ...since51],
  ['release 5.4.0 | arch x86_64, 5 levels | kaslr 0x32200000', x86Memory, ...since51],
  ['release 5.4.0 | arch x86_64, 4 levels, sme bit 47', x86Memory, ...since51],
  ['release 5.4.0 | arch x86_64, 4 levels | mem_map flat', x86Memory, ...since51],
  ['release 5.10.0 | arch x86_64, 4 levels | kaslr 0x2a000000', x86Memory, ...since51],
  ['release 5.10.0 | arch x86_64, 5 levels, sme bit 51', x86Memory, ...since51],
  ['release 5.14.0 | arch x86_64, 4 levels', x86Memory, ...since51],
  ['release 5.15.0 | arch x86_64, 5 levels | kaslr 0x200000 | phys_base -0x3c00000', x86Memory, ...since51],
  ['release 6.1.0 | arch x86_64, 4 levels | kaslr 0x32200000', x86Memory, ...since60],
  ['release 6.1.0 | arch x86_64, 4 levels | mem_map sparse, sections of 2^22', x86Memory, ...since60],
  ['release 6.1.0 | arch x86_64, 5 levels, sme bit 51', x86Memory, ...since60],
  ['release 6.1.0 | arch x86_64, 4 levels | kaslr 0x1c00000', x86Memory, ...since60, withoutHugetlb],
  ['release 6.3.0 | arch x86_64, 4 levels', x86Memory, ...since60],
  ['release 6.6.0 | arch x86_64, 4 levels | kaslr 0x1000000', x86Memory, ...since60],
  ['release 6.6.0 | arch x86_64, 5 levels', x86Memory, ...since60],
  ['release 6.6.30 | arch x86_64, 4 levels', x86Memory, ...since60],
  ['release 6.9.0 | arch x86_64, 4 levels', x86Memory, ...since60],
  ['release 6.10.0 | arch x86_64, 4 levels', x86Memory, ...since60],
  ['release 6.11.0 | arch x86_64, 4 levels', x86Memory, ...since60],
  ['release 6.12.0 | arch x86_64, 4 levels | kaslr 0x1000000', x86Memory, ...since60],
  ['release 6.12.0 | arch x86_64, 5 levels, sme bit 51', x86Memory, ...since60],
  ['release 6.18.0 | arch x86_64, 4 levels | kaslr 0x1000000', x86Memory, ...since616],
  ['release 6.18.0 | arch x86_64, 5 levels, sme bit 51', x86Memory, ...since616],
  ['release 7.2.0 | arch x86_64, 4 levels | kaslr 0x28200000', x86Memory, ...since616],
  ['release 7.2.0 | arch x86_64, 4 levels | phys_base 0x10000000000', farMemory, ...since616],
  ['release 7.2.0 | arch x86_64, 5 levels | phys_base 0x4000000000000', highMemory, ...since616],
  ['release 7.2.0 | arch x86_64, 5 levels, sme bit 51 | kaslr 0x28200000', x86Memory, ...since616],

  ['release 4.18.0 | arch arm64, 4K pages, va 48', armMemory, ...old],
  ['release 4.18.0 | arch arm64, 4K pages, va 39', armMemory, ...old],
  ['release 4.18.0 | arch arm64, 64K pages, va 48 | kaslr 0x12340000', armMemory, ...old],
  ['release 4.18.0 | arch arm64, 64K pages, va 42 | mem_map flat', armMemory, ...old],
  ['release 5.4.0 | arch arm64, 4K pages, va 48 | kaslr 0x12340000', armMemory, ...since51],
  ['release 5.4.0 | arch arm64, 4K pages, va 48 | mem_map flat', armMemory, ...since51],
  ['release 5.4.0 | arch arm64, 16K pages, va 47', armMemory, ...since51],
  ['release 5.4.0 | arch arm64, 64K pages, va 52', armMemory, ...since51],
  ['release 5.4.0 | arch arm64, 64K pages, va 52 on 48', armMemory, ...since51],
  ['release 5.10.0 | arch arm64, 4K pages, va 48', armMemory, ...since51],
  ['release 5.10.0 | arch arm64, 16K pages, va 48 | kaslr 0x12340000', armMemory, ...since51],
  ['release 5.10.0 | arch arm64, 64K pages, va 52 on 48', armMemory, ...since51],
  ['release 5.12.0 | arch arm64, 4K pages, va 48', armMemory, ...since51],
  ['release 5.12.0 | arch arm64, 64K pages, va 52', highMemory, ...since51],
  ['release 5.15.0 | arch arm64, 4K pages, va 39', armMemory, ...since51],
  ['release 5.15.0 | arch arm64, 64K pages, va 52', armMemory, ...since51],
  ['release 6.1.0 | arch arm64, 4K pages, va 48 | kaslr 0x12340000', armMemory, ...since60],
  ['release 6.1.0 | arch arm64, 16K pages, va 47', armMemory, ...since60],
  ['release 6.6.0 | arch arm64, 4K pages, va 48', armMemory, ...since60],
  ['release 6.6.0 | arch arm64, 16K pages, va 48', armMemory, ...since60, withoutHugetlb],
  ['release 6.6.0 | arch arm64, 64K pages, va 52 on 48 | kaslr 0x12340000', armMemory, ...since60],
  ['release 6.12.0 | arch arm64, 4K pages, va 52 on 48 | kaslr 0x12340000', armMemory, ...since60],
  ['release 6.12.0 | arch arm64, 4K pages, va 52', armMemory, ...since60],
  ['release 6.12.0 | arch arm64, 16K pages, va 52', armMemory, ...since60],
  ['release 6.12.0 | arch arm64, 4K pages, va 52', highMemory, ...since60],
  ['release 6.18.0 | arch arm64, 16K pages, va 52', highMemory, ...since60, markedTail],
  ['release 6.18.0 | arch arm64, 16K pages, va 52 on 48', armMemory, ...since60],
  ['release 6.18.0 | arch arm64, 64K pages, va 52', armMemory, ...since60],
  ['release 7.2.0 | arch arm64, 4K pages, va 52 on 48 | kaslr 0x12340000', armMemory, ...since60],
  ['release 7.2.0 | arch arm64, 16K pages, va 47', armMemory, ...since60, markedTail],
  ['release 7.2.0 | arch arm64, 64K pages, va 52 | kaslr 0x12340000', armMemory, ...since60],
];

/** "6.12.0 | arch x86_64, 4 levels": what a kernel of the matrix is called. */
export const nameOf = ([machine]: MatrixKernel): string => machine.replace('release ', '');

export const textOf = ([machine, ...content]: MatrixKernel): string =>
  [...machine.split(' | '), ...content].join('\n');
