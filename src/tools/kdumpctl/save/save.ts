/**
 * The save flow, run in the capture kernel: /proc/vmcore becomes a dump that survives the reboot.
 *
 * The order loses nothing: why the machine went down is told first; the small files that are often all that is needed are safe before the dump is
 * tried; the dump has a name that says it is not finished until it is safe. A step that fails is told and, where the dump can still
 * be had, does not stop the rest. What is written is never removed.
 *
 * Stage 0 (stage0.sh) runs this, looks after it, and does what is configured when it fails.
 */
import { ExitStatus, errorLine, VmcoreError } from '../../../base/errors.ts';
import { nativeCodecs } from '../../../codecs/native.ts';
import type { Dump } from '../../../formats/dump.ts';
import { openDump } from '../../../formats/open.ts';
import { openFile, openFileUnmapped } from '../../../sys/file-source.ts';
import { targetText } from '../conf/target.ts';
import type { Journal } from '../journal.ts';
import { kernelLogText } from '../kernel-log.ts';
import { watchMemory } from '../memory-watch.ts';
import { openExplained } from '../missing-vmcore.ts';
import type { DumpStore } from '../targets/dump-store.ts';
import type { BlockingCall } from '../targets/store-place.ts';
import { type FenceNotices, startFenceNotices } from './fence.ts';
import { startHeartbeat } from './heartbeat.ts';
import { forbids, type Hook, type HookFolders, hooksIn, runHook } from './hooks.ts';
import { leaveMark } from './marks.ts';
import { dumpNames } from './names.ts';
import type { SavePlan } from './plan.ts';
import { tellEnvironment, tellReason } from './reason.ts';
import { type SmallFile, smallFiles } from './small-files.ts';
import { Steps, stepLimits } from './steps.ts';
import { type Watchers, type WriteRequest, writeDump, writeRaw } from './write-dump.ts';

/**
 * "first": the usual one. "again": the one before died by a signal, so this one takes the least memory, and the hooks before the save have run.
 * "rootfs": failure_action dump_to_rootfs, to another target and without hooks.
 */
export const attempts = ['first', 'again', 'rootfs'] as const;
export type Attempt = (typeof attempts)[number];

export interface SaveRequest {
  /** /proc/vmcore, or another dump to try the flow on. */
  readonly vmcore: string;
  readonly plan: SavePlan;
  readonly attempt: Attempt;
  /** "raw": the whole ELF vmcore is saved too, as vmcore.elf. */
  readonly also: 'nothing' | 'raw';
  readonly hookFolders: HookFolders;
  /** Seconds for each hook. */
  readonly hookLimit: number;
  /**
   * Brings up the network that the target or the cluster needs, within a limit, and tells this machine's address; undefined when the image
   * brings none.
   */
  readonly openNetwork: ((journal: Journal) => Promise<string>) | undefined;
  /** Opens the target, within a limit. `address`: this machine's, in the name of the dump's folder. */
  readonly openStore: (address: string, journal: Journal, blocking: BlockingCall) => Promise<DumpStore>;
  /** Ends the save, which keeps what it has. */
  readonly abort: AbortSignal;
}

export type SaveResult =
  | {
      readonly outcome: 'saved';
      /** For people: target, folder and name. */
      readonly place: string;
      /** Pages that could not be read: the dump is marked incomplete. */
      readonly lost: number;
    }
  /** kdump_pre wanted no dump. */
  | { readonly outcome: 'forbidden' };

/**
 * What the command ends with, and what the hooks after the save are told: 0 saved, or forbidden; 4 saved, but pages of the memory could not be
 * read; else the dump is not there, or not whole for want of room: never 4, because another target may do better.
 */
export const statusOf = (result: SaveResult): ExitStatus =>
  result.outcome === 'saved' && result.lost > 0 ? ExitStatus.incomplete : ExitStatus.done;
export function statusOfError(error: unknown): ExitStatus {
  if (!(error instanceof VmcoreError) || error.exitStatus === ExitStatus.incomplete) return ExitStatus.failed;
  return error.exitStatus;
}

/** Runs the whole flow. Throws what stopped it, after what could be saved was saved, and told it. */
export async function save(request: SaveRequest, journal: Journal): Promise<SaveResult> {
  const memory = watchMemory();
  const heartbeat = startHeartbeat();
  const steps = new Steps(journal, heartbeat);
  const watchers: Watchers = { journal, memory, heartbeat, steps };
  const { plan, attempt } = request;
  journal.event('save-start', { target: targetText(plan.target), attempt, ...memory.headroom() });
  let store: DumpStore | undefined;
  let notices: FenceNotices | undefined;
  /** Undefined: the hooks after the save have nothing to hear of. */
  let status: ExitStatus | undefined;
  try {
    tellEnvironment(journal);
    const dump = await steps.timed('open vmcore', () => openVmcore(request));
    const log = await steps.timed('tell reason', () => reasonOf(dump, journal));
    if (attempt === 'first' && (await forbidden(request, watchers))) return { outcome: 'forbidden' };
    const address = await networkUp(request, watchers);
    notices = startFenceNotices(plan.fence, journal);
    store = await steps.limited('open target', stepLimits.openTarget, () =>
      request.openStore(address, journal, heartbeat.blocking),
    );
    const result = await saveInto(store, dump, log, request, watchers);
    status = statusOf(result);
    return result;
  } catch (error) {
    status = statusOfError(error);
    tellFailure(error, journal);
    throw error;
  } finally {
    if (status !== undefined && attempt !== 'rootfs') await runHooksAfter(status, request, watchers);
    if (store !== undefined) {
      if (status !== undefined) leaveMark('decided', `${status}\n`);
      await letGo(store, watchers);
    }
    notices?.stop();
    steps.tell();
  }
}

/** One event: what failed, for the console and for the log beside the dump. */
export function tellFailure(error: unknown, journal: Journal): void {
  const code = error instanceof VmcoreError ? error.code : 'BUG';
  journal.event('save-failed', { code, message: errorLine(error) });
}

function openVmcore({ vmcore, plan: { collector }, attempt }: SaveRequest): Dump {
  // A mapping shows memory without copying it, and takes page tables for what it shows.
  const isMapped = attempt !== 'again' && (collector.kind === 'copy' || collector.access === 'map');
  return openDump(openExplained(vmcore, isMapped ? openFile : openFileUnmapped), {
    codecs: nativeCodecs(),
    cutShort: 'accept',
  });
}

type CrashedLog = ReturnType<typeof tellReason>;

/** Not to know must not cost the dump, whatever is wrong, and be it our own code. */
function reasonOf(dump: Dump, journal: Journal): CrashedLog {
  try {
    return tellReason(dump, journal);
  } catch (error) {
    journal.event('reason-failed', { message: errorLine(error) });
    return undefined;
  }
}

/** Whether kdump_pre wants no dump. Nothing else of what runs before the save can keep it from being tried. */
async function forbidden(
  { plan, hookFolders, hookLimit }: SaveRequest,
  { journal, steps }: Watchers,
): Promise<boolean> {
  const program = plan.hooks.before;
  if (program !== undefined) {
    const hook: Hook = { name: 'kdump_pre', program, args: [] };
    const end = await steps.waited(hook.name, () => runHook(hook, hookLimit, journal));
    if (forbids(end)) {
      journal.event('dump-forbidden', {
        message: `kdump_pre (${program}) ended with status ${end.status}: no dump is saved`,
      });
      return true;
    }
  }
  for (const hook of hooksIn(hookFolders.before, 'pre.d')) {
    await steps.waited(hook.name, () => runHook(hook, hookLimit, journal));
  }
  return false;
}

/** The address that local dumps are filed under, as kdump-utils do. */
const localAddress = '127.0.0.1';

/** This machine's address, for the name of the folder. A local target is saved to without a network too. */
async function networkUp(
  { plan: { target }, openNetwork }: SaveRequest,
  { journal, steps }: Watchers,
): Promise<string> {
  const isRemote = target.kind === 'ssh' || target.kind === 'nfs';
  if (openNetwork === undefined) return localAddress;
  try {
    const address = await steps.limited('network', stepLimits.network, () => openNetwork(journal));
    return isRemote ? address : localAddress;
  } catch (error) {
    if (isRemote || !(error instanceof VmcoreError)) throw error;
    journal.event('network-failed', { message: error.toLine() });
    return localAddress;
  }
}

/** post.d is looked into only now: a hook before the save may have put something there. */
async function runHooksAfter(
  status: ExitStatus,
  { plan, hookFolders, hookLimit }: SaveRequest,
  { journal, steps }: Watchers,
): Promise<void> {
  leaveMark('postRan');
  const hooks: readonly Hook[] = [
    ...hooksIn(hookFolders.after, 'post.d'),
    ...(plan.hooks.after === undefined
      ? []
      : [{ name: 'kdump_post', program: plan.hooks.after, args: [] } as const]),
  ];
  for (const hook of hooks) {
    const told: Hook = { ...hook, args: [String(status)] };
    await steps.waited(hook.name, () => runHook(told, hookLimit, journal));
  }
}

async function saveInto(
  store: DumpStore,
  dump: Dump,
  log: CrashedLog,
  { plan: { collector, target }, attempt, also, abort }: SaveRequest,
  watchers: Watchers,
): Promise<SaveResult> {
  const { journal, memory } = watchers;
  for (const file of smallFiles) await saveSmallFile(store, dump, log, file, watchers);
  const memoryUse = attempt === 'again' ? 'least' : 'usual';
  const writing: WriteRequest = { dump, collector, target: target.kind, store, memoryUse, abort };
  const { name, lost } = await writeDump(writing, watchers);
  const place = `${store.place}/${name}`;
  journal.event('dump-saved', { path: place, lost, ...memory.headroom() });
  // A raw device holds one thing, and that is the dump.
  if (also === 'raw' && target.kind !== 'raw') {
    await writeRaw(writing, watchers);
    journal.event('raw-saved', { bytes: dump.source.size, ...memory.headroom() });
  }
  return { outcome: 'saved', place, lost };
}

/** One that cannot be made or kept must not cost the dump, whatever is wrong, and be it our own code. */
async function saveSmallFile(
  store: DumpStore,
  dump: Dump,
  log: CrashedLog,
  { name, make, event }: SmallFile,
  { journal, steps }: Watchers,
): Promise<void> {
  try {
    const bytes = await steps.limited(`save ${name}`, stepLimits.smallFile, async () => {
      const made = make(dump, log);
      return (await store.saveFile(name, made)) ? made.length : undefined;
    });
    if (bytes !== undefined) journal.event(`${event}-saved`, { name, bytes });
  } catch (error) {
    journal.event(`${event}-failed`, { name, message: errorLine(error) });
  }
}

/** The log of this kernel, as far as it goes, beside the dump; then the target is left. Everything is safe already: never throws. */
async function letGo(store: DumpStore, { journal, memory, steps }: Watchers): Promise<void> {
  try {
    await steps.limited('save log', stepLimits.smallFile, () =>
      store.saveFile(dumpNames.captureLog, Buffer.from(kernelLogText(), 'latin1')),
    );
  } catch (error) {
    journal.event('log-failed', { message: errorLine(error) });
  }
  try {
    await steps.limited('close target', stepLimits.close, () => store.close());
    journal.event('target-closed', { ...memory.headroom() });
  } catch (error) {
    journal.event('target-not-closed', { message: errorLine(error) });
  }
}
