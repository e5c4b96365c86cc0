/**
 * One boot that is panicked and captured: the machine of a rehearsal, with a capture image, disks and servers as a test wants them. Unlike a
 * rehearsal it may end in any way; what is returned is all that can be known of it.
 *
 *     const { console, events, disk } = await panicAndSave({ folder, kdumpConf: 'ext4 /dev/vdb\nfinal_action poweroff\n', disks: [...] });
 *
 * The machine's own disk is /dev/vda, an ext4 with an empty /var/crash. It holds kernel and capture image, and can be a target too.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Progress, silentProgress } from '../../src/base/progress.ts';
import type { CpioEntry } from '../../src/tools/kdumpctl/image/cpio.ts';
import type { ProgramImage } from '../../src/tools/kdumpctl/image/squashfs.ts';
import { type LoggedEvent, parseJournalLine } from '../../src/tools/kdumpctl/journal.ts';
import type { GuestDisk, GuestNetwork } from '../../src/tools/rehearse/devices.ts';
import { guestPrograms } from '../../src/tools/rehearse/foreign-programs.ts';
import { rehearsalGuest } from '../../src/tools/rehearse/guest.ts';
import { buildGuestFiles } from '../../src/tools/rehearse/guest-files.ts';
import {
  checkPrograms,
  chooseKernel,
  type ReadyImage,
  type RehearsalPlan,
} from '../../src/tools/rehearse/plan.ts';
import { type GuestEnd, type OnLine, runGuest } from '../../src/tools/rehearse/qemu.ts';
import { captureLog, type Step, Timeline } from '../../src/tools/rehearse/timeline.ts';
import { silenceLimit } from '../../src/tools/rehearse/watch.ts';
import type { GuestKernelName } from '../guests/kernels.ts';
import { labPlan } from '../guests/plan.ts';

export interface PanicAndSave {
  /** A folder of the caller's, who removes it: disk.img and serial.log are in it afterwards. */
  readonly folder: string;
  /** 6.1-x86_64 when not given. */
  readonly kernel?: GuestKernelName;
  /** /etc/kdump.conf of the capture image; ext4 on /dev/vda below /var/crash, zstd, level 31, and off, when not given. */
  readonly kdumpConf?: string;
  /** More files of the capture image, such as /etc/vmcore/network.json and what a hook runs. */
  readonly files?: readonly CpioEntry[];
  /** More modules of the capture image, such as xfs. Those of the disks' buses, of the network card and of ext4 are in it. */
  readonly modules?: readonly string[];
  /** A squashfs in place of the one with node and our code, in the capture image. */
  readonly program?: ProgramImage;
  /** A whole capture image in place of all of the above. */
  readonly image?: ReadyImage;
  /** See RehearsalPlan; "auto" when not given. */
  readonly load?: RehearsalPlan['load'];
  /** More words for the capture kernel's command line. */
  readonly captureParameters?: readonly string[];
  /** /dev/vdb, … on the bus virtio (one later with a workload, which has a disk of its own). */
  readonly disks?: readonly GuestDisk[];
  readonly network?: GuestNetwork;
  /** Bytes; 1 GiB when not given. */
  readonly memory?: number;
  /** The value of crashkernel=; 256M when not given. */
  readonly crashkernel?: string;
  /** Two when not given. */
  readonly cpus?: number;
  /** A TypeScript file that node runs as root before the panic; see RehearsalPlan. */
  readonly workload?: string;
  /** More files for the machine's disk, which is mounted at /mnt until the panic; see RehearsalPlan. */
  readonly diskFiles?: ReadonlyMap<string, string>;
  /** A Unix socket where QEMU takes orders (QMP). */
  readonly monitor?: string;
  /** The model of the processors, as -cpu of qemu(1) has it. */
  readonly processor?: string;
  /** More words for the first kernel's command line. */
  readonly parameters?: readonly string[];
  /** Sees every line of the console; 'stop' ends the machine. */
  readonly onLine?: OnLine;
  /** Seconds; 300 when not given. */
  readonly timeout?: number;
}

export interface PanickedAndSaved {
  /** "powered-off" also when it restarted: the journal's final-action tells which was asked for. */
  readonly end: GuestEnd;
  readonly seconds: number;
  /** All of both kernels. */
  readonly console: string;
  /** The capture kernel's part of it. */
  readonly captureConsole: string;
  /** The journal of the capture kernel, in its order. */
  readonly events: readonly LoggedEvent[];
  /** Where the time went, as far as it got. */
  readonly steps: readonly Step[];
  /** The machine's own disk, /dev/vda. */
  readonly disk: string;
  /** The workload's, /dev/vdb, when there was one. */
  readonly scratchDisk: string | undefined;
}

/** Level 31, zstd, to the machine's own disk. */
const usualConf = [
  'ext4 /dev/vda',
  'path /var/crash',
  'core_collector makedumpfile -z -d 31',
  'final_action poweroff',
  '',
].join('\n');

/** E_NEEDS for missing programs. */
export async function panicAndSave(
  request: PanicAndSave,
  progress: Progress = silentProgress,
): Promise<PanickedAndSaved> {
  const { timeout = 300, onLine = () => undefined } = request;
  const plan = await labPlan(
    request.kernel ?? '6.1-x86_64',
    {
      workload: request.workload,
      timeout,
      capture: request.image ?? {
        kind: 'made',
        kdumpConf: request.kdumpConf ?? usualConf,
        modules: request.modules ?? [],
        files: request.files ?? [],
        ...(request.program === undefined ? {} : { program: request.program }),
      },
      disks: request.disks ?? [],
      captureParameters: request.captureParameters ?? [],
      load: request.load ?? 'auto',
      ...(request.network === undefined ? {} : { network: request.network }),
      ...(request.memory === undefined ? {} : { memory: request.memory }),
      ...(request.crashkernel === undefined ? {} : { crashkernel: request.crashkernel }),
      ...(request.cpus === undefined ? {} : { cpus: request.cpus }),
      ...(request.diskFiles === undefined ? {} : { diskFiles: request.diskFiles }),
    },
    progress,
  );
  checkPrograms(plan.arch);
  const kernel = await chooseKernel(plan, progress);
  const programs = await guestPrograms(plan.arch, plan.node, progress);
  const built = await buildGuestFiles(request.folder, plan, kernel, programs);
  const serialLog = join(request.folder, 'serial.log');
  const guest = await rehearsalGuest(plan, built, {
    serialLog,
    parameters: request.parameters ?? [],
    ...(request.monitor === undefined ? {} : { monitor: request.monitor }),
    ...(request.processor === undefined ? {} : { processor: request.processor }),
  });
  const timeline = new Timeline();
  const run = await runGuest(
    guest,
    { total: timeout, silence: silenceLimit, abort: new AbortController().signal },
    (line, seconds, processorSeconds) => {
      timeline.line(line, seconds);
      return onLine(line, seconds, processorSeconds);
    },
  );
  timeline.off(run.seconds);
  const console = readFileSync(serialLog, 'latin1');
  const captureConsole = captureLog(console);
  return {
    end: run.end,
    seconds: run.seconds,
    console,
    captureConsole,
    events: captureConsole.split('\n').flatMap((line) => parseJournalLine(line) ?? []),
    steps: timeline.steps,
    disk: built.disk,
    scratchDisk: built.scratchDisk,
  };
}
