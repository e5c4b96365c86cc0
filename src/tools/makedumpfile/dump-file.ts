/** makedumpfile into a file: nothing half-written is left behind unless it is worth keeping, and then it says so itself. */
import { VmcoreError } from '../../base/errors.ts';
import type { Progress } from '../../base/progress.ts';
import type { Dump } from '../../formats/dump.ts';
import { FileSink, type IfExists } from '../../sys/file-sink.ts';
import { type MakedumpfileResult, makedumpfile, type OutputFormat } from './makedumpfile.ts';

export interface DumpFileRequest {
  readonly path: string;
  readonly ifExists: IfExists;
  readonly level: number;
  readonly format: OutputFormat;
  /**
   * What becomes of the file when writing fails. "keep": it stays, marked incomplete (a capture never throws away what it has).
   * "keep-when-full": it stays only when the disk was full, for there is no better one to be had.
   */
  readonly onFailure: 'keep' | 'keep-when-full';
}

/** Returns when the dump is on the disk. Throws what stopped it. */
export function makeDumpFile(dump: Dump, request: DumpFileRequest, progress: Progress): MakedumpfileResult {
  const sink = new FileSink(request.path, request.ifExists);
  let result: MakedumpfileResult;
  try {
    result = makedumpfile(dump, sink, request.level, request.format, progress);
  } catch (error) {
    const wasFull = error instanceof VmcoreError && error.code === 'E_NO_SPACE';
    if (wasFull || request.onFailure === 'keep') sink.keep();
    else sink.discard();
    throw error;
  }
  sink.finish();
  return result;
}
