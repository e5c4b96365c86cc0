/** The machines that QEMU can be for a rehearsal, by architecture. */
import type { Program } from '../../sys/programs.ts';
import { type Accelerator, pickAccelerator } from './accelerator.ts';

export type GuestArch = 'x86_64' | 'arm64';

export interface MachineType {
  readonly qemu: Program;
  /** The serial console, as console= names it. */
  readonly console: string;
  /** The flavour of Debian's kernel when none is given, and the suite that has one. */
  readonly debianKernel: { readonly suite: string; readonly flavour: string };
  /** How QEMU runs it here. */
  readonly accelerator: (qemu: string) => Promise<Accelerator>;
}

export const machines: Readonly<Record<GuestArch, MachineType>> = {
  x86_64: {
    qemu: { name: 'qemu-system-x86_64', debianPackage: 'qemu-system-x86' },
    console: 'ttyS0',
    debianKernel: { suite: 'bookworm', flavour: 'amd64' },
    accelerator: pickAccelerator,
  },
  arm64: {
    qemu: { name: 'qemu-system-aarch64', debianPackage: 'qemu-system-arm' },
    console: 'ttyAMA0',
    debianKernel: { suite: 'trixie', flavour: 'arm64' },
    // Emulated everywhere: KVM would need a probe of its own, and a machine of this architecture to write it on.
    accelerator: async () => ({
      name: 'tcg',
      args: ['-M', 'virt', '-cpu', 'cortex-a72', '-accel', 'tcg,thread=multi'],
    }),
  },
};

/** The architecture of this machine; undefined when it is neither. */
export const ownArch: GuestArch | undefined =
  process.arch === 'x64' ? 'x86_64' : process.arch === 'arm64' ? 'arm64' : undefined;
