/** Machines whose crash kernel we loaded, panicked: one boot of QEMU each. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type GuestKernelName, guestKernels } from '../../lab/guests/kernels.ts';
import { labPlan } from '../../lab/guests/plan.ts';
import { silentProgress } from '../../src/base/progress.ts';
import { debianKernel } from '../../src/tools/rehearse/debian.ts';
import type { RehearsalPlan } from '../../src/tools/rehearse/plan.ts';
import { rehearse } from '../../src/tools/rehearse/rehearse.ts';
import type { RehearsalReport } from '../../src/tools/rehearse/report.ts';
import { vmcore } from '../command.ts';

/** The path of a program of lab/boots. */
export const workload = (name: string): string =>
  fileURLToPath(new URL(`../../lab/boots/${name}`, import.meta.url));

/** What is armed, and how. */
export interface Armed {
  readonly kernel: GuestKernelName;
  readonly load: RehearsalPlan['load'];
  readonly workload?: string;
  /** Of the other architecture: what a refusal needs. */
  readonly foreign?: GuestKernelName;
}

export interface PanickedMachine {
  readonly report: RehearsalReport;
  readonly kept: string;
}

/** Arms, panics, saves; the dump and the console stay in a folder of `folder`. */
export async function armAndPanic(armed: Armed, folder: string): Promise<PanickedMachine> {
  const kept = join(folder, `${armed.kernel}-${armed.load}`);
  const diskFiles = new Map<string, string>();
  if (armed.foreign !== undefined) {
    const foreign = await debianKernel({ ...guestKernels[armed.foreign], progress: silentProgress });
    diskFiles.set('boot/foreign-kernel', foreign.vmlinuz);
  }
  const plan = await labPlan(armed.kernel, {
    load: armed.load,
    keep: { folder: kept, raw: false },
    workload: armed.workload,
    diskFiles,
  });
  const report = await rehearse(plan, silentProgress, new AbortController().signal);
  return { report, kept };
}

/** The dump is the crash: the log ends in the panic, every page of RAM is in it or known to be left out, and others read it. */
export function checkDump({ report, kept }: PanickedMachine): void {
  const { info } = report.found;
  assert.equal(info.arch, report.machine.arch);
  assert.equal(info.release, report.kernel.release);
  assert.match(info.panic ?? '', /sysrq triggered crash/);
  assert.equal(info.incomplete, false);
  assert.equal(info.cpus, 2);
  assert.deepEqual(info.missing, []);
  assert.equal(info.pages.present + info.pages.excluded, info.pages.ram);
  // The memory of the machine, less the crash kernel's and what firmware and kernel keep back before they count.
  const bytes = info.pages.ram * info.pageSize;
  assert.ok(bytes > (1024 - 256 - 16) * 2 ** 20 && bytes <= (1024 - 256) * 2 ** 20, `${bytes} bytes of RAM`);
  const log = vmcore('dmesg', join(kept, 'vmcore')).stdout.toString('latin1');
  assert.match(log, /Kernel panic - not syncing: sysrq triggered crash/);
  assert.equal(log, readFileSync(join(kept, 'vmcore-dmesg.txt'), 'latin1'));
}
