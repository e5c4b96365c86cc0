/**
 * makedumpfile: reads a dump, leaves out what the dump level names, and writes the rest as kdump-compressed or ELF.
 *
 *   filter.ts       which pages to keep, window by window
 *   read-batch.ts   batches of kept pages
 *   compress/       batches on all processors
 *   write-*.ts      the passes over the dump, with the writers of formats/
 */
import { VmcoreError } from '../../base/errors.ts';
import type { Dump } from '../../formats/dump.ts';
import { Kernel } from '../../kernel/kernel.ts';
import { needsKernel } from './filter.ts';
import type { MakedumpfileJob, MakedumpfileResult } from './job.ts';
import { writeElf } from './write-elf.ts';
import { writeKdump } from './write-kdump.ts';

/**
 * Writes the filtered dump. When it throws, what was written is marked incomplete and is as readable as it can be. Lost pages do not throw:
 * they are counted, and leave the output marked incomplete.
 */
export async function makedumpfile(job: MakedumpfileJob): Promise<MakedumpfileResult> {
  const kernel = openKernel(job.dump, job.level);
  const [sink, ...others] = job.outputs;
  if (sink === undefined)
    throw new VmcoreError('E_USAGE', 'no output named', { hint: 'name the dump file to write' });
  if (job.format.kind === 'kdump') return await writeKdump(job, kernel);
  if (others.length > 0) {
    throw new VmcoreError('E_USAGE', 'ELF output cannot be split', { hint: 'leave out -E or --split' });
  }
  return await writeElf(job, sink, kernel);
}

function openKernel(dump: Dump, level: number): Kernel | undefined {
  if (dump.vmcoreinfo !== undefined) return new Kernel(dump);
  if (!needsKernel(level)) return undefined;
  throw new VmcoreError(
    'E_NO_INFO',
    `dump level ${level} needs to know the kernel, and the dump has no VMCOREINFO note`,
    { file: dump.source.name, hint: 'use -d 1, which needs no knowledge of the kernel' },
  );
}
