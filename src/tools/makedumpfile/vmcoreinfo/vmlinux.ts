/**
 * What a vmlinux file tells about its kernel: symbols, types, release, page size, and the constants that are in neither, derived from what
 * they shaped.
 *
 * Sources (Linux 6.1, 6.12, 7.2 unless said): arch/x86/include/asm/{sparsemem,page_64_types}.h,
 * arch/arm64/include/asm/{sparsemem,memory,image}.h, include/linux/mmzone.h.
 */
import type { ByteSource } from '../../../base/byte-source.ts';
import { cString, u64, viewOf } from '../../../base/bytes.ts';
import { VmcoreError } from '../../../base/errors.ts';
import type { Arch } from '../../../formats/dump.ts';
import { ElfMachine } from '../../../formats/elf.ts';
import { type Decompress, type ElfSections, openElfSections } from '../../../formats/elf-sections.ts';
import { ElfSymbols } from '../../../kernel/symbols/elf-symbols.ts';
import { Btf } from '../../../kernel/types/btf.ts';
import { Dwarf } from '../../../kernel/types/dwarf.ts';
import type { Wanted } from '../../../kernel/types/dwarf-scan.ts';
import { Layouts } from '../../../kernel/types/layouts.ts';
import type { TypeSource } from '../../../kernel/types/types.ts';

export interface Vmlinux {
  readonly file: string;
  readonly arch: Arch;
  readonly symbols: ElfSymbols;
  readonly layouts: Layouts;
  /** uname -r. */
  readonly release: string;
  /** Bytes. */
  readonly pageSize: number;
}

/**
 * Opens a vmlinux. `wanted` are the types that will be asked for, so that DWARF is searched once.
 * E_NO_INFO when it has no symbols or no types, or is a separate debug file without the kernel's data; E_UNSUPPORTED for other machines.
 */
export function openVmlinux(source: ByteSource, decompress: Decompress, wanted: Iterable<Wanted>): Vmlinux {
  const sections = openElfSections(source, decompress);
  const arch = archOf(sections);
  const symbols = new ElfSymbols(sections);
  const types = typesOf(sections, wanted);
  const layouts = new Layouts(source.name, undefined, [() => types]);
  return {
    file: source.name,
    arch,
    symbols,
    layouts,
    release: releaseOf(symbols, layouts),
    pageSize: arch === 'x86_64' ? 4096 : arm64PageSize(symbols),
  };
}

function archOf({ elf, source }: ElfSections): Arch {
  if (elf.machine === ElfMachine.x86_64) return 'x86_64';
  if (elf.machine === ElfMachine.aarch64) return 'arm64';
  throw new VmcoreError('E_UNSUPPORTED', `a program for ELF machine ${elf.machine}`, {
    file: source.name,
    hint: 'give a vmlinux for x86_64 (62) or arm64 (183)',
  });
}

/** BTF where the kernel has it: the same types as DWARF, made from it, a hundred times smaller. */
function typesOf(sections: ElfSections, wanted: Iterable<Wanted>): TypeSource {
  const section = sections.find('.BTF');
  if (section !== undefined) {
    const btf = new Btf(sections.read(section), `${sections.source.name}:.BTF`);
    if (btf.struct('page') !== undefined) return btf;
  }
  const dwarf = new Dwarf(sections);
  dwarf.prepare(wanted);
  return dwarf;
}

const noData = (file: string, what: string): VmcoreError =>
  new VmcoreError('E_NO_INFO', `does not tell ${what}`, {
    file,
    hint: "give the kernel's whole vmlinux, not one that was stripped or a debug file split off it",
  });

/** From init_uts_ns, as `uname -r` reads it. */
function releaseOf(symbols: ElfSymbols, layouts: Layouts): string {
  const file = symbols.sections.source.name;
  const address = symbols.address('init_uts_ns');
  if (address === undefined) throw noData(file, 'its release: it has no symbol init_uts_ns');
  const at = address + BigInt(layouts.requireOffset('uts_namespace.name.release'));
  const bytes = symbols.sections.readAt(at, 65);
  const release = bytes === undefined ? '' : cString(bytes);
  if (!/^\d+\.\d+/.test(release)) throw noData(file, 'its release');
  return release;
}

/** "ARM\x64" at byte 56 of the Image header (Documentation/arch/arm64/booting.rst). */
const imageMagic = 0x644d_5241;
/** Bits 1-2 of the header's flags. */
const imagePageSizes = [undefined, 4096, 16384, 65536] as const;

/** The Image header is the first thing in every arm64 kernel's text; the linker fills in its flags. */
function arm64PageSize(symbols: ElfSymbols): number {
  const { sections } = symbols;
  const text = symbols.address('_text');
  const header = text === undefined ? undefined : sections.readAt(text, 64);
  if (header === undefined || viewOf(header).getUint32(56, true) !== imageMagic)
    throw noData(sections.source.name, 'its page size: it has no arm64 Image header');
  const pageSize = imagePageSizes[(u64(viewOf(header), 24, true) / 2) & 3];
  if (pageSize === undefined) throw noData(sections.source.name, 'its page size');
  return pageSize;
}

const subsectionShift = 21;

/**
 * SECTION_SIZE_BITS. mem_section_usage (since 5.3) has a bit for each 2 MiB of a section, in 64-bit words: more than one word
 * tells the size; one is 2^27 on both architectures. Before that 2^27 on x86_64 and 2^30 on arm64 (until 5.12, f0b13ee23241).
 */
export function sectionSizeBits({ arch, layouts }: Vmlinux): number {
  const words = layouts.length('mem_section_usage.subsection_map');
  if (words === undefined) return arch === 'x86_64' ? 27 : 30;
  return subsectionShift + 6 + (words > 1 ? Math.round(Math.log2(words)) : 0);
}

/**
 * MAX_PHYSMEM_BITS; undefined when only the running kernel knew. x86_64: 46 with 4 levels of page tables, 52 with 5, chosen at
 * boot where CONFIG_X86_5LEVEL is (__pgtable_l5_enabled is there). arm64: CONFIG_ARM64_PA_BITS is 48 or 52 and leaves no trace
 * in vmlinux; 48 is said, which describes all memory below 256 TiB right in both.
 */
export function maxPhysicalBits({ arch, symbols }: Vmlinux): number | undefined {
  if (arch === 'arm64') return 48;
  return symbols.address('__pgtable_l5_enabled') === undefined ? 46 : undefined;
}

/**
 * KERNEL_IMAGE_SIZE of x86_64: 1 GiB with CONFIG_RANDOMIZE_BASE, which brings these symbols (the variable until 6.10, the function with
 * CONFIG_RANDOMIZE_MEMORY, on by default), else 512 MiB.
 */
export function kernelImageSize({ symbols }: Vmlinux): number {
  const isRandomized = ['kernel_randomize_memory', 'module_load_offset'].some(
    (name) => symbols.find(name) !== undefined,
  );
  return isRandomized ? 2 ** 30 : 2 ** 29;
}

const leadingOnes = (address: bigint): number => {
  const text = BigInt.asUintN(64, address).toString(2).padStart(64, '0');
  const zero = text.indexOf('0');
  return zero < 0 ? 64 : zero;
};

/** Sizes that CONFIG_ARM64_VA_BITS can have, less one: bits below the leading ones of an image address since 5.4. */
const imageBitsSince54 = [35, 38, 41, 46, 47];

/**
 * VA_BITS of arm64, from where the image is linked: in the upper half of the smallest configured space (_PAGE_END(VA_BITS_MIN), since 5.4,
 * 14c127c957c1), in its lower half before. Kernels for 52 bits are linked for the smaller space of CPUs without them; a top level that the
 * smaller one would not have, or the check that CPUs have 52 bits, gives them away.
 */
export function arm64VaBits(vmlinux: Vmlinux): number | undefined {
  const { symbols, layouts, pageSize } = vmlinux;
  const text = symbols.address('_text');
  if (text === undefined) return undefined;
  const below = 64 - leadingOnes(text);
  const smallest = imageBitsSince54.includes(below) ? below + 1 : below;
  const bitsPerLevel = Math.log2(pageSize) - 3;
  const levelsFor = (bits: number): number => Math.ceil((bits - bitsPerLevel - 3) / bitsPerLevel);
  const hasLevel = (name: string): boolean => layouts.offset(`${name}_t.${name}`) !== undefined;
  const levels = hasLevel('p4d') ? 5 : hasLevel('pud') ? 4 : hasLevel('pmd') ? 3 : 2;
  const onlyLarge = levels === levelsFor(52) && levels !== levelsFor(smallest);
  // Only a `ret` (and a landing pad) without CONFIG_ARM64_VA_BITS_52, where it is there at all (arch/arm64/kernel/head.S).
  const checks52 = (symbols.find('__cpu_secondary_check52bitva')?.size ?? 0) > 8;
  return smallest >= 47 && (onlyLarge || checks52) ? 52 : smallest;
}
