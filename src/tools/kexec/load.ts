/**
 * Loading a kernel: the one that a panic boots (`-p`) or that `kexec -e` reboots into (`-l`), by either system call.
 *
 * kexec_file_load(2) is tried first: the kernel reads the images itself, may check their signatures, and lays out everything. Where it
 * is missing (Debian's arm64 kernels) or does not know the image, kexec_load(2) is, with a layout of ours; never after a
 * signature was refused, which would get round it. A kernel that is wanted unpacked is tried that way before: what the kernel then
 * permits is no way round anything, and where it wants signatures (lockdown) it does not permit kexec_load at all.
 */
import { VmcoreError } from '../../base/errors.ts';
import { type Errno, KexecFlag, kexecLoad } from '../../sys/kexec.ts';
import { type FileLoad, loadByFile, unloadByFile } from './load-file.ts';
import { isOutOfRoom, type LoadCall, mayTryKexecLoad, refusal } from './refusal.ts';
import type { LoadPlan } from './segment.ts';
import { checkLoaded, checkReservation, isLoaded, type LoadKind, reservedBytes } from './status.ts';

/** `auto`: kexec_file_load, then kexec_load. */
export type CallChoice = LoadCall | 'auto';

export interface LoadRequest {
  readonly kind: LoadKind;
  readonly call: CallChoice;
  /** The kernel image's file, for messages. */
  readonly name: string;
  /** What kexec_file_load gets; undefined when no loader of the kernel takes the image. */
  readonly files: Omit<FileLoad, 'kind'> | undefined;
  /** Lays out the segments of kexec_load; called only when they are needed. */
  readonly plan: () => LoadPlan;
  /** Tried first, by kexec_load; whatever is in its way, the kernel is loaded as it comes. */
  readonly unpacked?: UnpackedLoad;
  /** The kernel keeps the ELF core header up to date when processors or memory come and go (Linux 6.10). */
  readonly hotplug: boolean;
}

/** The kernel as what it would unpack itself to: see images/unpacked.ts. */
export interface UnpackedLoad {
  readonly plan: () => LoadPlan;
  readonly hotplug: boolean;
  /** It cannot be loaded so. */
  readonly onRefusal: (why: VmcoreError) => void;
}

/** Loads it, checks that it is loaded, and says by which call. E_NEEDS, E_FILE or E_SYSCALL say what is in the way. */
export function loadKernel(request: LoadRequest): LoadCall {
  if (request.kind === 'crash') checkReservation();
  const call = loadByEither(request);
  checkLoaded(request.kind);
  return call;
}

function loadByEither(request: LoadRequest): LoadCall {
  const { kind, call, name, files, unpacked } = request;
  if (unpacked !== undefined && isLoadedUnpacked(unpacked, request)) return 'kexec_load';
  if (call !== 'kexec_load' && files !== undefined) {
    const errno = loadByFile({ kind, ...files });
    if (errno === undefined) return 'kexec_file_load';
    if (call === 'kexec_file_load' || !mayTryKexecLoad(errno.name)) {
      // The kernel does not say how much is missing: a plan of the same does, by an error of its own.
      if (kind === 'crash' && isOutOfRoom(errno.name)) request.plan();
      throw refused('kexec_file_load', errno, kind, name);
    }
  }
  if (call === 'kexec_file_load') {
    throw new VmcoreError('E_UNSUPPORTED', 'kexec_file_load takes no such image', {
      file: name,
      hint: 'load it with -c, or load the bzImage or Image made from it',
    });
  }
  const errno = loadPlan(request.plan(), request);
  if (errno !== undefined) throw refused('kexec_load', errno, kind, name);
  return 'kexec_load';
}

function isLoadedUnpacked({ plan, hotplug, onRefusal }: UnpackedLoad, { kind, name }: LoadRequest): boolean {
  try {
    const errno = loadPlan(plan(), { kind, hotplug });
    if (errno === undefined) return true;
    onRefusal(refused('kexec_load', errno, kind, name));
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    onRefusal(error);
  }
  return false;
}

function loadPlan(
  plan: LoadPlan,
  { kind, hotplug }: Pick<LoadRequest, 'kind' | 'hotplug'>,
): Errno | undefined {
  const segments = plan.segments.map(({ data, address, size }) => ({ data, address, size }));
  const flags = (kind === 'crash' ? KexecFlag.onCrash : 0) | (hotplug ? KexecFlag.crashHotplug : 0);
  return kexecLoad({ arch: plan.arch, entry: plan.entry, segments, flags });
}

/** Unloads what is loaded of that kind; fine when nothing is. */
export function unloadKernel(kind: LoadKind, choice: CallChoice): void {
  if (!isLoaded(kind)) return;
  const calls: readonly LoadCall[] = choice === 'auto' ? ['kexec_file_load', 'kexec_load'] : [choice];
  for (const call of calls) {
    const errno = call === 'kexec_file_load' ? unloadByFile(kind) : unloadBySegments(kind);
    if (errno === undefined) return;
    if (call === calls.at(-1) || !mayTryKexecLoad(errno.name)) throw refused(call, errno, kind);
  }
}

/** kexec_load with no segments (kernel/kexec.c, do_kexec_load). */
const unloadBySegments = (kind: LoadKind): Errno | undefined =>
  kexecLoad({ arch: undefined, entry: 0, segments: [], flags: kind === 'crash' ? KexecFlag.onCrash : 0 });

const refused = (call: LoadCall, errno: Errno, kind: LoadKind, kernel?: string): VmcoreError =>
  refusal({
    call,
    errno: errno.name,
    kernel,
    reserved: kind === 'crash' ? reservedBytes() : undefined,
  });
