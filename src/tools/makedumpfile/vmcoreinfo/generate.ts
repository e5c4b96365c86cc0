/**
 * makedumpfile -g: the vmcoreinfo text of a kernel, from its vmlinux.
 *
 * Every key that the kernel itself prints, in its order and notation, as far as a vmlinux can tell: kernel/crash_core.c (4.18 to 6.8),
 * kernel/vmcore_info.c (6.9 to 7.2), kernel/printk/printk.c, arch/x86/kernel/{machine_kexec_64,crash_core_64,vmcore_info_64}.c,
 * arch/arm64/kernel/{crash_core,vmcore_info}.c. Which keys a release has is decided by what is in the file (symbols, members,
 * enumerators), never by its number.
 *
 * Addresses are link addresses. What only the running kernel knows is left out, and found in the dump by apply.ts; for that a few symbols more
 * than the kernel's own are written at the end. docs/vmcoreinfo.md lists both.
 */
import type { ByteSource } from '../../../base/byte-source.ts';
import type { Decompress } from '../../../formats/elf-sections.ts';
import type { Wanted } from '../../../kernel/types/dwarf-scan.ts';
import { sizeOf } from '../../../kernel/types/types.ts';
import { Lines } from './lines.ts';
import { pageTypes } from './page-types.ts';
import { addMemory, addPageFlags } from './type-lines.ts';
import {
  arm64VaBits,
  kernelImageSize,
  maxPhysicalBits,
  openVmlinux,
  sectionSizeBits,
  type Vmlinux,
} from './vmlinux.ts';

/** What is asked for below, so that DWARF is walked once. */
const wanted: readonly Wanted[] = [
  ...[
    ...['page', 'folio', 'pglist_data', 'zone', 'free_area', 'list_head', 'mem_section', 'vmap_area'],
    ...[
      'mem_section_usage',
      'uts_namespace',
      'printk_ringbuffer',
      'prb_desc_ring',
      'prb_desc',
      'prb_data_ring',
    ],
    ...['prb_data_blk_lpos', 'printk_info', 'dev_printk_info', 'latched_seq', 'printk_log'],
  ].map((name) => `struct ${name}` as const),
  ...['nodemask_t', 'atomic_long_t', 'p4d_t', 'pud_t', 'pmd_t'].map((name) => `typedef ${name}` as const),
  ...['pageflags', 'pagetype', 'compound_dtor_id', 'zone_stat_item', 'node_states'].map(
    (name) => `enum ${name}` as const,
  ),
];

/** Symbols that apply.ts reads in the dump to learn what only the running kernel knew; not in the kernel's own vmcoreinfo. */
export const runTimeSymbols: Readonly<Record<Vmlinux['arch'], readonly string[]>> = {
  x86_64: ['linux_banner', 'phys_base', '__pgtable_l5_enabled', 'sme_me_mask', 'vmemmap_base'],
  arm64: ['linux_banner', 'kimage_voffset', 'memstart_addr'],
};

/**
 * The text of vmcoreinfo. E_NO_INFO when the file lacks symbols, types or data, saying which file to give; E_CORRUPT when it contradicts
 * itself.
 */
export function generateVmcoreinfo(vmlinux: ByteSource, decompress: Decompress): string {
  const kernel = openVmlinux(vmlinux, decompress, wanted);
  const { symbols } = kernel;
  // On x86_64 swapper_pg_dir is a macro for init_top_pgt.
  const alias = (name: string): string =>
    name === 'swapper_pg_dir' && kernel.arch === 'x86_64' ? 'init_top_pgt' : name;
  const lines = new Lines(kernel.layouts, (name) => symbols.address(name) ?? symbols.address(alias(name)));
  lines.add('OSRELEASE', kernel.release);
  lines.add('BUILD-ID', symbols.buildId());
  lines.add('PAGESIZE', String(kernel.pageSize));
  lines.symbols('init_uts_ns');
  lines.offsets('uts_namespace.name');
  lines.symbol('node_online_map', nodeOnlineMap(kernel));
  lines.symbols('swapper_pg_dir', '_stext', 'vmap_area_list', 'mem_map', 'contig_page_data');
  addSections(lines, kernel);
  addMemory(lines, kernel.layouts);
  // Of no use without the list, which went in 6.9 (55c49fee57af).
  if (symbols.find('vmap_area_list') !== undefined) lines.offsets('vmap_area.va_start', 'vmap_area.list');
  lines.lengths('zone.free_area');
  addLog(lines, kernel);
  addPageFlags(lines, kernel.layouts);
  // The enum has it in every kernel since 6.11; such pages are only where CONFIG_UNACCEPTED_MEMORY brings accept_memory().
  if (symbols.find('accept_memory') !== undefined)
    lines.number('PAGE_UNACCEPTED_MAPCOUNT_VALUE', pageTypes(kernel.layouts).unaccepted);
  // In vmcoreinfo since 6.0 (5fd8fea935a1, f09bddbd8661).
  lines.symbols('kallsyms_names', 'kallsyms_num_syms', 'kallsyms_token_table', 'kallsyms_token_index');
  lines.symbols('kallsyms_offsets', 'kallsyms_relative_base', 'kallsyms_addresses');
  if (kernel.arch === 'x86_64') addX86(lines, kernel);
  else lines.number('VA_BITS', arm64VaBits(kernel));
  lines.symbols(...runTimeSymbols[kernel.arch]);
  return lines.text();
}

/** Bytes. */
const pointerSize = 8;

function addSections(lines: Lines, kernel: Vmlinux): void {
  const { layouts, symbols, pageSize } = kernel;
  const table = symbols.find('mem_section');
  const size = layouts.size('mem_section');
  if (table === undefined || size === undefined) return;
  const sectionBits = sectionSizeBits(kernel);
  const physicalBits = maxPhysicalBits(kernel);
  // Since 4.15 (83e3c48729d9) a pointer to the roots; before, and without SPARSEMEM_EXTREME, the table itself.
  const isPointer = table.size === pointerSize;
  const perRoot = isPointer ? Math.floor(pageSize / size) : 1;
  const roots =
    physicalBits === undefined ? undefined : Math.ceil(2 ** (physicalBits - sectionBits) / perRoot);
  lines.symbol('mem_section', table.value);
  lines.length('mem_section', roots);
  lines.sizes('mem_section');
  lines.offsets('mem_section.section_mem_map');
  lines.number('SECTION_SIZE_BITS', sectionBits);
  lines.number('MAX_PHYSMEM_BITS', physicalBits);
}

/** A macro for one of the sets in node_states[] (include/linux/nodemask.h). */
function nodeOnlineMap({ symbols, layouts }: Vmlinux): bigint | undefined {
  const sets = symbols.address('node_states');
  const index = layouts.enumValue('node_states', 'N_ONLINE');
  const size = layouts.size('nodemask_t');
  return sets === undefined || index === undefined || size === undefined
    ? undefined
    : sets + BigInt(index * size);
}

function addLog(lines: Lines, { symbols, layouts }: Vmlinux): void {
  // Until 5.9 a buffer of records of varying size.
  if (symbols.find('prb') === undefined) {
    lines.symbols('log_buf', 'log_buf_len', 'log_first_idx', 'clear_idx', 'log_next_idx');
    lines.sizes('printk_log');
    lines.offsets('printk_log.ts_nsec', 'printk_log.len', 'printk_log.text_len', 'printk_log.dict_len');
    lines.offsets('printk_log.caller_id');
    return;
  }
  lines.symbols('prb', 'printk_rb_static', 'clear_seq');
  const structs: readonly (readonly [string, ...string[]])[] = [
    ['printk_ringbuffer', 'desc_ring', 'text_data_ring', 'fail'],
    ['prb_desc_ring', 'count_bits', 'descs', 'infos', 'head_id', 'tail_id'],
    ['prb_desc', 'state_var', 'text_blk_lpos'],
    ['prb_data_blk_lpos', 'begin', 'next'],
    ['printk_info', 'seq', 'ts_nsec', 'text_len', 'caller_id', 'dev_info'],
  ];
  for (const [name, ...members] of structs) {
    lines.sizes(name);
    lines.offsets(...members.map((member) => `${name}.${member}`));
  }
  lines.sizes('dev_printk_info');
  for (const member of ['subsystem', 'device']) {
    lines.offsets(`dev_printk_info.${member}`);
    // The kernel's key for the length of the array has a name of its own.
    const place = layouts.member(`dev_printk_info.${member}`);
    lines.length(`printk_info_${member}`, place === undefined ? undefined : sizeOf(place.member.type()));
  }
  lines.sizes('prb_data_ring');
  lines.offsets('prb_data_ring.size_bits', 'prb_data_ring.data', 'prb_data_ring.head_lpos');
  lines.offsets('prb_data_ring.tail_lpos');
  lines.sizes('atomic_long_t');
  lines.offsets('atomic_long_t.counter');
  lines.sizes('latched_seq');
  lines.offsets('latched_seq.val');
}

function addX86(lines: Lines, kernel: Vmlinux): void {
  const { symbols } = kernel;
  const nodes = symbols.find('node_data');
  lines.symbols('init_top_pgt');
  if (symbols.find('__pgtable_l5_enabled') === undefined) lines.number('pgtable_l5_enabled', 0);
  lines.symbols('node_data');
  if (nodes !== undefined && nodes.size > 0) lines.length('node_data', nodes.size / pointerSize);
  lines.number('KERNEL_IMAGE_SIZE', kernelImageSize(kernel));
  if (symbols.find('sme_me_mask') === undefined) lines.number('sme_mask', 0);
}
