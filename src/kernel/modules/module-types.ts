/**
 * The types of one module: its BTF, which goes on where that of vmlinux ends (CONFIG_DEBUG_INFO_BTF_MODULES, since 5.11).
 *
 * struct module points to it only while the module is loaded; then the copy counts that kernel/bpf/btf.c keeps: the list btf_modules of struct
 * btf_module { list, module, btf }, and struct btf { data, data_size, start_id } (Linux 6.1, 6.12, 7.2). That of a module built against another vmlinux
 * (.BTF.base, since 6.11) was already moved to this one's numbers there.
 */
import { viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import { walkList } from '../lists/lists.ts';
import { Btf } from '../types/btf.ts';
import type { Layouts } from '../types/layouts.ts';
import type { KernelModule } from './module-list.ts';

/** A hundred times what modules have. */
const maxBtf = 2 ** 27;

export interface ModuleTypesPlace {
  /** Of btf_modules. */
  readonly list: Vaddr;
  readonly module: KernelModule;
  /** Of vmlinux. */
  readonly base: Btf;
}

/** Undefined when the module has no BTF, or one that does not fit to `base`. E_CORRUPT, E_UNREADABLE as any list. */
export function readModuleTypes(
  kernel: Kernel,
  layouts: Layouts,
  { list, module, base }: ModuleTypesPlace,
): Btf | undefined {
  const { littleEndian, source } = kernel.dump;
  const pointer = (struct: bigint, member: string): Vaddr =>
    kernel.readPointer(asVaddr(struct + BigInt(layouts.requireOffset(member))));
  const word = (struct: bigint, member: string): number =>
    viewOf(kernel.read(asVaddr(struct + BigInt(layouts.requireOffset(member))), 4)).getUint32(
      0,
      littleEndian,
    );
  for (const node of walkList(kernel, list)) {
    const entry = node - BigInt(layouts.requireOffset('btf_module.list'));
    if (pointer(entry, 'btf_module.module') !== module.address) continue;
    const btf = pointer(entry, 'btf_module.btf');
    const size = word(btf, 'btf.data_size');
    if (size > maxBtf) {
      throw new VmcoreError('E_CORRUPT', `${size} bytes of types of module ${module.name}`, {
        file: source.name,
      });
    }
    if (word(btf, 'btf.start_id') !== base.endId) return undefined;
    const bytes = new Uint8Array(size);
    kernel.readBulk(pointer(btf, 'btf.data'), bytes);
    return new Btf(bytes, `${source.name}:${module.name}:BTF`, base);
  }
  return undefined;
}
