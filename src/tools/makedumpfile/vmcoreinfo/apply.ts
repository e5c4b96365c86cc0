/**
 * makedumpfile -i and -x: vmcoreinfo from outside joined with a dump, so that everything behind reads it like the kernel's own.
 *
 * Text made from a vmlinux has link addresses; a running kernel's are moved by KASLR. How far, and where the image lies in physical memory, the
 * dump's own vmcoreinfo tells; in a dump without one, the kernel is searched for by its version banner (locate.ts). What only the
 * running kernel knew is then read in its variables. The dump's own keys always win.
 */
import { VmcoreError } from '../../../base/errors.ts';
import { asVaddr } from '../../../base/units.ts';
import { type Dump, noteNames } from '../../../formats/dump.ts';
import { Vmcoreinfo } from '../../../kernel/vmcoreinfo.ts';
import { addedLines, type InfoLine, infoLines } from './added-lines.ts';
import { imageByOwnInfo, type KernelImage, searchImage } from './locate.ts';

/** What was true of one run of the kernel only, so that text from elsewhere cannot tell it of this dump. */
const runTimeKeys: ReadonlySet<string> = new Set([
  'KERNELOFFSET',
  'CRASHTIME',
  ...[
    ...['phys_base', 'pgtable_l5_enabled', 'sme_mask', 'VMALLOC_START', 'VMALLOC_END', 'VMEMMAP_START'],
    ...['VMEMMAP_END', 'MODULES_VADDR', 'MODULES_END', 'kimage_voffset', 'PHYS_OFFSET', 'TCR_EL1_T1SZ'],
    ...['KERNELPACMASK'],
  ].map((name) => `NUMBER(${name})`),
]);

/**
 * The dump with `text` added to its vmcoreinfo. One that has no VMCOREINFO note gets it as a note, so that copies of it describe
 * themselves. `from` names where the text came from, in messages.
 * E_USAGE when it is of another release than the dump, E_NO_INFO when the kernel it describes cannot be found in the dump.
 */
export function withKernelInfo(dump: Dump, text: string, from: string): Dump {
  const given = new Vmcoreinfo(text, from);
  const own = dump.vmcoreinfo === undefined ? undefined : new Vmcoreinfo(dump.vmcoreinfo, dump.source.name);
  const ownRelease = own?.text('OSRELEASE');
  const release = given.text('OSRELEASE');
  if (release === undefined) {
    throw new VmcoreError('E_NO_INFO', 'is not vmcoreinfo: it has no OSRELEASE', {
      file: from,
      hint: 'make it with: vmcore makedumpfile -g VMCOREINFO -x VMLINUX',
    });
  }
  if (ownRelease !== undefined && ownRelease !== release) {
    throw new VmcoreError('E_USAGE', `is of kernel ${release}, the dump is of ${ownRelease}`, {
      file: from,
      hint: `give the vmlinux or vmcoreinfo of ${ownRelease}`,
    });
  }
  const image =
    (own === undefined ? undefined : imageByOwnInfo(dump, own, given)) ??
    searchImage(dump, given, release, from);
  const lines = new Map(infoLines(text).flatMap((line) => relocated(line, given, image)));
  for (const [key, value] of runTimeLines(dump, given, image)) lines.set(key, value);
  const described = addedLines(dump, Array.from(lines, ([key, value]) => `${key}=${value}\n`).join(''));
  return own === undefined ? withNote(described) : described;
}

function withNote(dump: Dump): Dump {
  const data = new TextEncoder().encode(dump.vmcoreinfo);
  return { ...dump, notes: [...dump.notes, { name: noteNames.vmcoreinfo, type: 0, data }] };
}

/** A line as it is true of this dump, or none. */
function relocated([key, value]: InfoLine, given: Vmcoreinfo, image: KernelImage): InfoLine[] {
  if (runTimeKeys.has(key)) return [];
  const name = /^SYMBOL\((.*)\)$/.exec(key)?.[1];
  if (name === undefined) return [[key, value]];
  const address = given.symbol(name);
  // A symbol outside the image is a pointer's value in some other run: SYMBOL(mem_section), SYMBOL(vmemmap) of a kernel's own text.
  if (address === undefined || !image.contains(address)) return [];
  return [[key, asVaddr(address + image.shift).toString(16)]];
}

/** Keys that follow from where the image is and what its variables hold. */
function* runTimeLines(dump: Dump, given: Vmcoreinfo, image: KernelImage): Generator<InfoLine> {
  const u64At = (name: string): bigint | undefined => {
    const address = given.symbol(name);
    return address === undefined ? undefined : image.readU64(address);
  };
  const linked = given.text('KERNELOFFSET');
  const alreadyMoved = linked !== undefined && /^[0-9a-f]+$/i.test(linked) ? BigInt(`0x${linked}`) : 0n;
  yield ['KERNELOFFSET', asVaddr(image.shift + alreadyMoved).toString(16)];
  yield* memSection(dump, given, image);
  if (dump.arch === 'x86_64') {
    const physBase = u64At('phys_base');
    if (physBase !== undefined) yield ['NUMBER(phys_base)', BigInt.asIntN(64, physBase).toString()];
    const sme = u64At('sme_me_mask');
    if (sme !== undefined) yield ['NUMBER(sme_mask)', sme.toString()];
    const vmemmap = u64At('vmemmap_base');
    if (vmemmap !== undefined) yield ['SYMBOL(vmemmap)', vmemmap.toString(16)];
    yield ['NUMBER(pgtable_l5_enabled)', hasFiveLevels(given, image) ? '1' : '0'];
    return;
  }
  const voffset = u64At('kimage_voffset');
  if (voffset !== undefined) yield ['NUMBER(kimage_voffset)', `0x${voffset.toString(16)}`];
  const start = u64At('memstart_addr');
  if (start === undefined) return;
  yield ['NUMBER(PHYS_OFFSET)', `0x${start.toString(16)}`];
  const bits = given.smallNumber('VA_BITS');
  if (bits !== undefined)
    yield ['NUMBER(TCR_EL1_T1SZ)', `0x${(64 - actualVaBits(bits, start)).toString(16)}`];
}

/** __pgtable_l5_enabled is an unsigned int. */
function hasFiveLevels(given: Vmcoreinfo, image: KernelImage): boolean {
  const address = given.symbol('__pgtable_l5_enabled');
  const value = address === undefined ? undefined : image.readU64(address);
  return value !== undefined && (value & 0xffff_ffffn) !== 0n;
}

/**
 * A 52-bit kernel on a CPU without them moves memstart_addr down by the difference of the two linear maps, 2^52 - 2^48 (arm64_memblock_init() in
 * arch/arm64/mm/init.c, Linux 5.4 to 7.2); randomising the linear map moves it by less than 2^51.
 */
const actualVaBits = (configured: number, memstart: bigint): number =>
  configured === 52 && BigInt.asIntN(64, memstart) < -(1n << 51n) ? 48 : configured;

/**
 * SYMBOL(mem_section) of the running kernel is the table itself; in a vmlinux it is, since 4.15, the pointer to it. And what 5-level page
 * tables decide: on x86_64, 52 bits of physical address instead of 46, and a table to match.
 */
function* memSection(dump: Dump, given: Vmcoreinfo, image: KernelImage): Generator<InfoLine> {
  const variable = given.symbol('mem_section');
  const sectionSize = given.size('mem_section');
  const sectionBits = given.smallNumber('SECTION_SIZE_BITS');
  if (variable === undefined || sectionSize === undefined || sectionBits === undefined) return;
  const physicalBits = given.smallNumber('MAX_PHYSMEM_BITS') ?? (hasFiveLevels(given, image) ? 52 : 46);
  const sections = 2 ** (physicalBits - sectionBits);
  const roots =
    given.length('mem_section') ?? Math.ceil(sections / Math.floor(dump.memory.pageSize / sectionSize));
  yield ['NUMBER(MAX_PHYSMEM_BITS)', String(physicalBits)];
  yield ['LENGTH(mem_section)', String(roots)];
  const isPointer = roots < sections && image.contains(variable);
  const table = isPointer ? image.readU64(variable) : undefined;
  if (table !== undefined && table !== 0n) yield ['SYMBOL(mem_section)', table.toString(16)];
}
