/**
 * Which build of the kernel a dump is of: the GNU build id that its linker wrote into .notes, which lies in memory from __start_notes on
 * (include/asm-generic/vmlinux.lds.h, Linux 6.1).
 *
 * vmcoreinfo has a BUILD-ID too, but wrong ones in some releases (5.15.168 and later, 6.1.113-118, 6.6.55-62, 6.10.14, 6.11.3-9): only asked when the notes
 * cannot be read.
 */
import { VmcoreError } from '../base/errors.ts';
import { asVaddr, type Vaddr } from '../base/units.ts';
import { type Note, parseNotes } from '../formats/elf.ts';
import { type ElfSections, SectionType } from '../formats/elf-sections.ts';
import type { Kernel } from './kernel.ts';

/** NT_GNU_BUILD_ID. */
const buildIdNote = 3;
/** 500 bytes today. */
const maxNotes = 65536;

/** In lower-case hex; undefined when there is none in such memory, or it is not in the dump. */
export function buildIdAt(kernel: Kernel, start: Vaddr, end: Vaddr): string | undefined {
  if (end <= start || end - start > maxNotes) return undefined;
  try {
    const { dump } = kernel;
    const bytes = kernel.read(asVaddr(start), Number(end - start));
    return buildIdIn(parseNotes(bytes, dump.littleEndian, dump.source.name, 0));
  } catch (error) {
    if (error instanceof VmcoreError) return undefined;
    throw error;
  }
}

/** Of a vmlinux or a kernel module; undefined when the file has none. */
export function buildIdOf(sections: ElfSections): string | undefined {
  for (const section of sections.all) {
    if (section.type !== SectionType.note || section.size > 2 ** 20) continue;
    const bytes = sections.read(section);
    const { elf, source } = sections;
    const id = buildIdIn(parseNotes(bytes, elf.littleEndian, source.name, section.offset));
    if (id !== undefined) return id;
  }
  return undefined;
}

function buildIdIn(notes: readonly Note[]): string | undefined {
  const note = notes.find(
    ({ name, type, data }) => name === 'GNU' && type === buildIdNote && data.length > 0,
  );
  return note && Array.from(note.data, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** By kernel release "6.1.115-…": does its vmcoreinfo have another build's id? */
const wrongIds: readonly (readonly [series: string, from: number, to: number])[] = [
  ['5.15', 168, Number.POSITIVE_INFINITY],
  ['6.1', 113, 118],
  ['6.6', 55, 62],
  ['6.10', 14, Number.POSITIVE_INFINITY],
  ['6.11', 3, 9],
];

/** BUILD-ID of vmcoreinfo where it can be believed. */
export function toldBuildId({ info }: Kernel): string | undefined {
  const [, series, patch] = /^(\d+\.\d+)\.(\d+)/.exec(info.text('OSRELEASE') ?? '') ?? [];
  const isWrong = wrongIds.some(
    ([wrong, from, to]) => wrong === series && Number(patch) >= from && Number(patch) <= to,
  );
  const id = info.text('BUILD-ID')?.trim().toLowerCase();
  return isWrong || id === undefined || !/^[0-9a-f]{16,64}$/.test(id) ? undefined : id;
}
