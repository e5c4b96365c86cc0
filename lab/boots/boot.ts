/**
 * One boot of a real kernel in QEMU for a test that is no rehearsal: it may end in any way, and all that is looked at is what the console
 * said. The machine is a rehearsal's (its disk, its first initramfs, its crash kernel); what is done in it is up to a workload,
 * which runs as root before the panic.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Progress, silentProgress } from '../../src/base/progress.ts';
import { cacheDir } from '../../src/sys/cache-dir.ts';
import { guestPrograms } from '../../src/tools/rehearse/foreign-programs.ts';
import { rehearsalGuest } from '../../src/tools/rehearse/guest.ts';
import { buildGuestFiles } from '../../src/tools/rehearse/guest-files.ts';
import { checkPrograms, chooseKernel, type RehearsalPlan } from '../../src/tools/rehearse/plan.ts';
import { type GuestEnd, type OnLine, runGuest } from '../../src/tools/rehearse/qemu.ts';
import { silenceLimit } from '../../src/tools/rehearse/watch.ts';
import type { GuestKernelName } from '../guests/kernels.ts';
import { labPlan } from '../guests/plan.ts';

export interface Boot {
  readonly kernel: GuestKernelName;
  /** A TypeScript file; see RehearsalPlan. */
  readonly workload: string;
  /** The value of crashkernel=; none is reserved when undefined. */
  readonly crashkernel?: string;
  readonly load: RehearsalPlan['load'];
  readonly diskFiles?: ReadonlyMap<string, string>;
  /** Words for the first kernel's command line. */
  readonly parameters?: readonly string[];
  /** The guest's RAM is this file, which it shares with us. */
  readonly memoryFile?: string;
  /** An EFI firmware's file. */
  readonly firmware?: string;
  /** Sees every line of the console. */
  readonly onLine?: OnLine;
  /** Seconds; 300 when not given. */
  readonly timeout?: number;
}

export interface Booted {
  readonly end: GuestEnd;
  /** The whole console. */
  readonly console: string;
}

/** An emulated timer can be late: the kernel panics then at its check of it (check_timer() of arch/x86/kernel/apic/io_apic.c, Linux 6.1). */
const patientTimer = 'no_timer_check';

/** E_NEEDS for missing programs. */
export async function boot(request: Boot, progress: Progress = silentProgress): Promise<Booted> {
  const { timeout = 300 } = request;
  const plan = await labPlan(
    request.kernel,
    {
      load: request.load,
      crashkernel: request.crashkernel ?? '',
      workload: request.workload,
      timeout,
      ...(request.diskFiles === undefined ? {} : { diskFiles: request.diskFiles }),
    },
    progress,
  );
  const { arch } = plan;
  checkPrograms(arch);
  const kernel = await chooseKernel(plan, progress);
  const work = mkdtempSync(join(cacheDir('boots'), 'run-'));
  try {
    const built = await buildGuestFiles(work, plan, kernel, await guestPrograms(arch, plan.node, progress));
    const serialLog = join(work, 'serial.log');
    const guest = await rehearsalGuest(plan, built, {
      serialLog,
      parameters: [...(arch === 'x86_64' ? [patientTimer] : []), ...(request.parameters ?? [])],
      ...(request.firmware === undefined ? {} : { firmware: request.firmware }),
      ...(request.memoryFile === undefined ? {} : { memoryFile: request.memoryFile }),
    });
    const run = await runGuest(
      guest,
      { total: timeout, silence: silenceLimit, abort: new AbortController().signal },
      request.onLine ?? (() => undefined),
    );
    return { end: run.end, console: readFileSync(serialLog, 'latin1') };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
