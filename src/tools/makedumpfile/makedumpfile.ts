/**
 * makedumpfile: reads a dump, leaves out what the dump level names, and writes the rest as kdump-compressed or ELF.
 *
 *   filter.ts       which pages to keep, window by window
 *   filters/        what the user's own filters and erase commands want
 *   read-batch.ts   batches of kept pages
 *   compress/       batches on all processors
 *   write-*.ts      the passes over the dump, with the writers of formats/
 *
 * What a dump can do without is loaded when it is needed: a millisecond for every three files.
 */
import { VmcoreError } from '../../base/errors.ts';
import type { Dump } from '../../formats/dump.ts';
import { Kernel } from '../../kernel/kernel.ts';
import { needsKernel, pageSelector } from './filter.ts';
import type { KnownKernel, MakedumpfileJob, MakedumpfileResult } from './job.ts';
import { isComplete } from './vmcoreinfo/needed.ts';

/**
 * Writes the filtered dump. When it throws, what was written is marked incomplete and is as readable as it can be. Lost pages do not throw:
 * they are counted, and leave the output marked incomplete.
 */
export async function makedumpfile(job: MakedumpfileJob): Promise<MakedumpfileResult> {
  const [sink, ...others] = job.outputs;
  if (sink === undefined)
    throw new VmcoreError('E_USAGE', 'no output named', { hint: 'name the dump file to write' });
  const { writing, known } = await withFilters(job, await knowKernel(job));
  if (job.format.kind === 'kdump') {
    const { writeKdump } = await import('./write-kdump.ts');
    return await writeKdump(writing, known);
  }
  if (others.length > 0) {
    throw new VmcoreError('E_USAGE', 'ELF output cannot be split', { hint: 'leave out -E or --split' });
  }
  const { writeElf } = await import('./write-elf.ts');
  return await writeElf(writing, sink, known);
}

/** Pages are judged by memory as it was, and copied, like everything else that is told of the kernel, as the filters leave it. */
async function withFilters(
  job: MakedumpfileJob,
  known: KnownKernel,
): Promise<{ readonly writing: MakedumpfileJob; readonly known: KnownKernel }> {
  if (job.filters === undefined) return { writing: job, known };
  const { filteredDump } = await import('./filters/filtered-dump.ts');
  const dump = filteredDump(job.dump, job.filters);
  const kernel =
    known.kernel === undefined ? undefined : new Kernel(filteredDump(known.kernel.dump, job.filters));
  return { writing: { ...job, dump }, known: { ...known, kernel } };
}

/**
 * Opens the kernel and its mem_map. A level that can do without them (0 and 1) is done without, where they cannot be read: then poisoned
 * pages are not known either.
 */
async function knowKernel({ dump, level, progress, filters }: MakedumpfileJob): Promise<KnownKernel> {
  try {
    const kernel = new Kernel(await completed(dump));
    return { kernel, newPass: pageSelector(dump, kernel, level, filters?.pages) };
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    if (needsKernel(level)) throw dump.vmcoreinfo === undefined ? noSource(dump, level) : error;
    progress.note(`filtering without knowing the kernel: ${error.message}`);
    return { kernel: undefined, newPass: pageSelector(dump, undefined, level, filters?.pages) };
  }
}

async function completed(dump: Dump): Promise<Dump> {
  if (isComplete(dump)) return dump;
  const { withCompleteInfo } = await import('./vmcoreinfo/complete.ts');
  return withCompleteInfo(dump);
}

const noSource = (dump: Dump, level: number): VmcoreError =>
  new VmcoreError(
    'E_NO_INFO',
    `dump level ${level} needs to know the kernel, and the dump has no VMCOREINFO note`,
    {
      file: dump.source.name,
      hint: 'give the vmlinux of that kernel with -x, its vmcoreinfo with -i, or use -d 1',
    },
  );
