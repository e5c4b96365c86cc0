/** A worker thread of the compression pool: its whole life. */
import { workerData } from 'node:worker_threads';
import type { WorkerTask } from './batch-memory.ts';
import { BatchThread } from './claim.ts';

// Sent by pool.ts, and by nobody else.
const { job, thread } = workerData as WorkerTask;
new BatchThread(job, thread).workUntilClosed();
