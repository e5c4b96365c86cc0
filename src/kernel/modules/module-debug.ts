/**
 * DWARF of one module from a file that the user gives. Refused when it is of another build: by the build id in the notes that the kernel keeps of a module
 * (struct module_notes_attrs of kernel/module/sysfs.c, Linux 6.1; CONFIG_SYSFS), where they can be read.
 */
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { ElfSections } from '../../formats/elf-sections.ts';
import { buildIdAt, buildIdOf } from '../build-id.ts';
import type { Kernel } from '../kernel.ts';
import { Missing } from '../missing.ts';
import { readUnsignedInt } from '../numbers.ts';
import { Dwarf } from '../types/dwarf.ts';
import type { Layouts } from '../types/layouts.ts';
import type { KernelModule } from './module-list.ts';

/** A module has three at most: build id, Linux, property. */
const maxNotes = 64;

/** Undefined when the file has no DWARF. E_USAGE when it is of another build of the module. */
export function moduleDwarf(
  kernel: Kernel,
  layouts: Layouts,
  module: KernelModule,
  sections: ElfSections,
): Dwarf | undefined {
  if (sections.find('.debug_info') === undefined) return undefined;
  const given = buildIdOf(sections);
  // What of the notes is not in the dump cannot be compared.
  const loaded = new Missing().attempt('', () => loadedBuildId(kernel, layouts, module));
  if (given !== undefined && loaded !== undefined && given !== loaded) {
    throw new VmcoreError(
      'E_USAGE',
      `has build id ${given}, the module ${module.name} that was loaded ${loaded}`,
      { file: sections.source.name, hint: 'give the debug information of the very build that crashed' },
    );
  }
  return new Dwarf(sections);
}

/** Undefined when the kernel keeps no notes of its modules, or in a form that is not known. */
function loadedBuildId(kernel: Kernel, layouts: Layouts, module: KernelModule): string | undefined {
  const [pointer, count, list, size] = [
    layouts.offset('module.notes_attrs'),
    layouts.offset('module_notes_attrs.notes'),
    layouts.offset('module_notes_attrs.attrs'),
    layouts.size('bin_attribute'),
  ];
  const [data, length] = [layouts.offset('bin_attribute.private'), layouts.offset('bin_attribute.size')];
  if (pointer === undefined || count === undefined || list === undefined) return undefined;
  if (size === undefined || data === undefined || length === undefined) return undefined;
  const at = (address: bigint, offset: number): Vaddr => asVaddr(address + BigInt(offset));
  const notes = kernel.readPointer(at(module.address, pointer));
  if (notes === 0n) return undefined;
  const attributes = Math.min(readUnsignedInt(kernel, at(notes, count)), maxNotes);
  for (let i = 0; i < attributes; i++) {
    const attribute = at(notes, list + i * size);
    const start = kernel.readPointer(at(attribute, data));
    const id = buildIdAt(kernel, start, asVaddr(start + kernel.readPointer(at(attribute, length))));
    if (id !== undefined) return id;
  }
  return undefined;
}
