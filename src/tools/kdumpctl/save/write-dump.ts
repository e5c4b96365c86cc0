/**
 * The dump itself, into a store: filtered as core_collector says, or as it is. What does not fit is tried smaller, what cannot be filtered whole: too
 * much and too little are both better than nothing. What an attempt has written stays, until the next one writes over it.
 */
import type { ByteSink } from '../../../base/byte-sink.ts';
import { errorLine, VmcoreError } from '../../../base/errors.ts';
import { type Progress, silentProgress } from '../../../base/progress.ts';
import type { Dump } from '../../../formats/dump.ts';
import { DumpLevel } from '../../makedumpfile/dump-level.ts';
import type { Resources } from '../../makedumpfile/job.ts';
import { LimitedSink } from '../../makedumpfile/limited-sink.ts';
import { makedumpfile } from '../../makedumpfile/makedumpfile.ts';
import { pause } from '../../makedumpfile/pause.ts';
import { chooseResources } from '../../makedumpfile/resources.ts';
import { type Collector, defaultCollector, type MakedumpfileCollector } from '../conf/collector.ts';
import type { Target } from '../conf/target.ts';
import type { Journal } from '../journal.ts';
import type { MemoryWatch } from '../memory-watch.ts';
import type { DumpShape, DumpStore, DumpWriter } from '../targets/dump-store.ts';
import type { Heartbeat } from './heartbeat.ts';
import { dumpNames } from './names.ts';
import { type Steps, stepLimits } from './steps.ts';

/** "least": one thread and the smallest buffers, for the attempt after one that ran out of memory. */
export type MemoryUse = 'usual' | 'least';

export interface WriteRequest {
  readonly dump: Dump;
  readonly collector: Collector;
  readonly target: Target['kind'];
  readonly store: DumpStore;
  readonly memoryUse: MemoryUse;
  /** Ends the writing; what is there is kept, marked incomplete. */
  readonly abort: AbortSignal;
}

/** Who is told while it is written. */
export interface Watchers {
  readonly journal: Journal;
  readonly memory: MemoryWatch;
  readonly heartbeat: Heartbeat;
  readonly steps: Steps;
}

export interface WrittenDump {
  /** On the target. */
  readonly name: string;
  /** Pages that could not be read: the dump is marked incomplete. */
  readonly lost: number;
}

/** One way to write the dump. */
type Way = { readonly kind: 'copy' } | { readonly kind: 'filter'; readonly level: number };

/** The dump with the most left out. */
const highestLevel = 31;

export async function writeDump(request: WriteRequest, watchers: Watchers): Promise<WrittenDump> {
  const { journal } = watchers;
  let ways = waysOf(request.collector);
  for (;;) {
    const [way, ...others] = ways;
    if (way === undefined) throw new VmcoreError('E_USAGE', 'core_collector names no dump level');
    try {
      return await writeOnce(request, way, watchers);
    } catch (error) {
      const next = waysAfter(error, way, others);
      if (next === undefined) throw error;
      journal.event('dump-again', { message: errorLine(error), next: wayText(next[0]) });
      ways = next;
    }
  }
}

/** The levels of core_collector in their order, and in the end the highest: a dump that fits is worth more than the part of one. */
function waysOf(collector: Collector): readonly Way[] {
  const smallest: Way = { kind: 'filter', level: highestLevel };
  if (collector.kind === 'copy') return [{ kind: 'copy' }, smallest];
  const ways = collector.levels.map((level): Way => ({ kind: 'filter', level }));
  return collector.levels.at(-1) === highestLevel ? ways : [...ways, smallest];
}

/** What to try next; undefined when nothing would go better. */
function waysAfter(error: unknown, way: Way, others: readonly Way[]): readonly [Way, ...Way[]] | undefined {
  const code = error instanceof VmcoreError ? error.code : 'BUG';
  const [next, ...more] = others;
  if (code === 'E_NO_SPACE') return next === undefined ? undefined : [next, ...more];
  if (way.kind === 'copy' || !unfilterable.includes(code)) return undefined;
  // Every page but those of zeros, for which little of the kernel has to be known; every byte, for which nothing.
  const level = way.level & DumpLevel.zero;
  return level === way.level ? [{ kind: 'copy' }] : [{ kind: 'filter', level }];
}

/** The memory does not tell which pages are which, or our own code does not understand it. */
const unfilterable: readonly string[] = ['E_NO_INFO', 'E_UNREADABLE', 'E_CORRUPT', 'E_TRUNCATED', 'BUG'];

const wayText = (way: Way): string => (way.kind === 'copy' ? 'every byte' : `dump level ${way.level}`);

async function writeOnce(request: WriteRequest, way: Way, watchers: Watchers): Promise<WrittenDump> {
  const { collector, target, store } = request;
  const filtering = collector.kind === 'copy' ? defaultCollector(target) : collector;
  const shape = way.kind === 'filter' && filtering.output === 'flattened' ? 'flattened' : 'plain';
  const { journal, steps } = watchers;
  return inStore(store, dumpNames.dump, shape, watchers, (sink) =>
    steps.timed(way.kind === 'copy' ? 'copy' : 'filter', () =>
      way.kind === 'copy'
        ? copyVmcore(request, sink, watchers)
        : filterDump(request, filtering, way.level, sink, watchers),
    ),
  ).catch((error: unknown) => {
    // Told here because only here it is known how much there was room for.
    if (error instanceof VmcoreError && error.code === 'E_NO_SPACE') {
      journal.event('target-full', { place: store.place, free: store.free() ?? null });
    }
    throw error;
  });
}

/** The whole ELF vmcore, beside the dump, for comparing tools on the same crash. */
export const writeRaw = (request: WriteRequest, watchers: Watchers): Promise<WrittenDump> =>
  inStore(request.store, dumpNames.raw, 'plain', watchers, (sink) =>
    watchers.steps.timed('save raw', () => copyVmcore(request, sink, watchers)),
  );

/** Begins a dump, has it written, and ends it: with its name, or as incomplete. */
async function inStore(
  store: DumpStore,
  name: string,
  shape: DumpShape,
  { journal, steps }: Watchers,
  write: (sink: ByteSink) => Promise<number>,
): Promise<WrittenDump> {
  const writer = await steps.limited('begin dump', stepLimits.smallFile, () => store.beginDump(name, shape));
  let lost: number;
  try {
    lost = await write(writer.sink);
  } catch (error) {
    await keepIncomplete(writer, journal, steps);
    throw error;
  }
  const finished = await steps.limited('finish dump', stepLimits.finishDump, () =>
    writer.finish(lost === 0 ? 'complete' : 'incomplete'),
  );
  return { name: finished, lost };
}

/** After an error that is being told already. */
async function keepIncomplete(writer: DumpWriter, journal: Journal, steps: Steps): Promise<void> {
  try {
    const name = await steps.limited('keep incomplete', stepLimits.finishDump, () =>
      writer.finish('incomplete'),
    );
    journal.event('incomplete-kept', { name });
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    journal.event('incomplete-lost', { message: error.toLine() });
  }
}

/** Returns the pages that could not be read. */
async function filterDump(
  { dump, store, memoryUse, abort }: WriteRequest,
  collector: MakedumpfileCollector,
  level: number,
  sink: ByteSink,
  watchers: Watchers,
): Promise<number> {
  const { format, sizeLimit, excludeVmemmap } = collector;
  const { journal } = watchers;
  const codec = format.kind === 'kdump' ? (format.codec ?? 'none') : 'none';
  const resources = resourcesFor(collector, memoryUse);
  journal.event('filter-start', { level, format: format.kind, codec, ...resources });
  const result = await makedumpfile({
    dump,
    outputs: [sizeLimit === undefined ? sink : new LimitedSink(sink, sizeLimit)],
    level,
    format,
    resources,
    vmemmap: excludeVmemmap ? 'used' : 'all',
    progress: filterProgress(dump.memory.pageSize, store, watchers),
    abort,
  });
  journal.event('filter-done', { ...result, excluded: { ...result.excluded } });
  return result.lost;
}

const resourcesFor = ({ tuning }: MakedumpfileCollector, memoryUse: MemoryUse): Resources =>
  memoryUse === 'least'
    ? { workers: 0, bitmapBytes: 0 }
    : chooseResources({ threads: tuning.threads, cyclicBuffer: tuning.bitmapBytes });

/** Whole tens of percents only: a serial console is slow. */
const reportEveryPercent = 10;
/** The step in which it is known how many pages there are to write. */
const copyingStep = 'Copying data';

function filterProgress(
  pageSize: number,
  store: DumpStore,
  { journal, memory, heartbeat }: Watchers,
): Progress {
  let step = '';
  let total = 0;
  let told = 0;
  return {
    ...silentProgress,
    step(name, of) {
      step = name;
      total = of ?? 0;
      told = 0;
      if (name === copyingStep) tellSize(total * pageSize, store, journal);
    },
    advance(done) {
      memory.sample();
      heartbeat.beat();
      if (total === 0) return;
      const percent = Math.floor((100 * done) / total);
      if (percent < told + reportEveryPercent) return;
      told = percent - (percent % reportEveryPercent);
      journal.event('filter-progress', { step, done, total });
    },
  };
}

/** Before it is tried. How far it can be compressed nobody knows, so it is tried all the same. */
function tellSize(mostBytes: number, store: DumpStore, journal: Journal): void {
  const free = store.free();
  const isTight = free !== undefined && mostBytes > free;
  journal.event('dump-size', {
    mostBytes,
    free: free ?? null,
    ...(isTight ? { message: 'it fits only if it can be compressed so far' } : {}),
  });
}

/** Every byte. Returns the pages lost: none, because what cannot be read is an error. */
async function copyVmcore(
  { dump: { source }, store, abort }: WriteRequest,
  sink: ByteSink,
  { journal, memory, heartbeat }: Watchers,
): Promise<number> {
  tellSize(source.size, store, journal);
  const buffer = new Uint8Array(1 << 20);
  for (let offset = 0; offset < source.size; ) {
    const got = source.read(offset, buffer.subarray(0, Math.min(buffer.length, source.size - offset)));
    if (got === 0) throw new VmcoreError('E_TRUNCATED', 'ends early', { file: source.name, offset });
    sink.write(offset, buffer.subarray(0, got));
    offset += got;
    memory.sample();
    heartbeat.beat();
    await pause(abort);
  }
  return 0;
}
