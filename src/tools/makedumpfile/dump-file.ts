/** makedumpfile into files: nothing half-written is left behind unless it is worth keeping, and then it says so itself. */
import { VmcoreError } from '../../base/errors.ts';
import { type Durability, FileSink, type IfExists } from '../../sys/file-sink.ts';
import type { MakedumpfileJob, MakedumpfileResult } from './job.ts';
import { LimitedSink } from './limited-sink.ts';
import { makedumpfile } from './makedumpfile.ts';

export interface DumpFileRequest extends Omit<MakedumpfileJob, 'outputs'> {
  /** One, or for a split dump several. */
  readonly paths: readonly string[];
  readonly ifExists: IfExists;
  /**
   * What becomes of the files when writing fails. "keep": they stay, marked incomplete (a capture never throws away what it has).
   * "keep-when-stopped": they stay only when the disk was full or a signal ended the work, for there is no better to be had.
   */
  readonly onFailure: 'keep' | 'keep-when-stopped';
  /** A capture waits for the disk; makedumpfile, like the original, leaves that to who calls it. */
  readonly durability: Durability;
  /** Bytes of each file: what goes beyond is E_NO_SPACE, as on a disk of that size. */
  readonly sizeLimit?: number | undefined;
}

/** Returns when the dump is complete, as durable as was asked for. Throws what stopped it. */
export async function makeDumpFile(request: DumpFileRequest): Promise<MakedumpfileResult> {
  const sinks: FileSink[] = [];
  let result: MakedumpfileResult;
  try {
    for (const path of request.paths) sinks.push(new FileSink(path, request.ifExists));
    const { sizeLimit } = request;
    const outputs = sizeLimit === undefined ? sinks : sinks.map((sink) => new LimitedSink(sink, sizeLimit));
    result = await makedumpfile({ ...request, outputs });
  } catch (error) {
    const isStopped =
      error instanceof VmcoreError && (error.code === 'E_NO_SPACE' || error.code === 'E_STOPPED');
    for (const sink of sinks) {
      if (isStopped || request.onFailure === 'keep') sink.keep();
      else sink.discard();
    }
    throw error;
  }
  for (const sink of sinks) sink.finish(request.durability);
  return result;
}
