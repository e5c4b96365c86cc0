/** Types by the names that people write, of vmlinux and of every module that was loaded: a filesystem's own are in its module's BTF. */
import { VmcoreError } from '../../base/errors.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import { Missing } from '../missing.ts';
import type { KernelModule } from '../modules/module-list.ts';
import { typeOfName } from './type-names.ts';
import type { Type, TypeSource } from './types.ts';

export interface FoundType {
  readonly type: Type;
  /** Whose own it is; undefined for vmlinux. */
  readonly module: string | undefined;
}

/** "struct page", "page", "ext4_sb_info", "struct list_head *", … Undefined when nothing knows it. */
export function findType(crashed: CrashedKernel, name: string): FoundType | undefined {
  const type = typeOfName(crashed.layouts, name);
  if (type !== undefined) return { type, module: undefined };
  for (const module of crashed.modules.readable(new Missing())) {
    for (const types of typesOf(crashed, module)) {
      const own = typeOfName(types, name);
      if (own !== undefined) return { type: own, module: module.name };
    }
  }
  return undefined;
}

/** What cannot be read is not asked; that a given file is not there, or of another build, is for the user to know. */
function typesOf(crashed: CrashedKernel, module: KernelModule): readonly TypeSource[] {
  try {
    return crashed.typesOf(module);
  } catch (error) {
    const isGivenFile = error instanceof VmcoreError && (error.code === 'E_USAGE' || error.code === 'E_FILE');
    if (error instanceof VmcoreError && !isGivenFile) return [];
    throw error;
  }
}

/** E_NO_INFO when nothing knows it. */
export function requireType(crashed: CrashedKernel, name: string): FoundType {
  const found = findType(crashed, name);
  if (found !== undefined) return found;
  const hasTypes = crashed.layouts.struct('list_head') !== undefined;
  throw new VmcoreError(
    'E_NO_INFO',
    hasTypes
      ? `neither the kernel nor a module has a type ${name}`
      : 'the dump has no type information (BTF)',
    {
      file: crashed.dump.source.name,
      hint: hasTypes
        ? 'write it as C does: task_struct, "struct page", "enum zone_type"'
        : 'give the vmlinux of this kernel with --vmlinux',
    },
  );
}
