/**
 * A web server on loopback, in a thread of its own: who reads over HTTP synchronously cannot serve at the same time. Counts what it sends.
 *
 *   /dump       the file, by ranges, with an ETag            /whole      the same, always whole
 *   /moved      leads to /dump                               /once       leads to /fresh/N, which is good for one request
 *   /changing   another version at each request              /busy       503 at the first request of each range, then /dump
 *   /broken     breaks off in the middle, then /dump         /short      says it has more than it sends, and ends
 *   /locked     asks for the user "me" with "p@ss"           /huge       6 GiB: at each offset its number of MiB, modulo 251
 *   /empty      no bytes                                     /compressed says that it is gzip
 *   /forbidden  403                                          all others  404
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export interface RangeServer {
  /** "http://127.0.0.1:PORT". */
  readonly origin: string;
  readonly port: number;
  /** Since it was asked last. */
  traffic(): { readonly requests: number; readonly bytes: number };
  close(): Promise<void>;
}

export interface RangeServerData {
  readonly file: string;
  /** Requests, bytes sent. */
  readonly counters: BigInt64Array;
}

export async function startRangeServer(file: string): Promise<RangeServer> {
  const counters = new BigInt64Array(new SharedArrayBuffer(16));
  const data: RangeServerData = { file, counters };
  const worker = new Worker(new URL('./range-server-thread.ts', import.meta.url), { workerData: data });
  const [port] = (await once(worker, 'message')) as [number];
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    traffic: () => ({
      requests: Number(Atomics.exchange(counters, 0, 0n)),
      bytes: Number(Atomics.exchange(counters, 1, 0n)),
    }),
    close: async () => void (await worker.terminate()),
  };
}
