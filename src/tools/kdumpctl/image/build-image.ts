/** Writes the capture image that was planned. */
import { VmcoreError } from '../../../base/errors.ts';
import type { CaptureImage, ImagePlan } from './plan.ts';

/** Writes it at `output` (0600), whole or not at all. E_NEEDS for a missing program, E_NO_SPACE, E_IO. */
export async function buildImage(plan: ImagePlan, output: string): Promise<CaptureImage> {
  throw new VmcoreError('E_UNSUPPORTED', 'building an image is not there yet', {
    file: output,
    hint: plan.kernel.image,
  });
}
