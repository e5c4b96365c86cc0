/**
 * The save flow, run in the capture kernel: /proc/vmcore becomes a file that survives the reboot.
 *
 * The order loses nothing: the log first (small, and often all that is needed), then the dump under a name that says it is not finished,
 * its bytes to the disk, only then the final name, and last the directory. A step that fails is told and, where the dump can still be
 * had, does not stop the rest. What is written is never removed.
 */
import { chmodSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { VmcoreError } from '../../base/errors.ts';
import { type Progress, silentProgress } from '../../base/progress.ts';
import { nativeCodecs } from '../../codecs/native.ts';
import type { Dump } from '../../formats/dump.ts';
import { openDump } from '../../formats/open.ts';
import { Kernel } from '../../kernel/kernel.ts';
import { FileSink, type IfExists, syncDirectoryOf } from '../../sys/file-sink.ts';
import { openFile, openFileUnmapped } from '../../sys/file-source.ts';
import { dmesgText } from '../crash/log.ts';
import { makeDumpFile } from '../makedumpfile/dump-file.ts';
import { DumpLevel } from '../makedumpfile/dump-level.ts';
import type { MakedumpfileResult } from '../makedumpfile/job.ts';
import { tryLevels } from '../makedumpfile/levels.ts';
import { chooseResources } from '../makedumpfile/resources.ts';
import { defaultCollector, type MakedumpfileCollector } from './conf/collector.ts';
import { type KdumpConf, parseKdumpConf } from './conf/kdump-conf.ts';
import { canSaveTo } from './conf/not-yet.ts';
import { isError, problemError, problemLine } from './conf/problem.ts';
import { readText } from './conf/read-text.ts';
import { type FileSystemTarget, targetText } from './conf/target.ts';
import type { Journal } from './journal.ts';
import { type MemoryWatch, watchMemory } from './memory-watch.ts';
import { openExplained } from './missing-vmcore.ts';
import { type MountedTarget, mountTarget } from './mount.ts';

/** What a save needs of kdump.conf. */
export interface SavePlan extends Pick<KdumpConf, 'path' | 'collector'> {
  readonly target: FileSystemTarget;
}

export interface SaveRequest {
  /** /proc/vmcore, or another dump to try the flow on. */
  readonly vmcore: string;
  readonly conf: SavePlan;
  /** "raw": the whole ELF vmcore is saved too, as vmcore.elf. */
  readonly also: 'nothing' | 'raw';
}

export interface SaveResult {
  readonly folder: string;
  /** Pages that could not be read: the dump is marked incomplete. */
  readonly lost: number;
}

export const dumpNames = {
  dump: 'vmcore',
  incomplete: 'vmcore-incomplete',
  log: 'vmcore-dmesg.txt',
  raw: 'vmcore.elf',
} as const;

/**
 * Reads the configuration, and takes of it what can be understood: what is wrong with it is told, and must not cost the dump. When it names no
 * target that can be saved to, that is `fallbackDevice`, and without one an error.
 */
export function readConf(path: string, journal: Journal, fallbackDevice: string | undefined): SavePlan {
  const { conf, problems } = parseKdumpConf(textOf(path, journal, fallbackDevice), path);
  for (const problem of problems) journal.event('conf-problem', { message: problemLine(problem) });
  const { target, path: folder, collector } = conf;
  if (canSaveTo(target)) return { target, path: folder, collector };
  const [wrong] = problems.filter(isError);
  const error = target.kind === 'path' && wrong !== undefined ? problemError(wrong) : noTarget(conf, path);
  if (fallbackDevice === undefined) throw error;
  journal.event('conf-ignored', { message: error.toLine() });
  const device = { by: 'path', value: fallbackDevice } as const;
  const fallback: FileSystemTarget = { kind: 'filesystem', fileSystem: 'ext4', device };
  const isStream = collector.kind === 'makedumpfile' && collector.output === 'flattened';
  return {
    target: fallback,
    path: folder,
    collector: isStream ? defaultCollector('filesystem') : collector,
  };
}

/** Nothing, and told, when the file cannot be read and there is a device to fall back to. */
function textOf(path: string, journal: Journal, fallbackDevice: string | undefined): string {
  try {
    return readText(path);
  } catch (error) {
    if (!(error instanceof VmcoreError) || fallbackDevice === undefined) throw error;
    journal.event('conf-problem', { message: error.toLine() });
    return '';
  }
}

function noTarget({ target }: KdumpConf, file: string): VmcoreError {
  if (target.kind === 'path') {
    const hint = 'add a line such as "ext4 /dev/vda"';
    return new VmcoreError('E_USAGE', 'names no target', { file, hint });
  }
  return new VmcoreError('E_UNSUPPORTED', `this release does not save to "${targetText(target)}"`, {
    file,
    hint: 'name a file system: ext4, xfs or btrfs and its device',
  });
}

/** Runs the whole flow. Throws what stopped it, after what could be saved was saved. */
export async function save(request: SaveRequest, journal: Journal): Promise<SaveResult> {
  const memory = watchMemory();
  const { target, path } = request.conf;
  journal.event('save-start', { target: targetText(target), ...memory.headroom() });
  const mounted = mountTarget(target);
  try {
    const folder = join(mounted.folder, path, `127.0.0.1-${timestamp(new Date())}`);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { collector } = request.conf;
    const isMapped = collector.kind === 'copy' || collector.access === 'map';
    const dump = openDump(openExplained(request.vmcore, isMapped ? openFile : openFileUnmapped), {
      codecs: nativeCodecs(),
      cutShort: 'accept',
    });
    saveLog(dump, folder, journal);
    const lost = await saveDump(dump, request, folder, journal, memory);
    if (request.also === 'raw') saveRaw(dump, folder, journal, memory);
    return { folder, lost };
  } finally {
    unmount(mounted, journal, memory);
  }
}

/** Everything is on the disk already: a target that does not unmount is told, and is no failure of the save. */
function unmount(mounted: MountedTarget, journal: Journal, memory: MemoryWatch): void {
  try {
    mounted.unmount();
    journal.event('unmounted', { ...memory.headroom() });
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    journal.event('unmount-failed', { message: error.toLine() });
  }
}

/** A log that cannot be read must not cost the dump. */
function saveLog(dump: Dump, folder: string, journal: Journal): void {
  try {
    const text = new TextEncoder().encode(dmesgText(new Kernel(dump), { caller: false }));
    writeDurably(join(folder, dumpNames.log), text);
    journal.event('dmesg-saved', { bytes: text.length });
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    journal.event('dmesg-failed', { message: error.toLine() });
  }
}

function writeDurably(path: string, bytes: Uint8Array): void {
  const sink = new FileSink(path, 'refuse');
  sink.write(0, bytes);
  sink.finish('disk');
  syncDirectoryOf(path);
}

/** Returns the pages that were lost. */
async function saveDump(
  dump: Dump,
  { conf: { collector } }: SaveRequest,
  folder: string,
  journal: Journal,
  memory: MemoryWatch,
): Promise<number> {
  const incomplete = join(folder, dumpNames.incomplete);
  const final = join(folder, dumpNames.dump);
  const lost =
    collector.kind === 'copy'
      ? copyVmcore(dump, incomplete, memory)
      : (await filterDump(dump, collector, incomplete, journal, memory)).lost;
  if (lost === 0) {
    renameSync(incomplete, final);
    syncDirectoryOf(final);
  }
  const path = lost === 0 ? final : incomplete;
  chmodSync(path, 0o600);
  journal.event('dump-saved', { path, ...memory.headroom() });
  return lost;
}

async function filterDump(
  dump: Dump,
  { levels, format, tuning, sizeLimit, excludeVmemmap }: MakedumpfileCollector,
  path: string,
  journal: Journal,
  memory: MemoryWatch,
): Promise<MakedumpfileResult> {
  const codec = format.kind === 'kdump' ? (format.codec ?? 'none') : 'none';
  const resources = chooseResources({ threads: tuning.threads, cyclicBuffer: tuning.bitmapBytes });
  journal.event('filter-start', { level: levels[0] ?? 0, format: format.kind, codec, ...resources });
  const write = (at: number, ifExists: IfExists): Promise<MakedumpfileResult> =>
    makeDumpFile({
      dump,
      paths: [path],
      ifExists,
      level: at,
      format,
      resources,
      vmemmap: excludeVmemmap ? 'used' : 'all',
      sizeLimit,
      onFailure: 'keep',
      durability: 'disk',
      progress: journalProgress(journal, memory),
    });
  let ifExists: IfExists = 'refuse';
  const result = await tryLevels(
    levels,
    (level) =>
      write(level, ifExists).catch((error: unknown) => {
        if (!isUnfilterable(error)) throw error;
        // Too much is better than nothing: every page but those of zeros.
        journal.event('filter-impossible', { message: error.toLine() });
        return write(level & DumpLevel.zero, 'overwrite');
      }),
    (level) => {
      journal.event('filter-again', { level, message: 'the dump did not fit' });
      // What is there is what the level before left.
      ifExists = 'overwrite';
    },
  );
  journal.event('filter-done', { ...result, excluded: { ...result.excluded } });
  return result;
}

/** The kernel's memory does not tell which pages are which. */
const isUnfilterable = (error: unknown): error is VmcoreError =>
  error instanceof VmcoreError && (error.code === 'E_NO_INFO' || error.code === 'E_UNREADABLE');

/** The ELF vmcore as it is, for comparing tools on the same crash. */
function saveRaw(dump: Dump, folder: string, journal: Journal, memory: MemoryWatch): void {
  copyVmcore(dump, join(folder, dumpNames.raw), memory);
  journal.event('raw-saved', { bytes: dump.source.size, ...memory.headroom() });
}

/** Every byte, on the disk. What is there stays when it fails. Returns the pages lost: none, because what cannot be read is an error. */
function copyVmcore({ source }: Dump, path: string, memory: MemoryWatch): number {
  const sink = new FileSink(path, 'refuse');
  const buffer = new Uint8Array(1 << 20);
  try {
    for (let offset = 0; offset < source.size; ) {
      const got = source.read(offset, buffer.subarray(0, Math.min(buffer.length, source.size - offset)));
      if (got === 0) throw new VmcoreError('E_TRUNCATED', 'ends early', { file: source.name, offset });
      sink.write(offset, buffer.subarray(0, got));
      offset += got;
      memory.sample();
    }
  } catch (error) {
    sink.keep();
    throw error;
  }
  sink.finish('disk');
  syncDirectoryOf(path);
  return 0;
}

/** Whole percents only: a serial console is slow. */
const reportEveryPercent = 10;

function journalProgress(journal: Journal, memory: MemoryWatch): Progress {
  let step = '';
  let total = 0;
  let told = 0;
  return {
    ...silentProgress,
    step(name, of) {
      step = name;
      total = of ?? 0;
      told = 0;
    },
    advance(done) {
      memory.sample();
      if (total === 0) return;
      const percent = Math.floor((100 * done) / total);
      if (percent < told + reportEveryPercent) return;
      told = percent - (percent % reportEveryPercent);
      journal.event('filter-progress', { step, done, total });
    },
  };
}

/** 2026-11-22-01:43:05, local time, as kdump-utils names its folders. */
function timestamp(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}-${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
