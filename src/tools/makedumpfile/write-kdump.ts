/**
 * kdump-compressed output: two passes over physical memory.
 *
 * The first decides which pages to keep and writes the bitmaps, because the descriptors' place depends on how many there are. The second
 * reads, compresses and writes the pages. When one window covers everything, its answer is kept between the passes; else it is
 * worked out again, which costs less than the memory it saves.
 */
import { VmcoreError } from '../../base/errors.ts';
import { asPfn } from '../../base/units.ts';
import { cpuNotes, noteNames } from '../../formats/dump.ts';
import { maxPageFrames } from '../../formats/kdump-header.ts';
import { KdumpWriter } from '../../formats/kdump-writer.ts';
import { CompressPool } from './compress/pool.ts';
import { DumpLevel } from './dump-level.ts';
import type { Selection } from './filter.ts';
import type { KnownKernel, MakedumpfileJob, MakedumpfileResult } from './job.ts';
import { pause } from './pause.ts';
import { BatchReader } from './read-batch.ts';
import { utsnameOf } from './utsname.ts';
import { BlockCounts, blockPagesFor, windowsOf } from './windows.ts';

/** What was learnt while the bitmaps were written. */
interface FirstPass {
  readonly blocks: BlockCounts;
  /** The answer for the only window. */
  readonly selection: Selection | undefined;
}

export async function writeKdump(job: MakedumpfileJob, known: KnownKernel): Promise<MakedumpfileResult> {
  const { dump, level, outputs, resources, progress } = job;
  const codec = job.format.kind === 'kdump' ? job.format.codec : undefined;
  const { pageSize, endPfn } = dump.memory;
  if (endPfn > maxPageFrames) {
    throw new VmcoreError(
      'E_UNSUPPORTED',
      `its memory ends at page frame ${endPfn}; a kdump file has at most 2^36`,
      {
        file: dump.source.name,
        hint: 'use -E: an ELF dump holds memory at any address',
      },
    );
  }
  const windows = windowsOf(dump.memory, resources.bitmapBytes);
  const { kernel, newPass } =
    job.vmemmap === 'used'
      ? await (await import('./vmemmap.ts')).withoutUnusedVmemmap(job, known, windows)
      : known;
  const { ram } = dump.memory.countPages();
  // Where nothing is cut, a window is one block.
  const blockPages =
    outputs.length === 1 ? Number.POSITIVE_INFINITY : blockPagesFor(job.splitBlock, pageSize, ram);
  const description = dump.describe();
  const leavesOutVmemmap = description.vmemmap === 'used' || (job.vmemmap === 'used' && kernel !== undefined);
  const writers = outputs.map(
    (sink, i) =>
      new KdumpWriter(sink, {
        utsname: utsnameOf(dump, kernel),
        timestamp: Math.floor(Date.now() / 1000),
        pageSize,
        littleEndian: dump.littleEndian,
        cpus: cpuNotes(dump.notes).length || (description.cpus ?? 0),
        physBase: kernel?.info.number('phys_base') ?? kernel?.info.number('PHYS_OFFSET') ?? 0n,
        // What an earlier run left out stays out.
        dumpLevel: level | (description.dumpLevel ?? 0),
        // Told once: reassembling puts together what each part tells.
        notes: i === 0 ? dump.notes : dump.notes.filter(({ name }) => name !== noteNames.eraseinfo),
        endPfn,
        codec,
        vmemmap: leavesOutVmemmap ? 'used' : 'all',
      }),
  );

  // Before the first pass, so that the workers are there when the second begins.
  const order: number[] = [];
  let zero = 0;
  let lost = 0;
  const zeros = (level & DumpLevel.zero) === 0 ? 'compress' : 'share';
  const pool = new CompressPool(codec, pageSize, zeros, resources.workers, (batch) => {
    lost += batch.lost.size;
    zero += writers[order.shift()!]!.addBatch(batch);
  });
  try {
    const pass = newPass();
    progress.step('Excluding unnecessary pages', endPfn);
    const first = await firstPass();
    const parts = first.blocks.split(endPfn, outputs.length);
    const { total } = first.blocks;
    writers.forEach((writer, i) => {
      writer.beginPages(parts[i]!.pages, outputs.length === 1 ? undefined : parts[i]!, total);
    });
    progress.step('Copying data', total);
    await secondPass(first.selection);
    pool.drain();
    for (const writer of writers) writer.finish(lost === 0 ? 'complete' : 'incomplete');
    return {
      pageSize,
      ram,
      written: total - lost,
      zero,
      excluded: pass.excluded,
      dropped: pass.dropped,
      unusedVmemmap: pass.unusedVmemmap,
      lost,
      unjudged: pass.unjudged,
    };

    async function firstPass(): Promise<FirstPass> {
      const blocks = new BlockCounts();
      let selection: Selection | undefined;
      for (const window of windows) {
        selection = pass.select(window);
        for (const writer of writers) writer.addBitmaps(selection.ram, selection.kept);
        for (let start: number = window.start; start < window.end; start += blockPages) {
          blocks.add(start, selection.kept.countRange(start, start + blockPages));
        }
        progress.advance(window.end);
        await pause(job.abort);
      }
      return { blocks, selection: windows.length === 1 ? selection : undefined };
    }

    async function secondPass(known: Selection | undefined): Promise<void> {
      const again = newPass();
      let part = 0;
      let done = 0;
      for (const window of windows) {
        const { kept } = known ?? again.select(window);
        const reader = new BatchReader(dump.memory, kept.runs());
        for (let pfn = reader.next; pfn !== undefined; pfn = reader.next) {
          while (pfn >= parts[part]!.end) part++;
          const batch = reader.read(pool.input(), asPfn(parts[part]!.end));
          order.push(part);
          pool.submit(batch.count, batch.lost);
          done += batch.count;
          progress.advance(done);
          await pause(job.abort);
        }
      }
    }
  } finally {
    await pool.close();
  }
}
