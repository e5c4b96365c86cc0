/**
 * Loading a kernel: the one that a panic boots (`-p`) or that `kexec -e` reboots into (`-l`), by either system call.
 *
 * kexec_file_load(2) is tried first: the kernel reads the images itself, may check their signatures, and lays out everything. Where it
 * is missing (Debian's arm64 kernels) or does not know the image, kexec_load(2) is, with a layout of ours; never after a
 * signature was refused, which would get round it.
 */
import type { VmcoreError } from '../../base/errors.ts';
import { type Errno, KexecFlag, kexecLoad } from '../../sys/kexec.ts';
import { type FileLoad, loadByFile, unloadByFile } from './load-file.ts';
import { type LoadCall, mayTryKexecLoad, refusal } from './refusal.ts';
import type { LoadPlan } from './segment.ts';
import { checkLoaded, checkReservation, isLoaded, type LoadKind, reservedBytes } from './status.ts';

/** `auto`: kexec_file_load, then kexec_load. */
export type CallChoice = LoadCall | 'auto';

export interface LoadRequest extends FileLoad {
  readonly call: CallChoice;
  /** Lays out the segments of kexec_load; called only when they are needed. */
  readonly plan: () => Promise<LoadPlan>;
  /** The kernel keeps the ELF core header up to date when processors or memory come and go (Linux 6.10). */
  readonly hotplug: boolean;
}

/** Loads it, checks that it is loaded, and says by which call. E_NEEDS, E_FILE or E_SYSCALL say what is in the way. */
export async function loadKernel(request: LoadRequest): Promise<LoadCall> {
  if (request.kind === 'crash') checkReservation();
  const call = await loadByEither(request);
  checkLoaded(request.kind);
  return call;
}

async function loadByEither(request: LoadRequest): Promise<LoadCall> {
  if (request.call !== 'kexec_load') {
    const errno = await loadByFile(request);
    if (errno === undefined) return 'kexec_file_load';
    if (request.call === 'kexec_file_load' || !mayTryKexecLoad(errno.name)) {
      throw refused('kexec_file_load', errno, request);
    }
  }
  const errno = loadPlan(await request.plan(), request);
  if (errno !== undefined) throw refused('kexec_load', errno, request);
  return 'kexec_load';
}

function loadPlan(plan: LoadPlan, { kind, hotplug }: LoadRequest): Errno | undefined {
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
    if (call === calls.at(-1) || !mayTryKexecLoad(errno.name)) throw refused(call, errno, { kind });
  }
}

/** kexec_load with no segments (kernel/kexec.c, do_kexec_load). */
const unloadBySegments = (kind: LoadKind): Errno | undefined =>
  kexecLoad({ arch: undefined, entry: 0, segments: [], flags: kind === 'crash' ? KexecFlag.onCrash : 0 });

function refused(
  call: LoadCall,
  errno: Errno,
  { kind, kernel }: { readonly kind: LoadKind; readonly kernel?: string },
): VmcoreError {
  return refusal({
    call,
    errno: errno.name,
    kernel,
    reserved: kind === 'crash' ? reservedBytes() : undefined,
  });
}
