/** makedumpfile VMCORE DUMPFILE: into a file, several, a pipe, or nowhere. */
import { statSync } from 'node:fs';
import { ExitStatus } from '../../base/errors.ts';
import type { IfExists } from '../../sys/file-sink.ts';
import { makeDumpFile } from '../../tools/makedumpfile/dump-file.ts';
import type { FilterPlan } from '../../tools/makedumpfile/filters/plan.ts';
import type { MakedumpfileJob, MakedumpfileResult } from '../../tools/makedumpfile/job.ts';
import { tryLevels } from '../../tools/makedumpfile/levels.ts';
import { LimitedSink, NullSink } from '../../tools/makedumpfile/limited-sink.ts';
import { makedumpfile } from '../../tools/makedumpfile/makedumpfile.ts';
import type { CreateAction, MakedumpfileLine } from '../../tools/makedumpfile/options.ts';
import { chooseResources, describeResources } from '../../tools/makedumpfile/resources.ts';
import { reportText } from '../../tools/makedumpfile/stats.ts';
import { printJson } from '../output.ts';
import type { Messages } from './messages.ts';
import { openVmcore } from './vmcore.ts';

/** What came out, and how large it is, bytes. */
interface Created {
  readonly level: number;
  readonly result: MakedumpfileResult;
  readonly bytes: number;
}

export async function create(
  action: CreateAction,
  line: MakedumpfileLine,
  messages: Messages,
): Promise<ExitStatus> {
  const dump = await openVmcore(action.vmcore, action.kernel, line);
  // Loaded when needed, as everything here that most dumps do without: it counts when a dump takes half a second.
  if (action.vtop !== undefined) {
    const { translationText } = await import('../../tools/makedumpfile/vtop.ts');
    const { Kernel } = await import('../../kernel/kernel.ts');
    messages.common(translationText(new Kernel(dump), action.vtop));
  }
  const { modules, eraseConfig } = action.filters;
  const wantsFilters = modules.length > 0 || eraseConfig !== undefined;
  const filters = wantsFilters
    ? await (await import('./filters.ts')).filtersOf(action, dump, messages)
    : undefined;
  const { level, result, bytes } = await withSignals((abort) =>
    writeLevels(action, line, { dump, filters }, messages, abort),
  );
  const { destination, format } = action;
  if (action.excludeVmemmap) messages.common(`Excluded ${result.unusedVmemmap} unused vmemmap pages\n`);
  messages.report(reportText(result, { endPfn: dump.memory.endPfn, format: format.kind, bytes }));
  if (line.json) {
    printJson({ ...outputOf(action), level, bytes, ...result, ...erasedOf(filters) });
  } else if (destination.kind === 'nowhere') messages.common('\nNothing was written (--dry-run).\n');
  else messages.common(`\nThe dumpfile${savedText(action)}.\n`);
  if (result.lost === 0) return ExitStatus.done;
  messages.common(`${result.lost} pages could not be read: the dump is marked incomplete.\n`);
  return ExitStatus.incomplete;
}

async function writeLevels(
  action: CreateAction,
  line: MakedumpfileLine,
  input: Pick<Job, 'dump' | 'filters'>,
  messages: Messages,
  abort: AbortSignal,
): Promise<Created> {
  const { tuning, format, destination, excludeVmemmap } = action;
  const vmemmap = excludeVmemmap ? 'used' : 'all';
  const resources = chooseResources({ threads: tuning.threads, cyclicBuffer: tuning.bitmapBytes });
  messages.debug(`${describeResources(resources)}\n`);
  const progress = messages.progress();
  // What went down a pipe cannot be taken back.
  const levels = destination.kind === 'flattened' ? action.levels.slice(0, 1) : action.levels;
  let { ifExists } = line;
  try {
    return await tryLevels(
      levels,
      async (level) => {
        const { splitBlock } = tuning;
        const job = { ...input, level, format, resources, vmemmap, splitBlock, progress, abort } as const;
        return { level, ...(await writeOnce(action, ifExists, job)) };
      },
      (level) => {
        progress.end();
        messages.common(`Retry to create a dumpfile by dump_level(${level}).\n`);
        // What is there is what we left.
        ifExists = 'overwrite';
      },
    );
  } finally {
    progress.end();
  }
}

type Job = Omit<MakedumpfileJob, 'outputs'>;

async function writeOnce(
  action: CreateAction,
  ifExists: IfExists,
  job: Job,
): Promise<Omit<Created, 'level'>> {
  const { destination, sizeLimit } = action;
  if (destination.kind === 'flattened') {
    const { FlattenedSink } = await import('../../formats/flattened-sink.ts');
    const { standardOutput } = await import('../../sys/standard-streams.ts');
    const sink = new FlattenedSink(standardOutput);
    const output = sizeLimit === undefined ? sink : new LimitedSink(sink, sizeLimit);
    const result = await makedumpfile({ ...job, outputs: [output] });
    sink.finish();
    return { result, bytes: sink.size };
  }
  if (destination.kind === 'nowhere') {
    const sink = new NullSink();
    const output = sizeLimit === undefined ? sink : new LimitedSink(sink, sizeLimit);
    const result = await makedumpfile({ ...job, outputs: [output] });
    return { result, bytes: sink.size };
  }
  const paths = pathsOf(action);
  const result = await makeDumpFile({
    ...job,
    paths,
    ifExists,
    onFailure: 'keep-when-stopped',
    durability: 'cache',
    sizeLimit,
  });
  return { result, bytes: paths.reduce((sum, path) => sum + statSync(path).size, 0) };
}

function pathsOf({ destination }: CreateAction): readonly string[] {
  if (destination.kind === 'file') return [destination.path];
  return destination.kind === 'split' ? destination.paths : [];
}

const erasedOf = (filters: FilterPlan | undefined): object =>
  filters === undefined ? {} : { erasedBytes: filters.erasedBytes, remarks: filters.remarks };

const outputOf = (
  action: CreateAction,
): { readonly output?: string; readonly outputs?: readonly string[] } => {
  const { destination } = action;
  if (destination.kind === 'file') return { output: destination.path };
  return destination.kind === 'split' ? { outputs: destination.paths } : {};
};

function savedText(action: CreateAction): string {
  const paths = pathsOf(action);
  if (paths.length === 0) return ' is saved to STDOUT';
  if (paths.length === 1) return ` is saved to ${paths[0]}`;
  return `s are saved to ${paths.slice(0, -1).join(', ')}, and ${paths.at(-1)}`;
}

/** SIGINT and SIGTERM end the work between two batches, so that what was written can be read. */
async function withSignals<Result>(work: (abort: AbortSignal) => Promise<Result>): Promise<Result> {
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, stop);
  try {
    return await work(abort.signal);
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}
