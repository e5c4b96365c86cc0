/**
 * Has the CPU instructions for SHA-256? From the text of /proc/cpuinfo, when the trampoline is made: it cannot ask itself, since CPUID
 * faults in an encrypted guest (SEV-ES, TDX) and nobody handles faults between two kernels.
 */
import type { KexecArch } from '../segment.ts';

const wanted: Record<KexecArch, { readonly line: RegExp; readonly names: readonly string[] }> = {
  // arch/x86/include/asm/cpufeatures.h; the two others come with it: pshufb and palignr are of SSSE3.
  x86_64: { line: /^flags\s*:(.*)$/gm, names: ['sha_ni', 'ssse3'] },
  // arch/arm64/kernel/cpuinfo.c
  arm64: { line: /^Features\s*:(.*)$/gm, names: ['sha2', 'asimd'] },
};

/** False also for a text that names no CPU. */
export function hasShaInstructions(arch: KexecArch, cpuinfo: string): boolean {
  const { line, names } = wanted[arch];
  const cpus = Array.from(cpuinfo.matchAll(line), ([, features = '']) => features.trim().split(/\s+/));
  return cpus.length > 0 && cpus.every((features) => names.every((name) => features.includes(name)));
}
