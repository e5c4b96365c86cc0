/**
 * Leaves out the memory of kernel modules, by their names: that of a graphics driver, say, which its maker wants nobody to see.
 *
 *   VMCORE_DROP_MODULES=nvidia,nvidia_uvm vmcore makedumpfile -z -d 31 --filter examples/filters/drop-module.ts vmcore dump
 */
import type { Filter, StructView } from '../../src/tools/makedumpfile/filters/api.ts';

const unwanted = new Set((process.env.VMCORE_DROP_MODULES ?? 'nvidia,amdgpu,i915,xe').split(','));

const dropModules: Filter = (kernel, output) => {
  for (const module of kernel.list(kernel.symbol('modules'), 'module', 'list')) {
    const name = module.string('name');
    if (!unwanted.has(name)) continue;
    for (const [base, size] of memoryOf(module)) output.dropPages(base, base + BigInt(size));
    output.note(`left out the memory of module ${name}`);
  }
};
export default dropModules;

/** struct module: `mem[]` since 6.4 (ac3b43283923), `core_layout` before. */
function memoryOf(module: StructView): [base: bigint, size: number][] {
  if (module.has('core_layout')) {
    return [[module.pointer('core_layout.base'), module.number('core_layout.size')]];
  }
  const count = module.sizeOf('mem') / module.sizeOf('mem[0]');
  return Array.from({ length: count }, (_, i): [bigint, number] => [
    module.pointer(`mem[${i}].base`),
    module.number(`mem[${i}].size`),
  ]).filter(([base]) => base !== 0n);
}
