/**
 * `vmcore kdumpctl test`: the rehearsal of one machine's configuration. Its kernel, its capture image as kdumpctl builds it, its reservation and
 * its kexec options in QEMU, crashed for real, with stand-ins for its disk or server; then whether the dump arrived, and whether memory was enough.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { VmcoreError } from '../../../base/errors.ts';
import type { Progress } from '../../../base/progress.ts';
import { cacheDir } from '../../../sys/cache-dir.ts';
import { captureCommandLine } from '../../kdumpctl/conf/capture-command-line.ts';
import type { Sysconfig } from '../../kdumpctl/conf/sysconfig.ts';
import { targetText } from '../../kdumpctl/conf/target.ts';
import { buildImage } from '../../kdumpctl/image/build-image.ts';
import type { ImagePlan } from '../../kdumpctl/image/plan.ts';
import { journalParameter } from '../../kdumpctl/journal.ts';
import { type DumpFindings, examineDump } from '../examine.ts';
import { rehearsalGuest } from '../guest.ts';
import { buildGuestFiles } from '../guest-files.ts';
import { type GuestArch, machines } from '../machines.ts';
import { checkPrograms, type RehearsalPlan } from '../plan.ts';
import type { RehearsalReport } from '../report.ts';
import { keepLog } from '../take-dump.ts';
import { secondsOf, type Timeline } from '../timeline.ts';
import { failureOf, watchGuest } from '../watch.ts';
import { type Headroom, headroomOf } from './headroom.ts';
import { type StandIn, withConf } from './stand-in.ts';
import { standInDisk } from './stand-in-disk.ts';
import { standInNfs, standInSshd } from './stand-in-server.ts';

export interface ConfigurationTestRequest {
  /** As planImage() made it on the machine. */
  readonly image: ImagePlan;
  readonly sysconfig: Pick<Sysconfig, 'commandLine' | 'kexecArgs'>;
  /** The machine's /proc/cmdline. */
  readonly commandLine: string;
  readonly arch: GuestArch;
  /** Bytes that crashkernel= reserves on the machine; a multiple of 1 MiB. */
  readonly reserved: number;
  /** Of the rehearsed machine, bytes. */
  readonly memory: number;
  readonly cpus: number;
  /** Runs before the panic; see RehearsalPlan. */
  readonly workload: string | undefined;
  /** Seconds. */
  readonly timeout: number;
}

export interface ConfigurationTest {
  /** A whole dump arrived, and opens. */
  readonly arrived: boolean;
  /** Why not. */
  readonly failure: string | undefined;
  /** The serial log of a failed run. */
  readonly serialLog: string | undefined;
  /** ISO 8601, UTC. */
  readonly when: string;
  readonly kernel: { readonly release: string; readonly image: string };
  /** The machine's own, for people. */
  readonly target: string;
  readonly machine: {
    readonly accelerator: 'kvm' | 'tcg';
    readonly memory: number;
    readonly cpus: number;
    readonly reserved: number;
  };
  readonly captureImage: { readonly size: number; readonly modules: readonly string[] };
  /** As far as it came. */
  readonly panicToOff: RehearsalReport['panicToOff'];
  readonly headroom: Headroom;
  readonly found: DumpFindings | undefined;
  /** What was otherwise than on the machine, a line each. */
  readonly differences: readonly string[];
}

/** E_NEEDS for missing programs, E_UNSUPPORTED for a target that nothing can stand in for. A dump that does not arrive is a result, not an error. */
export async function testConfiguration(
  request: ConfigurationTestRequest,
  progress: Progress,
  abort: AbortSignal,
): Promise<ConfigurationTest> {
  checkPrograms(request.arch);
  const work = mkdtempSync(join(cacheDir('rehearse'), 'test-'));
  try {
    progress.step('build the stand-ins');
    const standIn = await standInFor(request, work);
    try {
      return await rehearseWith(standIn, request, work, progress, abort);
    } finally {
      await standIn.close();
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Room beside a dump with every page: file system, journal. */
const diskOverhead = 512 * 2 ** 20;

function standInFor({ image, memory }: ConfigurationTestRequest, work: string): Promise<StandIn> {
  const { target } = image.conf;
  switch (target.kind) {
    case 'filesystem':
    case 'raw':
      return standInDisk(image, target, work, 2 * memory + diskOverhead);
    case 'nfs':
      return standInNfs(image, target, work);
    case 'ssh':
      return standInSshd(image, target, work);
    case 'virtiofs':
      throw new VmcoreError('E_UNSUPPORTED', 'a virtiofs target cannot be rehearsed: its host is not here', {
        hint: 'rehearse with a file system: vmcore kdumpctl test --config FILE',
      });
  }
}

async function rehearseWith(
  standIn: StandIn,
  request: ConfigurationTestRequest,
  work: string,
  progress: Progress,
  abort: AbortSignal,
): Promise<ConfigurationTest> {
  progress.step('build the capture image');
  const { plan: image, more } = endingByItself(standIn.plan);
  const initramfs = join(work, 'capture.img');
  const built = await buildImage(image, initramfs);
  const plan = rehearsalPlan(request, image, standIn, initramfs);
  const files = await buildGuestFiles(
    work,
    plan,
    { image: image.kernel.image, modules: image.kernel.moduleTree },
    image.programs,
  );
  const serialLog = join(work, 'serial.log');
  const guest = await rehearsalGuest(plan, files, { serialLog });
  const watched = await watchGuest(guest, request.timeout, progress, abort);
  const { timeline } = watched;
  const taken = await take(standIn, failureOf(watched, request.timeout), progress);
  const { reserved } = request;
  const arrived = taken.failure === undefined;
  return {
    arrived,
    failure: taken.failure,
    serialLog: arrived ? undefined : keepLog(serialLog, false),
    when: new Date().toISOString(),
    kernel: { release: files.release, image: image.kernel.image },
    target: targetText(request.image.conf.target),
    machine: {
      accelerator: guest.accelerator.name,
      memory: request.memory,
      cpus: request.cpus,
      reserved,
    },
    captureImage: { size: built.size, modules: built.modules },
    panicToOff: { seconds: secondsOf(timeline.stepsAfterPanic), steps: timeline.stepsAfterPanic },
    headroom: headroomOf(
      { arrived, reserved, leastAvailable: timeline.lowestMemoryAvailable },
      memoryOf(timeline),
    ),
    found: taken.found,
    differences: [...standIn.differences, ...more],
  };
}

/** Nobody sits at the console of a rehearsal, and a halted machine does not end. */
function endingByItself(plan: ImagePlan): { readonly plan: ImagePlan; readonly more: readonly string[] } {
  const { failureAction, finalAction } = plan.conf;
  const waits = failureAction === 'shell' || failureAction === 'halt' || finalAction === 'halt';
  if (!waits) return { plan, more: [] };
  return {
    plan: withConf(plan, {
      ...plan.conf,
      failureAction: failureAction === 'shell' || failureAction === 'halt' ? 'poweroff' : failureAction,
      finalAction: finalAction === 'halt' ? 'poweroff' : finalAction,
    }),
    more: ['the machine is powered off where the configuration says shell or halt'],
  };
}

function rehearsalPlan(
  request: ConfigurationTestRequest,
  image: ImagePlan,
  { disks, network }: StandIn,
  file: string,
): RehearsalPlan {
  const { arch, memory, cpus, workload, timeout, reserved, sysconfig } = request;
  const captureLine = captureCommandLine(sysconfig, {
    commandLine: request.commandLine,
    // The rehearsed machine's.
    bootApicId: arch === 'x86_64' ? 0 : undefined,
    watchdogs: image.watchdogs,
  });
  return {
    arch,
    load: 'auto',
    kernel: undefined,
    memory,
    crashkernel: `${reserved / 2 ** 20}M`,
    cpus,
    dumpLevel: 31,
    keep: undefined,
    workload,
    capture: { kind: 'ready', file },
    captureCommandLine: [
      ...captureLine.split(' ').filter((word) => !word.startsWith('console=')),
      `console=${machines[arch].console}`,
      journalParameter,
    ].join(' '),
    kexecArgs: sysconfig.kexecArgs,
    disks,
    ...(network === undefined ? {} : { network }),
    timeout,
    node: image.programs.node,
    entry: image.entry,
  };
}

interface Taken {
  readonly failure: string | undefined;
  readonly found: DumpFindings | undefined;
}

/** The dump is what counts: one that arrived and does not open has not. */
async function take(standIn: StandIn, failure: string | undefined, progress: Progress): Promise<Taken> {
  if (failure !== undefined) return { failure, found: undefined };
  progress.step('open the dump');
  try {
    const dump = await standIn.takeDump();
    if (dump === undefined) return { failure: 'there is no dump on the target', found: undefined };
    const found = examineDump(dump);
    return {
      failure: found.info.incomplete ? 'the dump that arrived is not complete' : undefined,
      found,
    };
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    return { failure: `the dump cannot be opened: ${error.toLine()}`, found: undefined };
  }
}

/** Bytes that the capture kernel manages. */
function memoryOf(timeline: Timeline): number | undefined {
  const total = timeline.fields('stage0-start')?.memTotal;
  return typeof total === 'number' ? total : undefined;
}
