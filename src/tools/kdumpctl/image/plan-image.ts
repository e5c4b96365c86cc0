/** Decides what goes into the capture image of this machine: its target, the modules and programs on the way there, and what all that depends on. */
import { VmcoreError } from '../../../base/errors.ts';
import type { ImagePlan, ImageRequest } from './plan.ts';

/**
 * Looks at the machine and the files that the configuration names; changes nothing. Errors: E_UNSUPPORTED for a target on what the built-in image
 * does not bring up (LVM, LUKS, md, multipath, bonded cards, …), E_FILE for what is named and not there, E_NEEDS for what is not installed.
 */
export async function planImage(request: ImageRequest): Promise<ImagePlan> {
  throw new VmcoreError('E_UNSUPPORTED', 'planning an image is not there yet', { file: request.confFile });
}
