/** The kernels whose dumps we promise to read, and which the lab boots: Debian's, by release line and architecture. */
import { VmcoreError } from '../../src/base/errors.ts';

export const guestKernels = {
  '5.10-x86_64': { suite: 'bullseye', flavour: 'amd64', arch: 'x86_64' },
  '6.1-x86_64': { suite: 'bookworm', flavour: 'amd64', arch: 'x86_64' },
  '6.12-x86_64': { suite: 'trixie', flavour: 'amd64', arch: 'x86_64' },
  '7.2-x86_64': { suite: 'forky', flavour: 'amd64', arch: 'x86_64' },
  '5.10-arm64': { suite: 'bullseye', flavour: 'arm64', arch: 'arm64' },
  '6.1-arm64': { suite: 'bookworm', flavour: 'arm64', arch: 'arm64' },
  '6.12-arm64': { suite: 'trixie', flavour: 'arm64', arch: 'arm64' },
  '7.2-arm64': { suite: 'forky', flavour: 'arm64', arch: 'arm64' },
} as const;
export type GuestKernelName = keyof typeof guestKernels;

/** `6.1-x86_64`, or E_USAGE with the names there are. */
export function parseGuestKernel(text: string | undefined): GuestKernelName {
  const names = Object.keys(guestKernels) as GuestKernelName[];
  const name = names.find((candidate) => candidate === text);
  if (name === undefined) {
    throw new VmcoreError('E_USAGE', `${text ?? '(nothing)'} is not a kernel of the lab`, {
      hint: `name one of ${names.join(', ')}`,
    });
  }
  return name;
}
