/** The machine of a rehearsal, as QEMU gets it: of what was planned, and of the files that were built for it. */
import { requireProgram } from '../../sys/programs.ts';
import { journalParameter } from '../kdumpctl/journal.ts';
import type { GuestDisk } from './devices.ts';
import type { GuestFiles } from './guest-files.ts';
import { machines } from './machines.ts';
import type { RehearsalPlan } from './plan.ts';
import type { Guest } from './qemu.ts';

/** What one run has of its own. */
export interface GuestExtras
  extends Pick<Guest, 'serialLog' | 'memoryFile' | 'firmware' | 'monitor' | 'processor'> {
  /** More words for the first kernel's command line. */
  readonly parameters?: readonly string[];
}

/** E_NEEDS without QEMU. */
export async function rehearsalGuest(
  plan: RehearsalPlan,
  built: GuestFiles,
  { parameters = [], ...extras }: GuestExtras,
): Promise<Guest> {
  const machine = machines[plan.arch];
  const qemu = requireProgram(machine.qemu);
  const own = [built.disk, ...(built.scratchDisk === undefined ? [] : [built.scratchDisk])];
  const words = [
    `console=${machine.console}`,
    ...(plan.crashkernel === '' ? [] : [`crashkernel=${plan.crashkernel}`]),
    ...['panic=-1', journalParameter, 'quiet'],
    ...parameters,
  ];
  return {
    qemu,
    accelerator: await machine.accelerator(qemu),
    kernel: built.kernel,
    initrd: built.initrd,
    commandLine: words.join(' '),
    disks: [
      ...own.map((file): GuestDisk => ({ file, bus: 'virtio', access: 'read-write' })),
      ...(plan.disks ?? []),
    ],
    ...(plan.network === undefined ? {} : { network: plan.network }),
    memory: plan.memory,
    cpus: plan.cpus,
    ...extras,
  };
}
