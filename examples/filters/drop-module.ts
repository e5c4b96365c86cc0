/**
 * Leaves out the memory of kernel modules, by their names: that of a graphics driver, say, which its maker wants nobody to see.
 *
 *   VMCORE_DROP_MODULES=nvidia,nvidia_uvm vmcore makedumpfile -z -d 31 --filter examples/filters/drop-module.ts vmcore dump
 */
import type { Filter } from '../../src/tools/makedumpfile/filters/api.ts';

const unwanted = new Set((process.env.VMCORE_DROP_MODULES ?? 'nvidia,amdgpu,i915,xe').split(','));

const dropModules: Filter = (kernel, output) => {
  for (const { name, memory } of kernel.modules()) {
    if (!unwanted.has(name)) continue;
    for (const { from, to } of memory) output.dropPages(from, to);
    output.note(`left out the memory of module ${name}`);
  }
};
export default dropModules;
