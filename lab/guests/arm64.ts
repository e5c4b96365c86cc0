import type { Progress } from '../../src/base/progress.ts';
import type { DebianKernel } from '../../src/tools/rehearse/debian.ts';
export async function crashArm64Guest(
  _r: { kernel: DebianKernel; memory: number; timeout: number; folder: string },
  _p: Progress,
  _a: AbortSignal,
): Promise<void> {
  throw new Error('not yet');
}
