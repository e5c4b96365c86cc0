/** A file on a web server as a ByteSource: requests are made by a thread (http-worker.ts), and waited for here. */
import type { ByteSource } from '../base/byte-source.ts';
import { type HttpReply, type HttpTransport, openHttpRanges } from '../base/http-ranges.ts';
import { RangeSource } from '../base/range-source.ts';
import { AskingWorker } from './asking-worker.ts';
import { workerUrl } from './worker-url.ts';

/** Longer than the thread tries (http-worker.ts): it is gone then. */
const patience = 120_000;

/** E_FILE, E_NEEDS or E_IO when it is not there, not given by ranges, or cannot be reached. */
export function openHttp(url: string): ByteSource {
  const worker = new AskingWorker(
    workerUrl(new URL('./http-worker.ts', import.meta.url), 'http-worker.js'),
    {},
    patience,
  );
  const transport: HttpTransport = {
    request: (request) =>
      (worker.ask(request) as HttpReply | string | undefined) ?? 'the thread that makes requests is gone',
    close: () => worker.close(),
  };
  return new RangeSource(openHttpRanges(url, transport));
}
