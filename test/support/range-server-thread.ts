/** The thread of range-server.ts. */
import { fstatSync, openSync, readSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import type { RangeServerData } from './range-server.ts';

const { file, counters } = workerData as RangeServerData;
const fd = openSync(file, 'r');
const fileSize = fstatSync(fd).size;
const hugeSize = 6 * 2 ** 30;
let version = 0;
let links = 0;
const used = new Set<string>();
/** Whether this is the first request of its kind. */
const isFirst = (name: string): boolean => !used.has(name) && used.add(name).has(name);

interface Range {
  readonly start: number;
  readonly end: number;
}

function fileBytes({ start, end }: Range): Buffer {
  const bytes = Buffer.alloc(end - start);
  readSync(fd, bytes, 0, bytes.length, start);
  return bytes;
}

function hugeBytes({ start, end }: Range): Buffer {
  const bytes = Buffer.alloc(end - start);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor((start + i) / 2 ** 20) % 251;
  return bytes;
}

function part(
  request: IncomingMessage,
  response: ServerResponse,
  size: number,
  etag: string,
  bytesOf: (range: Range) => Buffer,
): void {
  const { range, 'if-range': ifRange } = request.headers;
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
  if (first === undefined || last === undefined || (ifRange !== undefined && ifRange !== etag)) {
    response.writeHead(200, { etag, 'content-length': size });
    // Nobody wants to see it through.
    response.write(bytesOf({ start: 0, end: Math.min(size, 1000) }));
    return;
  }
  const start = Number(first);
  const end = Math.min(Number(last) + 1, size);
  if (start >= size) {
    response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
    return;
  }
  const bytes = bytesOf({ start, end });
  Atomics.add(counters, 1, BigInt(bytes.length));
  response.writeHead(206, { etag, 'content-range': `bytes ${start}-${end - 1}/${size}` }).end(bytes);
}

const dump = (request: IncomingMessage, response: ServerResponse): void =>
  part(request, response, fileSize, '"dump"', fileBytes);

const pages: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void>> = {
  '/dump': dump,
  '/whole': (_, response) => {
    response.writeHead(200, { 'content-length': fileSize });
    response.write(fileBytes({ start: 0, end: Math.min(fileSize, 1000) }));
  },
  '/moved': (_, response) => void response.writeHead(302, { location: '/dump' }).end(),
  '/once': (_, response) => void response.writeHead(302, { location: `/fresh/${++links}` }).end(),
  '/changing': (request, response) => part(request, response, fileSize, `"${++version}"`, fileBytes),
  '/busy': (request, response) => {
    if (isFirst(`busy ${request.headers.range}`)) response.writeHead(503).end();
    else dump(request, response);
  },
  '/broken': (request, response) => {
    if (!isFirst(`broken ${request.headers.range}`)) return dump(request, response);
    response.writeHead(206, {
      'content-range': `bytes 0-99999/${fileSize}`,
      'content-length': 100000,
    });
    response.write(Buffer.alloc(500), () => response.destroy());
  },
  '/short': (_, response) =>
    void response.writeHead(206, { 'content-range': `bytes 0-99/${2 ** 30}` }).end(Buffer.alloc(100)),
  '/locked': (request, response) => {
    if (request.headers.authorization === `Basic ${btoa('me:p@ss')}`) dump(request, response);
    else response.writeHead(401, { 'www-authenticate': 'Basic realm="dumps"' }).end();
  },
  '/huge': (request, response) => part(request, response, hugeSize, '"huge"', hugeBytes),
  '/empty': (_, response) => void response.writeHead(416, { 'content-range': 'bytes */0' }).end(),
  '/compressed': (_, response) =>
    void response
      .writeHead(206, { 'content-range': `bytes 0-9/10`, 'content-encoding': 'x-odd' })
      .end(Buffer.alloc(10)),
  '/forbidden': (_, response) => void response.writeHead(403).end(),
};

const server = createServer((request, response) => {
  Atomics.add(counters, 0, 1n);
  const path = request.url ?? '';
  if (path.startsWith('/fresh/')) {
    if (isFirst(path)) dump(request, response);
    else response.writeHead(403).end();
    return;
  }
  const page = pages[path];
  if (page === undefined) response.writeHead(404).end();
  else page(request, response);
});
server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port));
