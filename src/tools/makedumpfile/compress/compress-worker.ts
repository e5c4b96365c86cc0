/** A worker thread of the compression pool: its whole life. */
import { workerData } from 'node:worker_threads';
import { BatchThread } from './claim.ts';
import type { WorkerTask } from './pool.ts';

// Sent by pool.ts, and by nobody else.
const { job, thread } = workerData as WorkerTask;
new BatchThread(job, thread).workUntilClosed();
