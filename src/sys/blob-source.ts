/**
 * A Blob as a ByteSource. In Node a Blob can only be read by promises: a thread reads it (blob-worker.ts), and is waited for here. Browsers have
 * FileReaderSync for it (base/browser-sources.ts).
 */
import { type ByteSource, MemorySource } from '../base/byte-source.ts';
import { VmcoreError } from '../base/errors.ts';
import { type ByteRanges, type ByteSpan, RangeSource } from '../base/range-source.ts';
import { AskingWorker } from './asking-worker.ts';
import { workerUrl } from './worker-url.ts';

/** Milliseconds; a Blob is in memory. */
const patience = 60_000;
/** Of Blobs that no other thread can read. */
const maxInMemory = 2 ** 28;

/** `name` is for messages. E_NEEDS for a large Blob made by fs.openAsBlob: it is for the thread that made it only. */
export async function openBlob(blob: Blob, name = '(Blob)'): Promise<ByteSource> {
  const worker = startWorker(blob);
  if (worker !== undefined) return new RangeSource(new BlobRanges(blob.size, name, worker));
  if (blob.size <= maxInMemory) return new MemorySource(new Uint8Array(await blob.arrayBuffer()), name);
  throw new VmcoreError('E_NEEDS', 'a Blob over a file cannot be read by parts here', {
    file: name,
    hint: 'give the path of the file instead of the Blob',
  });
}

/** Undefined when the Blob cannot be shared with a thread. */
function startWorker(blob: Blob): AskingWorker | undefined {
  const file = workerUrl(new URL('./blob-worker.ts', import.meta.url), 'blob-worker.js');
  try {
    return new AskingWorker(file, { blob }, patience);
  } catch (error) {
    // "File-backed Blobs are not cloneable" (Node 26).
    if (error instanceof Error && 'code' in error && error.code === 'ERR_INVALID_STATE') return undefined;
    throw error;
  }
}

class BlobRanges implements ByteRanges {
  readonly name: string;
  readonly size: number;
  private readonly worker: AskingWorker;

  constructor(size: number, name: string, worker: AskingWorker) {
    this.name = name;
    this.size = size;
    this.worker = worker;
  }

  fetch(start: number, end: number): Uint8Array {
    const bytes = this.worker.ask({ start, end } satisfies ByteSpan);
    if (bytes instanceof Uint8Array) return bytes;
    const why = typeof bytes === 'string' ? bytes : 'the thread that reads it is gone';
    throw new VmcoreError('E_IO', `cannot read the Blob: ${why}`, { file: this.name, offset: start });
  }

  close(): void {
    this.worker.close();
  }
}
