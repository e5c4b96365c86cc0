/** The thread behind http-source.ts: makes requests, again when the network failed, and gives up on a server that stays silent. */
import { setTimeout as sleep } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import type { HttpReply, HttpRequest } from '../base/http-ranges.ts';
import { type AskedWorkerData, answerQuestions } from './asking-worker.ts';

/** Milliseconds without a byte. */
const stall = 30_000;
/** Milliseconds before each further attempt. */
const pauses = [200, 1000];
/** Too many requests; the server or one on the way to it is not there for the moment (RFC 9110, 15.6). */
const passing: ReadonlySet<number> = new Set([429, 502, 503, 504]);

answerQuestions<HttpRequest>(workerData as AskedWorkerData, async (request) => {
  const answer = await attempts(request);
  return typeof answer === 'string' ? { answer } : { answer, bytes: answer.body.buffer as ArrayBuffer };
});

/** Why there is no answer, and whether another attempt may have one. */
interface Failure {
  readonly why: string;
  readonly again: boolean;
}

async function attempts(request: HttpRequest): Promise<HttpReply | string> {
  for (const pause of pauses) {
    const answer = await attempt(request);
    if ('why' in answer ? !answer.again : !passing.has(answer.status)) return said(answer);
    await sleep(pause);
  }
  return said(await attempt(request));
}

const said = (answer: HttpReply | Failure): HttpReply | string => ('why' in answer ? answer.why : answer);

async function attempt({ url, headers, most }: HttpRequest): Promise<HttpReply | Failure> {
  const giveUp = new AbortController();
  let isSilent = false;
  const timer = setTimeout(() => {
    isSilent = true;
    giveUp.abort();
  }, stall);
  try {
    const response = await fetch(url, {
      // Else fetch asks for what is compressed, and a range of that is of no use.
      headers: { ...headers, 'Accept-Encoding': 'identity' },
      signal: giveUp.signal,
    });
    const body = response.status === 206 ? await take(response, most, timer) : new Uint8Array(0);
    // What is left of a body is not wanted, and its connection neither.
    if (response.status !== 206) giveUp.abort();
    return {
      status: response.status,
      url: response.url,
      contentRange: response.headers.get('content-range'),
      contentEncoding: response.headers.get('content-encoding'),
      etag: response.headers.get('etag'),
      lastModified: response.headers.get('last-modified'),
      body,
    };
  } catch (error) {
    return isSilent
      ? { why: `the server was silent for ${stall / 1000} s`, again: false }
      : { why: whyNot(error), again: true };
  } finally {
    clearTimeout(timer);
  }
}

/** At most `most` bytes of a body; fewer when the connection broke. */
async function take(response: Response, most: number, timer: NodeJS.Timeout): Promise<Uint8Array> {
  const bytes = new Uint8Array(most);
  let got = 0;
  if (response.body === null) return bytes.subarray(0, 0);
  for await (const piece of response.body) {
    timer.refresh();
    const part = piece.subarray(0, most - got);
    bytes.set(part, got);
    got += part.length;
    if (got === most) break;
  }
  return got === most ? bytes : bytes.slice(0, got);
}

/** fetch() says "fetch failed", and its cause why. */
function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof AggregateError) return whyNot(cause.errors[0]);
  return cause instanceof Error ? cause.message : error.message;
}
