/**
 * A file on a web server, read by ranges: what requests say and what answers mean. How a request is made is the transport's: a thread in Node
 * (sys/http-source.ts), a synchronous XMLHttpRequest in a browser's worker (base/browser-sources.ts).
 *
 * Source of truth: RFC 9110, 13.1.5 (If-Range), 14 (ranges), 15 (statuses).
 */
import { VmcoreError } from './errors.ts';
import { type ByteRanges, firstRequest } from './range-source.ts';

export interface HttpRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** No more bytes of a body are taken. */
  readonly most: number;
}

export interface HttpReply {
  readonly status: number;
  /** Where redirects led to. */
  readonly url: string;
  /** Null for a header that is not there, or that a browser does not show. */
  readonly contentRange: string | null;
  readonly contentEncoding: string | null;
  readonly etag: string | null;
  readonly lastModified: string | null;
  /** Of an answer with status 206 only. */
  readonly body: Uint8Array;
}

/** Makes one request and waits for its answer; a text says why there is none. */
export interface HttpTransport {
  request(request: HttpRequest): HttpReply | string;
  close(): void;
}

export const isHttpUrl = (text: string): boolean => /^https?:\/\//i.test(text);

/** Opens a URL with `transport`. One clear VmcoreError for each way in which it cannot be read. */
export function openHttpRanges(text: string, transport: HttpTransport): ByteRanges {
  try {
    return new HttpRanges(text, transport);
  } catch (error) {
    transport.close();
    throw error;
  }
}

class HttpRanges implements ByteRanges {
  readonly name: string;
  readonly size: number;
  private readonly transport: HttpTransport;
  /** Without the name and password of its user, which fetch() does not take, and which are nobody else's. */
  private readonly original: string;
  private readonly origin: string;
  private readonly authorization: string | undefined;
  /** Where the last answer came from: each redirect is followed once. */
  private current: string;
  /** The version of the file that is read: a strong ETag, else its date (RFC 9110, 13.1.5: If-Range takes no weak ones). */
  private readonly version: string | undefined;
  /** The beginning, which came with the first answer. */
  private head: Uint8Array | undefined;

  constructor(text: string, transport: HttpTransport) {
    this.transport = transport;
    const url = urlFrom(text);
    this.authorization = basicAuthorization(url);
    url.username = '';
    url.password = '';
    url.hash = '';
    this.original = url.href;
    this.current = url.href;
    this.origin = url.origin;
    this.name = url.href;

    const reply = this.ask(0, firstRequest, undefined);
    if (reply.status === 416) {
      // The only range that does not overlap an empty file's beginning is any.
      if (!/^bytes \*\/0$/i.test(reply.contentRange ?? '')) throw this.odd(reply);
      this.size = 0;
      this.head = new Uint8Array(0);
      return;
    }
    const range = this.rangeOf(reply, 0);
    this.size = range.total;
    this.head = reply.body;
    if (reply.body.length < Math.min(firstRequest, this.size)) throw this.cutShort(0, reply.body.length);
    const strong = reply.etag?.startsWith('"') ? reply.etag : undefined;
    this.version = strong ?? reply.lastModified ?? undefined;
  }

  fetch(start: number, end: number): Uint8Array {
    // Only once: whoever fetches it keeps it.
    const { head } = this;
    this.head = undefined;
    if (head !== undefined && start === 0 && end <= head.length) return head.subarray(0, end);
    const reply = this.ask(start, end, this.version);
    const { total } = this.rangeOf(reply, start);
    // A browser may not be let ask for a version (If-Range): then any is given.
    const isOther = this.version?.startsWith('"') && reply.etag !== null && reply.etag !== this.version;
    if (total !== this.size || isOther) throw this.changed();
    if (reply.body.length < end - start) throw this.cutShort(start, reply.body.length);
    return reply.body;
  }

  close(): void {
    this.transport.close();
  }

  private ask(start: number, end: number, version: string | undefined): HttpReply {
    const reply = this.askAt(this.current, start, end, version);
    // What a redirect leads to is often good for minutes only: the way there is asked for again.
    const isStale = reply.status >= 400 && reply.status !== 416 && this.current !== this.original;
    const answer = isStale ? this.askAt(this.original, start, end, version) : reply;
    if (answer.status === 206) this.current = answer.url;
    return answer;
  }

  private askAt(url: string, start: number, end: number, version: string | undefined): HttpReply {
    const headers: Record<string, string> = { Range: `bytes=${start}-${end - 1}` };
    if (version !== undefined) headers['If-Range'] = version;
    if (this.authorization !== undefined && urlFrom(url).origin === this.origin)
      headers.Authorization = this.authorization;
    const reply = this.transport.request({ url, headers, most: end - start });
    if (typeof reply !== 'string') return reply;
    throw new VmcoreError('E_IO', `cannot read bytes ${start} to ${end - 1}: ${reply}`, {
      file: this.name,
      hint: 'is the server there, and the address right?',
    });
  }

  /** What a 206 says it is; an error for everything else. */
  private rangeOf(reply: HttpReply, start: number): { readonly total: number } {
    if (reply.status !== 206) throw this.refusal(reply);
    if (reply.contentEncoding !== null && reply.contentEncoding !== 'identity')
      throw this.needs(`the server compresses what it sends (${reply.contentEncoding})`);
    if (reply.contentRange === null) {
      throw this.needs(
        'the answer does not say which bytes it has',
        'from another origin, a browser shows Content-Range only when the server sends Access-Control-Expose-Headers: Content-Range, ETag',
      );
    }
    const [, first, , total] = /^bytes (\d+)-(\d+)\/(\d+)$/i.exec(reply.contentRange) ?? [];
    if (first === undefined || !Number.isSafeInteger(Number(total))) throw this.odd(reply);
    if (Number(first) !== start) throw this.odd(reply);
    return { total: Number(total) };
  }

  private refusal(reply: HttpReply): VmcoreError {
    const error = (what: string, hint: string): VmcoreError =>
      new VmcoreError('E_FILE', `${what} (status ${reply.status})`, { file: this.name, hint });
    switch (reply.status) {
      case 200:
        if (this.version !== undefined) return this.changed();
        return this.needs('the server gives the file only whole: it does not know ranges (status 200)');
      case 401:
        return error(
          'the server asks for a user and a password',
          'write them as http://USER:PASSWORD@HOST/…',
        );
      case 403:
        return error('the server does not permit it', 'has the link expired, or is it for somebody else?');
      case 404:
      case 410:
        return error('no such file on the server', 'check the address');
      case 416:
        return this.changed();
      default:
        return this.odd(reply);
    }
  }

  private needs(what: string, hint = 'download the file and open it from the disk'): VmcoreError {
    return new VmcoreError('E_NEEDS', what, { file: this.name, hint });
  }

  private changed(): VmcoreError {
    return new VmcoreError('E_IO', 'the file on the server changed while it was read', {
      file: this.name,
      hint: 'run this again when it is complete',
    });
  }

  private cutShort(start: number, got: number): VmcoreError {
    return new VmcoreError('E_IO', `the server sent only ${got} bytes of what it promised`, {
      file: this.name,
      offset: start,
      hint: 'try again',
    });
  }

  private odd({ status, contentRange }: HttpReply): VmcoreError {
    const range = contentRange === null ? '' : `, Content-Range: ${contentRange}`;
    return new VmcoreError('E_IO', `the server answered with status ${status}${range}`, {
      file: this.name,
      hint: 'download the file and open it from the disk',
    });
  }
}

function urlFrom(text: string): URL {
  if (isHttpUrl(text) && URL.canParse(text)) return new URL(text);
  throw new VmcoreError('E_USAGE', 'is not an address of a web server', {
    file: text,
    hint: 'write it as http://HOST/PATH or https://HOST/PATH',
  });
}

/** RFC 7617: in UTF-8. Undefined when the address names no user. */
function basicAuthorization({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(pair)))}`;
}
