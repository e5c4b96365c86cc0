/**
 * The rehearsal: a real kernel in QEMU is armed by our own code, panicked, and its dump brought back and opened.
 *
 *   build    program squashfs, capture image, the first machine's initramfs, its disk
 *   run      one guest: boot, arm, panic, capture kernel, save, power off (timeline.ts follows its console)
 *   take     the dump out of the guest's disk
 *   open     with the code that opens any dump
 *
 * Everything lives in a private folder below the cache that is removed at the end, whatever the end is; only the serial log
 * of a failed run stays.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VmcoreError } from '../../base/errors.ts';
import type { Progress } from '../../base/progress.ts';
import { cacheDir } from '../../sys/cache-dir.ts';
import type { CapturePrograms } from '../kdumpctl/image/programs.ts';
import { dumpNames } from '../kdumpctl/save/names.ts';
import { takeFile } from './disk.ts';
import { examineDump } from './examine.ts';
import { guestPrograms } from './foreign-programs.ts';
import { rehearsalGuest } from './guest.ts';
import { buildGuestFiles } from './guest-files.ts';
import { ownArch } from './machines.ts';
import { checkPrograms, chooseKernel, type RehearsalKernel, type RehearsalPlan } from './plan.ts';
import type { Guest } from './qemu.ts';
import type { RehearsalReport } from './report.ts';
import {
  filesToTake,
  findDump,
  keepLog,
  memoryImageName,
  newMemoryImage,
  prepareKeep,
  takeIncomplete,
} from './take-dump.ts';
import { captureLog, type Step, secondsOf, type Timeline } from './timeline.ts';
import { failureOf, watchGuest } from './watch.ts';

/** Runs a rehearsal. E_REHEARSAL when no dump came back; E_NEEDS, E_FILE ... for what is missing before that. */
export async function rehearse(
  plan: RehearsalPlan,
  progress: Progress,
  abort: AbortSignal,
): Promise<RehearsalReport> {
  checkPrograms(plan.arch);
  const keep = plan.keep && prepareKeep(plan.keep.folder);
  const kernel = await chooseKernel(plan, progress);
  const programs = await guestPrograms(plan.arch, plan.node, progress);
  const work = mkdtempSync(join(cacheDir('rehearse'), 'run-'));
  try {
    return await rehearseIn(work, plan, { kernel, programs }, keep, progress, abort);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function rehearseIn(
  work: string,
  plan: RehearsalPlan,
  { kernel, programs }: { readonly kernel: RehearsalKernel; readonly programs: CapturePrograms },
  keep: string | undefined,
  progress: Progress,
  abort: AbortSignal,
): Promise<RehearsalReport> {
  const clock = new StepClock(progress);

  clock.step('build image');
  const built = await buildGuestFiles(work, plan, kernel, programs);
  const serialLog = join(keep ?? work, 'serial.log');
  const isMemoryKept = keep !== undefined && plan.keep?.memory === true;
  const guest = await rehearsalGuest(plan, built, {
    serialLog,
    ...(isMemoryKept ? { memoryFile: newMemoryImage(keep) } : {}),
  });
  if (guest.accelerator.name === 'tcg') {
    progress.note(
      plan.arch === ownArch
        ? 'KVM does not work here: QEMU emulates the processor'
        : `QEMU emulates an ${plan.arch} processor`,
    );
  }

  clock.stop();
  const timeline = await run(guest, plan, built.disk, keep, progress, abort);

  clock.step('take from disk');
  const target = keep ?? work;
  const { folder, entries } = await findDump(built.disk);
  const kept: string[] = [];
  for (const { name, size } of filesToTake(entries, keep !== undefined)) {
    await takeFile(built.disk, `${folder}/${name}`, size ?? 0, join(target, name));
    kept.push(join(target, name));
  }
  if (keep !== undefined) {
    const captureLogFile = join(keep, 'capture.log');
    writeFileSync(captureLogFile, captureLog(readFileSync(serialLog, 'latin1')), {
      encoding: 'latin1',
      mode: 0o600,
    });
    kept.push(serialLog, captureLogFile);
    if (isMemoryKept) kept.push(join(keep, memoryImageName));
  }

  clock.step('open');
  const found = examineDump(join(target, dumpNames.dump));
  clock.stop();

  const [buildStep, ...after] = clock.steps;
  const steps = [...(buildStep ? [buildStep] : []), ...timeline.steps, ...after];
  const started = timeline.fields('stage0-start');
  return {
    kernel: { release: built.release, image: kernel.image, modules: kernel.modules },
    machine: {
      arch: plan.arch,
      accelerator: guest.accelerator.name,
      memory: plan.memory,
      cpus: plan.cpus,
      crashkernel: plan.crashkernel,
      load: loadCall(timeline.fields('armed')?.call),
      workload: plan.workload,
    },
    captureImage: built.captureImage,
    steps,
    seconds: secondsOf(steps),
    panicToOff: { seconds: secondsOf(timeline.stepsAfterPanic), steps: timeline.stepsAfterPanic },
    memory: {
      total: numberOf(started?.memTotal),
      availableAtStart: numberOf(started?.memAvailable),
      availableLowest: timeline.lowestMemoryAvailable,
      peakResident: timeline.peakResident,
    },
    dump: {
      guestPath: `${folder}/${dumpNames.dump}`,
      size: found.info.size,
      level: plan.dumpLevel,
      pages: timeline.fields('filter-done') ?? {},
    },
    found,
    kept: keep === undefined ? [] : kept,
  };
}

async function run(
  guest: Guest,
  plan: RehearsalPlan,
  disk: string,
  keep: string | undefined,
  progress: Progress,
  abort: AbortSignal,
): Promise<Timeline> {
  const watched = await watchGuest(guest, plan.timeout, progress, abort);
  const { timeline } = watched;
  const failure = failureOf(watched, plan.timeout);
  if (failure !== undefined) {
    if (watched.run.end === 'aborted')
      throw new VmcoreError('E_REHEARSAL', failure, { hint: 'run it again' });
    const rest = await takeIncomplete(disk, keep);
    throw new VmcoreError('E_REHEARSAL', rest === undefined ? failure : `${failure}; ${rest}`, {
      hint: `read the serial log ${keepLog(guest.serialLog, keep !== undefined)}`,
    });
  }
  return timeline;
}

const loadCall = (call: unknown): RehearsalReport['machine']['load'] =>
  call === 'kexec_load' ? 'load' : 'file';

const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

/** Host-side steps with their seconds, told to `progress` as they begin. */
class StepClock {
  readonly steps: Step[] = [];
  private readonly progress: Progress;
  private current: { name: string; started: number } | undefined;

  constructor(progress: Progress) {
    this.progress = progress;
  }

  step(name: string): void {
    this.stop();
    this.current = { name, started: performance.now() };
    this.progress.step(name);
  }

  stop(): void {
    if (!this.current) return;
    const { name, started } = this.current;
    this.steps.push({ name, seconds: (performance.now() - started) / 1000 });
    this.current = undefined;
  }
}
