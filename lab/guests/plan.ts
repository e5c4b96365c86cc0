/** The rehearsal of a kernel of the lab: what is usual in it, and what a test wants otherwise. */
import { fileURLToPath } from 'node:url';
import { type Progress, silentProgress } from '../../src/base/progress.ts';
import { debianKernel } from '../../src/tools/rehearse/debian.ts';
import type { RehearsalPlan } from '../../src/tools/rehearse/plan.ts';
import { type GuestKernelName, guestKernels } from './kernels.ts';

/** 1 GiB, 256 MiB of it reserved, two processors; nothing is kept. The kernel comes from Debian: E_NEEDS without apt or a network. */
export async function labPlan(
  name: GuestKernelName,
  wanted: Partial<RehearsalPlan>,
  progress: Progress = silentProgress,
): Promise<RehearsalPlan> {
  const { suite, flavour, arch } = guestKernels[name];
  const { vmlinuz, modules } = await debianKernel({ suite, flavour, progress });
  return {
    arch,
    load: 'auto',
    kernel: { image: vmlinuz, modules },
    memory: 1024 * 2 ** 20,
    crashkernel: '256M',
    cpus: 2,
    dumpLevel: 31,
    keep: undefined,
    workload: undefined,
    timeout: 400,
    node: process.execPath,
    entry: fileURLToPath(new URL('../../src/cli/capture.ts', import.meta.url)),
    ...wanted,
  };
}
