/** The thread behind blob-source.ts: reads parts of a Blob. */
import { workerData } from 'node:worker_threads';
import type { ByteSpan } from '../base/range-source.ts';
import { type AskedWorkerData, answerQuestions } from './asking-worker.ts';

const { blob, ...asked } = workerData as AskedWorkerData & { readonly blob: Blob };

answerQuestions<ByteSpan>(asked, async ({ start, end }) => {
  try {
    const bytes = await blob.slice(start, end).arrayBuffer();
    return { answer: new Uint8Array(bytes), bytes };
  } catch (error) {
    return { answer: String(error) };
  }
});
