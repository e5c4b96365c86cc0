/** Types by the names that people write, of vmlinux and of every module that was loaded: a filesystem's own are in its module's BTF. */
import { VmcoreError } from '../base/errors.ts';
import type { CrashedKernel } from './crashed-kernel.ts';
import { Missing } from './missing.ts';
import { typeOfName } from './type-names.ts';
import type { Type } from './types.ts';

export interface FoundType {
  readonly type: Type;
  /** Whose own it is; undefined for vmlinux. */
  readonly module: string | undefined;
}

/** "struct page", "page", "ext4_sb_info", "struct list_head *", … Undefined when nothing knows it. */
export function findType(crashed: CrashedKernel, name: string): FoundType | undefined {
  const type = typeOfName(crashed.layouts, name);
  if (type !== undefined) return { type, module: undefined };
  // What cannot be read of the modules cannot be asked.
  const missing = new Missing();
  for (const module of crashed.modules.readable(missing)) {
    for (const types of missing.attempt(module.name, () => crashed.typesOf(module)) ?? []) {
      const own = typeOfName(types, name);
      if (own !== undefined) return { type: own, module: module.name };
    }
  }
  return undefined;
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
