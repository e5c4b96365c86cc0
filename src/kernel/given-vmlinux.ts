/**
 * The vmlinux that a user gives beside a dump: symbols and types of kernels that do not carry them (before BTF: 5.2; Linux 4.18 and RHEL 8 have none), and
 * what BTF never has, the types of global variables.
 *
 * Refused when it is of another build: its symbols and types would make up answers.
 */
import { VmcoreError } from '../base/errors.ts';
import type { Vaddr } from '../base/units.ts';
import { ElfMachine } from '../formats/elf.ts';
import type { ElfSections } from '../formats/elf-sections.ts';
import { buildIdAt, toldBuildId } from './build-id.ts';
import type { Kernel } from './kernel.ts';
import { ElfSymbols } from './symbols/elf-symbols.ts';
import { VmlinuxSymbols } from './symbols/vmlinux-symbols.ts';
import { Btf } from './types/btf.ts';
import { Dwarf } from './types/dwarf.ts';

export class GivenVmlinux {
  readonly symbols: VmlinuxSymbols;
  private readonly sections: ElfSections;
  private opened: Dwarf | 'none' | undefined;

  /**
   * `address`: the dump's own symbols, to find its build id. E_NO_INFO when it has no symbols, E_USAGE when it is of another kernel than the dump, or for
   * another machine.
   */
  constructor(kernel: Kernel, sections: ElfSections, address: (name: string) => Vaddr | undefined) {
    this.sections = sections;
    const { dump, info } = kernel;
    const machine = dump.arch === 'x86_64' ? ElfMachine.x86_64 : ElfMachine.aarch64;
    if (sections.elf.machine !== machine)
      throw mismatch(sections, `is for ELF machine ${sections.elf.machine}, the dump for ${machine}`);
    const elf = new ElfSymbols(sections);
    this.symbols = new VmlinuxSymbols(elf, info.requireSymbol('_stext'));
    const own = elf.buildId();
    const told = dumpBuildId(kernel, (name) => address(name) ?? this.symbols.address(name));
    if (own !== undefined && told !== undefined && own !== told)
      throw mismatch(sections, `has build id ${own}, the dump's kernel ${told}`);
    const release = info.text('OSRELEASE') ?? '';
    if ((own === undefined || told === undefined) && !this.tellsRelease(release))
      throw mismatch(sections, `is not of ${release}, the dump's kernel`);
  }

  /** The types that are in its .BTF; undefined without one. */
  btf(): Btf | undefined {
    const section = this.sections.find('.BTF');
    return section && new Btf(this.sections.read(section), `${this.sections.source.name}:.BTF`);
  }

  /** Undefined when it was stripped of its debug information. */
  dwarf(): Dwarf | undefined {
    if (this.opened === undefined) {
      const hasDwarf = this.sections.find('.debug_info') !== undefined;
      this.opened = hasDwarf ? new Dwarf(this.sections) : 'none';
    }
    return this.opened === 'none' ? undefined : this.opened;
  }

  /** linux_banner begins "Linux version RELEASE (". */
  private tellsRelease(release: string): boolean {
    const link = this.symbols.linkAddress('linux_banner');
    const wanted = `Linux version ${release} `;
    const bytes = link === undefined ? undefined : this.sections.readAt(link, wanted.length);
    return bytes !== undefined && String.fromCharCode(...bytes) === wanted;
  }
}

function dumpBuildId(kernel: Kernel, address: (name: string) => Vaddr | undefined): string | undefined {
  const start = address('__start_notes');
  const end = address('__stop_notes');
  const inMemory = start === undefined || end === undefined ? undefined : buildIdAt(kernel, start, end);
  return inMemory ?? toldBuildId(kernel);
}

const mismatch = (sections: ElfSections, what: string): VmcoreError =>
  new VmcoreError('E_USAGE', what, {
    file: sections.source.name,
    hint: 'give the vmlinux of the very build that crashed (linux-image-RELEASE-dbg, kernel-debuginfo)',
  });
