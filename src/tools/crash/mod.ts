/**
 * The `mod` view: the modules that were loaded, as lsmod shows them.
 *
 * Source of truth: struct module and struct module_use of include/linux/module.h (Linux 6.1, 7.2). refcnt is one more than lsmod shows (MODULE_REF_BASE,
 * kernel/module/main.c); both it and the users are there with CONFIG_MODULE_UNLOAD.
 */
import { hex } from '../../base/units.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import { walkList } from '../../kernel/lists/lists.ts';
import { Missing } from '../../kernel/missing.ts';
import type { KernelModule } from '../../kernel/modules/module-list.ts';
import type { Struct } from '../../kernel/struct.ts';
import { explainTaints } from '../../kernel/taints.ts';

export interface ModuleInfo {
  readonly name: string;
  /** Where its text begins. */
  readonly base: string;
  /** All its memory, bytes. */
  readonly size: number;
  readonly state: KernelModule['state'];
  /** How often it is in use, by modules and otherwise; null when the kernel does not count. */
  readonly used: number | null;
  /** The modules that use it. */
  readonly usedBy: readonly string[];
  /** What it taints the kernel with: "OE". */
  readonly taints: string;
  /** Of its struct module. */
  readonly address: string;
}

export interface ModuleList {
  readonly modules: readonly ModuleInfo[];
  readonly missing: readonly string[];
}

/** MODULE_REF_BASE. */
const ownReference = 1;

/** In the order of the kernel's list, the last loaded first. */
export function listModules(crashed: CrashedKernel): ModuleList {
  const missing = new Missing();
  const modules = [...crashed.modules.readable(missing)].map((module) => {
    const struct = crashed.struct('module', module.address);
    const attempt = <T>(what: string, read: () => T): T | undefined =>
      missing.attempt(`${what} of module ${module.name}`, read);
    return {
      name: module.name,
      base: hex(module.base),
      size: module.size,
      state: module.state,
      used: attempt('the use', () => used(struct)) ?? null,
      usedBy: attempt('the users', () => users(crashed, struct)) ?? [],
      taints: attempt('the taints', () => taints(crashed, struct)) ?? '',
      address: hex(module.address),
    };
  });
  return { modules, missing: missing.lines };
}

const used = (module: Struct): number | null =>
  module.has('refcnt') ? module.number('refcnt') - ownReference : null;

/** Names, the last first to use it. */
function users(crashed: CrashedKernel, module: Struct): string[] {
  if (!module.has('source_list')) return [];
  const inUse = BigInt(crashed.layouts.requireOffset('module_use.source_list'));
  return [...walkList(crashed.kernel, module.addressOf('source_list'))].flatMap(
    (node) =>
      crashed
        .struct('module_use', node - inUse)
        .follow('source')
        ?.text('name') ?? [],
  );
}

const taints = (crashed: CrashedKernel, module: Struct): string =>
  module.has('taints')
    ? explainTaints(crashed, module.bigint('taints'))
        .map(({ letter }) => letter)
        .join('')
    : '';
