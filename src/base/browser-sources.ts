/**
 * Where bytes come from in a browser: a web server by XMLHttpRequest, a Blob (a file that the user picked) by FileReaderSync. Both read synchronously, and are
 * only there so in a worker.
 */
import type { ByteSource } from './byte-source.ts';
import { VmcoreError } from './errors.ts';
import { type HttpReply, type HttpRequest, openHttpRanges } from './http-ranges.ts';
import { type ByteRanges, RangeSource } from './range-source.ts';

/** Of the browser's own (https://xhr.spec.whatwg.org, https://w3c.github.io/FileAPI), what is used here. */
interface SynchronousRequest {
  open(method: 'GET' | 'HEAD', url: string, asynchronous: false): void;
  responseType: string;
  setRequestHeader(name: string, value: string): void;
  send(): void;
  getResponseHeader(name: string): string | null;
  readonly status: number;
  readonly responseURL: string;
  readonly response: unknown;
}
declare const XMLHttpRequest: new () => SynchronousRequest;
declare const location: { readonly origin: string };
declare const FileReaderSync: new () => { readAsArrayBuffer(blob: Blob): ArrayBuffer };

/**
 * A file on a web server. From another origin it needs Access-Control-Allow-Origin, and Access-Control-Expose-Headers: Content-Range, ETag. Errors as
 * openHttpRanges.
 */
export function openUrlInWorker(url: string): ByteSource {
  const transport = { request: knowsRanges(url) ? request : wholeOnly, close: () => undefined };
  return new RangeSource(openHttpRanges(url, transport));
}

/**
 * A server that gives the file only whole is not asked for it: all of it would come before anything could be said. Undefined headers tell nothing of servers of
 * another origin, whose answers are hidden.
 */
function knowsRanges(url: string): boolean {
  const xhr = new XMLHttpRequest();
  try {
    xhr.open('HEAD', url, false);
    xhr.send();
  } catch {
    // What is wrong shows when the file is asked for.
    return true;
  }
  const accepted = xhr.getResponseHeader('accept-ranges');
  const tellsAll = new URL(url).origin === location.origin;
  return xhr.status !== 200 || accepted === 'bytes' || (accepted === null && !tellsAll);
}

const wholeOnly = ({ url }: HttpRequest): HttpReply => ({
  status: 200,
  url,
  contentRange: null,
  contentEncoding: null,
  etag: null,
  lastModified: null,
  body: new Uint8Array(0),
});

function request({ url, headers, most }: HttpRequest): HttpReply | string {
  const xhr = new XMLHttpRequest();
  try {
    xhr.open('GET', url, false);
    xhr.responseType = 'arraybuffer';
    for (const [name, value] of Object.entries(headers)) {
      // It would make another origin be asked for permission first. A file that changes is noticed by its ETag all the same.
      if (name !== 'If-Range') xhr.setRequestHeader(name, value);
    }
    xhr.send();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return {
    status: xhr.status,
    url: xhr.responseURL,
    contentRange: xhr.getResponseHeader('content-range'),
    contentEncoding: xhr.getResponseHeader('content-encoding'),
    etag: xhr.getResponseHeader('etag'),
    lastModified: xhr.getResponseHeader('last-modified'),
    body:
      xhr.status === 206 && xhr.response instanceof ArrayBuffer
        ? new Uint8Array(xhr.response).subarray(0, most)
        : new Uint8Array(0),
  };
}

/** A Blob, or a file that the user picked. `name` is for messages. */
export const openBlobInWorker = (blob: Blob, name = '(Blob)'): ByteSource =>
  new RangeSource(new BlobRanges(blob, name));

class BlobRanges implements ByteRanges {
  readonly name: string;
  private readonly blob: Blob;

  constructor(blob: Blob, name: string) {
    this.blob = blob;
    this.name = name;
  }

  get size(): number {
    return this.blob.size;
  }

  fetch(start: number, end: number): Uint8Array {
    try {
      return new Uint8Array(new FileReaderSync().readAsArrayBuffer(this.blob.slice(start, end)));
    } catch (cause) {
      // The file was changed or removed since it was picked.
      throw new VmcoreError(
        'E_IO',
        `cannot read: ${cause instanceof Error ? cause.message : String(cause)}`,
        {
          file: this.name,
          offset: start,
          hint: 'pick the file again',
        },
      );
    }
  }

  close(): void {}
}
