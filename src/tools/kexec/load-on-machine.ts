/** Loading a kernel on the machine we run on: its image in every form that one of the two system calls may take. */
import { runsUnpacked, unpackBzImage, unpackedImage } from './images/unpacked.ts';
import { type CallChoice, loadKernel, type UnpackedLoad } from './load.ts';
import { KernelFiles } from './machine/kernel-files.ts';
import { type MachinePlanRequest, planForMachine, readLoaded } from './machine-plan.ts';
import type { KexecPlan } from './plan/plan.ts';
import type { LoadCall } from './refusal.ts';

/**
 * "as it is": a packed kernel unpacks itself when it is started. "unpacked": where that can be, it is loaded as what it unpacks to. `vmlinux`: the same,
 * from the file that it was unpacked to.
 */
export type LoadForm = 'as it is' | 'unpacked' | { readonly vmlinux: string };

export interface MachineLoad extends MachinePlanRequest {
  /** The image's file. */
  readonly file: string;
  readonly call: CallChoice;
  readonly form: LoadForm;
  /** Sees what is handed to kexec_load. */
  readonly onPlan: (plan: KexecPlan) => void;
  /** Sees why the kernel is not loaded unpacked. */
  readonly onRefusal: UnpackedLoad['onRefusal'];
}

/** Returns by which call it was loaded. Errors: loadKernel()'s. */
export function loadOnMachine(load: MachineLoad): LoadCall {
  const { kind, call, file, image, initrd, commandLine, hotplug, onPlan } = load;
  const machine = new KernelFiles();
  const plan = (changes: Partial<MachinePlanRequest>): KexecPlan => {
    const laidOut = planForMachine({ ...load, ...changes }, machine);
    onPlan(laidOut);
    return laidOut;
  };
  const bundled = image.bundled?.initrd;
  const unpacked = unpackedLoad(load, machine, plan);
  return loadKernel({
    kind,
    call,
    name: file,
    files: image.fileForm && {
      // The very file, where it is one the kernel takes: its signature counts.
      kernel: image.layers.length === 1 ? { path: file } : { bytes: image.fileForm },
      initrd: initrd === undefined ? bundled && { bytes: bundled } : { path: initrd },
      commandLine,
    },
    plan: () => plan({}),
    ...(unpacked === undefined ? {} : { unpacked }),
    hotplug,
  });
}

function unpackedLoad(
  { form, call, image, file, hotplug, kind, onRefusal }: MachineLoad,
  machine: KernelFiles,
  plan: (changes: Partial<MachinePlanRequest>) => KexecPlan,
): UnpackedLoad | undefined {
  const isPacked = image.arch === 'x86_64' && image.format === 'bzImage';
  if (form === 'as it is' || call === 'kexec_file_load' || !isPacked) return undefined;
  if (!runsUnpacked(machine.cpuinfo())) return undefined;
  // kexec_file_load would have the kernel keep the ELF core header up to date without being asked (since 6.6).
  const updated =
    hotplug || (kind === 'crash' && machine.textIfThere('sys/kernel/crash_elfcorehdr_size') !== undefined);
  return {
    plan: () => {
      const vmlinux = form === 'unpacked' ? unpackBzImage(image, file) : readLoaded(form.vmlinux);
      return plan({ image: unpackedImage(image, vmlinux, file), hotplug: updated });
    },
    hotplug: updated,
    onRefusal,
  };
}
