/**
 * The save flow, run in the capture kernel: /proc/vmcore becomes a file that survives the reboot.
 *
 * The order loses nothing: the log first (small, and often all that is needed), then the dump under a name that says it is not finished,
 * its bytes to the disk, only then the final name, and last the directory. A step that fails is told and, where the dump can still be
 * had, does not stop the rest. What is written is never removed.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { VmcoreError } from '../../base/errors.ts';
import { type Progress, silentProgress } from '../../base/progress.ts';
import { nativeCodecs } from '../../codecs/native.ts';
import type { Dump } from '../../formats/dump.ts';
import { openDump } from '../../formats/open.ts';
import { Kernel } from '../../kernel/kernel.ts';
import { FileSink, type IfExists, syncDirectoryOf } from '../../sys/file-sink.ts';
import { openFile } from '../../sys/file-source.ts';
import { asVmcoreError } from '../../sys/system-error.ts';
import { dmesgText } from '../crash/log.ts';
import { makeDumpFile } from '../makedumpfile/dump-file.ts';
import { DumpLevel } from '../makedumpfile/dump-level.ts';
import type { MakedumpfileResult } from '../makedumpfile/job.ts';
import { chooseResources } from '../makedumpfile/resources.ts';
import type { Journal } from './journal.ts';
import { defaultCollector, defaultPath, type KdumpConf, parseKdumpConf } from './kdump-conf.ts';
import { type MemoryWatch, watchMemory } from './memory-watch.ts';
import { openExplained } from './missing-vmcore.ts';
import { type MountedTarget, mountTarget } from './mount.ts';

export interface SaveRequest {
  /** /proc/vmcore, or another dump to try the flow on. */
  readonly vmcore: string;
  readonly conf: KdumpConf;
  /** "raw": the whole ELF vmcore is saved too, as vmcore.elf. */
  readonly also: 'nothing' | 'raw';
}

export interface SaveResult {
  readonly folder: string;
  readonly result: MakedumpfileResult;
}

export const dumpNames = {
  dump: 'vmcore',
  incomplete: 'vmcore-incomplete',
  log: 'vmcore-dmesg.txt',
  raw: 'vmcore.elf',
} as const;

/** Reads the configuration; when it cannot be understood, says so and saves with the defaults to `fallbackDevice`. */
export function readConf(path: string, journal: Journal, fallbackDevice: string | undefined): KdumpConf {
  try {
    return parseKdumpConf(readText(path), path);
  } catch (error) {
    if (!(error instanceof VmcoreError) || fallbackDevice === undefined) throw error;
    journal.event('conf-ignored', { message: error.toLine() });
    return {
      target: { fileSystem: 'ext4', device: fallbackDevice },
      path: defaultPath,
      collector: defaultCollector,
    };
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot read', { file: path });
  }
}

/** Runs the whole flow. Throws what stopped it, after what could be saved was saved. */
export async function save(request: SaveRequest, journal: Journal): Promise<SaveResult> {
  const memory = watchMemory();
  const { target, path } = request.conf;
  journal.event('save-start', { device: target.device, ...memory.headroom() });
  const mounted = mountTarget(target);
  try {
    const folder = join(mounted.folder, path, `127.0.0.1-${timestamp(new Date())}`);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const dump = openDump(openExplained(request.vmcore, openFile), {
      codecs: nativeCodecs(),
      cutShort: 'accept',
    });
    saveLog(dump, folder, journal);
    const result = await saveDump(dump, request, folder, journal, memory);
    if (request.also === 'raw') saveRaw(dump, folder, journal, memory);
    return { folder, result };
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

async function saveDump(
  dump: Dump,
  request: SaveRequest,
  folder: string,
  journal: Journal,
  memory: MemoryWatch,
): Promise<MakedumpfileResult> {
  const { level, codec } = request.conf.collector;
  const incomplete = join(folder, dumpNames.incomplete);
  const final = join(folder, dumpNames.dump);
  const resources = chooseResources({ threads: undefined, cyclicBuffer: undefined });
  journal.event('filter-start', { level, codec: codec ?? 'none', ...resources });
  const write = (at: number, ifExists: IfExists): Promise<MakedumpfileResult> =>
    makeDumpFile({
      dump,
      paths: [incomplete],
      ifExists,
      level: at,
      format: { kind: 'kdump', codec },
      resources,
      onFailure: 'keep',
      durability: 'disk',
      progress: journalProgress(journal, memory),
    });
  const result = await write(level, 'refuse').catch((error: unknown) => {
    if (!isUnfilterable(error)) throw error;
    // Too much is better than nothing: every page but those of zeros.
    journal.event('filter-impossible', { message: error.toLine() });
    return write(level & DumpLevel.zero, 'overwrite');
  });
  journal.event('filter-done', { ...result, excluded: { ...result.excluded } });
  if (result.lost === 0) {
    renameSync(incomplete, final);
    syncDirectoryOf(final);
  }
  const path = result.lost === 0 ? final : incomplete;
  chmodSync(path, 0o600);
  journal.event('dump-saved', { path, ...memory.headroom() });
  return result;
}

/** The kernel's memory does not tell which pages are which. */
const isUnfilterable = (error: unknown): error is VmcoreError =>
  error instanceof VmcoreError && (error.code === 'E_NO_INFO' || error.code === 'E_UNREADABLE');

/** The ELF vmcore as it is, for comparing tools on the same crash. */
function saveRaw(dump: Dump, folder: string, journal: Journal, memory: MemoryWatch): void {
  const path = join(folder, dumpNames.raw);
  const sink = new FileSink(path, 'refuse');
  const buffer = new Uint8Array(1 << 20);
  const { source } = dump;
  for (let offset = 0; offset < source.size; ) {
    const got = source.read(offset, buffer.subarray(0, Math.min(buffer.length, source.size - offset)));
    if (got === 0) break;
    sink.write(offset, buffer.subarray(0, got));
    offset += got;
    memory.sample();
  }
  sink.finish('disk');
  syncDirectoryOf(path);
  journal.event('raw-saved', { bytes: source.size, ...memory.headroom() });
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
