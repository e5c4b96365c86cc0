/**
 * What older kernels did not yet print about themselves, found in what they did, and in their BTF. Done once, when a dump is opened: all that
 * comes behind reads one complete vmcoreinfo.
 *
 * Source of truth: kernel/crash_core.c of Linux 4.18 to 5.15: MAX_PHYSMEM_BITS since 5.9 (1d50e5d0c505), SECTION_SIZE_BITS since 5.14
 * (4f5aecdff25f).
 */
import { VmcoreError } from '../../../base/errors.ts';
import type { Arch, Dump } from '../../../formats/dump.ts';
import { Kernel } from '../../../kernel/kernel.ts';
import type { Btf } from '../../../kernel/types/btf.ts';
import { findBtf } from '../../../kernel/types/btf-scan.ts';
import { Layouts } from '../../../kernel/types/layouts.ts';
import { Vmcoreinfo } from '../../../kernel/vmcoreinfo.ts';
import { addedLines } from './added-lines.ts';
import { Lines } from './lines.ts';
import { namesTypes } from './needed.ts';
import { addMemory, addPageFlags } from './type-lines.ts';

/** The dump, with lines added at the end of its vmcoreinfo where something needed is not in it and can be known. */
export function withCompleteInfo(dump: Dump): Dump {
  const own = dump.vmcoreinfo;
  if (own === undefined) return dump;
  const typed = namesTypes(new Vmcoreinfo(own, dump.source.name)) ? '' : linesOfBtf(dump);
  const completed = addedLines(dump, typed);
  return addedLines(
    completed,
    sectionLines(new Vmcoreinfo(completed.vmcoreinfo ?? '', dump.source.name), dump.arch),
  );
}

/** What may be missing without harm: copying a dump needs none of this, and filtering it says itself what it lacks. */
const harmless: ReadonlySet<string> = new Set(['E_NO_INFO', 'E_UNREADABLE', 'E_IO']);

/** Nothing when the dump has no BTF, or its image cannot be read. */
function linesOfBtf(dump: Dump): string {
  let btf: Btf | undefined;
  try {
    btf = findBtf(new Kernel(dump));
  } catch (error) {
    if (error instanceof VmcoreError && harmless.has(error.code)) return '';
    throw error;
  }
  if (btf?.struct('page') === undefined) return '';
  const layouts = new Layouts(dump.source.name, undefined, [() => btf]);
  const lines = new Lines(layouts, () => undefined);
  lines.sizes('mem_section');
  lines.offsets('mem_section.section_mem_map');
  addMemory(lines, layouts);
  lines.lengths('zone.free_area');
  addPageFlags(lines, layouts);
  return lines.text();
}

/** Sizes of a section that kernels have had: arm64 2^30 until 5.11, 2^29 with 64K pages since; all others 2^27. */
const sectionBits: Readonly<Record<Arch, readonly number[]>> = { x86_64: [27], arm64: [27, 29, 30] };
/** The least that fits comes first: 52 bits are the exception on both. */
const physicalBits: Readonly<Record<Arch, readonly number[]>> = { x86_64: [46, 52], arm64: [48, 52] };

/**
 * SECTION_SIZE_BITS and MAX_PHYSMEM_BITS from the number of roots: their difference is the number of bits of a section's number. No two pairs that a
 * kernel can have differ by the same.
 */
function sectionLines(info: Vmcoreinfo, arch: Arch): string {
  const [known, knownTotal] = [info.smallNumber('SECTION_SIZE_BITS'), info.smallNumber('MAX_PHYSMEM_BITS')];
  const roots = info.length('mem_section');
  const size = info.size('mem_section');
  const pageSize = Number(info.text('PAGESIZE'));
  if ((known !== undefined && knownTotal !== undefined) || !roots || !size || !(pageSize >= size)) return '';
  const numberBits = Math.round(Math.log2(roots * Math.floor(pageSize / size)));
  for (const total of knownTotal === undefined ? physicalBits[arch] : [knownTotal]) {
    const section = total - numberBits;
    if (known === undefined ? sectionBits[arch].includes(section) : section === known)
      return `NUMBER(SECTION_SIZE_BITS)=${section}\nNUMBER(MAX_PHYSMEM_BITS)=${total}\n`;
  }
  return '';
}
