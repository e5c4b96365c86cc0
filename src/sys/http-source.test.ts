import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { failsWith } from '../../test/support/expect-error.ts';
import { type RangeServer, startRangeServer } from '../../test/support/range-server.ts';
import { VmcoreError } from '../base/errors.ts';
import { openHttp } from './http-source.ts';

const size = 3_000_001;
const content = new Uint8Array(size);
for (let i = 0; i < size; i++) content[i] = (i * 7 + (i >> 8) * 13) & 0xff;

const folder = mkdtempSync(join(tmpdir(), 'vmcore-http-'));
let server: RangeServer;
before(async () => {
  writeFileSync(join(folder, 'file'), content);
  server = await startRangeServer(join(folder, 'file'));
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function readWhole(path: string): Uint8Array {
  const source = openHttp(`${server.origin}${path}`);
  const bytes = new Uint8Array(source.size);
  for (let at = 0; at < bytes.length; ) at += source.read(at, bytes.subarray(at, at + 100_000));
  source.close();
  return bytes;
}

describe('openHttp', () => {
  it('reads anywhere, and no more than there is', () => {
    const source = openHttp(`${server.origin}/dump`);
    assert.equal(source.size, size);
    for (const [offset, length] of [
      [0, 16],
      [65530, 20],
      [2_900_000, 200_000],
      [size - 1, 10],
      [size, 10],
      [2 ** 60, 10],
    ] as const) {
      const into = new Uint8Array(length);
      const got = source.read(offset, into);
      assert.equal(got, Math.max(0, Math.min(length, size - offset)), `${offset}`);
      assert.deepEqual(into.subarray(0, got), content.subarray(offset, offset + got));
    }
    source.close();
  });

  it('asks for each byte once, in ever longer pieces when it is read onward', () => {
    server.traffic();
    assert.equal(digest(readWhole('/dump')), digest(content));
    const { requests, bytes } = server.traffic();
    assert.equal(bytes, size);
    assert.ok(requests <= 7, `${requests} requests`);
  });

  it('asks for little when it is read here and there', () => {
    server.traffic();
    const source = openHttp(`${server.origin}/huge`);
    assert.equal(source.size, 6 * 2 ** 30);
    const byte = new Uint8Array(1);
    for (const mebibyte of [5000, 3, 6143, 4097]) {
      source.read(mebibyte * 2 ** 20, byte);
      assert.equal(byte[0], mebibyte % 251);
      source.read(mebibyte * 2 ** 20 + 70_000, byte);
      assert.equal(byte[0], mebibyte % 251);
    }
    assert.deepEqual(server.traffic(), { requests: 5, bytes: 5 * 128 * 1024 });
    source.close();
  });

  it('follows a redirect once, and again when the link has gone stale', () => {
    server.traffic();
    assert.equal(digest(readWhole('/moved')), digest(content));
    const moved = server.traffic();
    server.traffic();
    assert.equal(digest(readWhole('/once')), digest(content));
    assert.ok(server.traffic().requests > moved.requests);
  });

  it('tries again when a server is busy or a connection breaks', () => {
    assert.equal(digest(readWhole('/busy')), digest(content));
    assert.equal(digest(readWhole('/broken')), digest(content));
  });

  it('shows its name and password to the server, and in no message', () => {
    const source = openHttp(`http://me:p%40ss@127.0.0.1:${server.port}/locked`);
    assert.equal(source.size, size);
    assert.equal(source.name, `${server.origin}/locked`);
    source.close();
    const wrong = `http://me:other@127.0.0.1:${server.port}/locked`;
    assert.throws(
      () => openHttp(wrong),
      (error) => error instanceof VmcoreError && !error.toLine().includes('other'),
    );
  });

  it('knows an empty file', () => {
    assert.equal(openHttp(`${server.origin}/empty`).size, 0);
  });

  for (const [path, code, says] of [
    ['/nowhere', 'E_FILE', /no such file on the server \(status 404\)/],
    ['/forbidden', 'E_FILE', /does not permit it \(status 403\)/],
    ['/locked', 'E_FILE', /asks for a user and a password/],
    ['/whole', 'E_NEEDS', /gives the file only whole/],
    ['/short', 'E_IO', /sent only 100 bytes/],
    ['/compressed', 'E_NEEDS', /compresses what it sends \(x-odd\)/],
  ] as const) {
    it(`says in one line what is wrong with ${path}`, () => {
      assert.throws(() => openHttp(`${server.origin}${path}`), failsWith(code, says));
    });
  }

  it('notices that the file is another one', () => {
    const source = openHttp(`${server.origin}/changing`);
    const read = (): number => source.read(1_000_000, new Uint8Array(10));
    assert.throws(read, failsWith('E_IO', /changed while it was read/));
    source.close();
  });

  it('says that nobody answers', () => {
    // tcpmux: nothing has listened there for decades.
    const open = (): unknown => openHttp('http://127.0.0.1:2/vmcore');
    assert.throws(open, failsWith('E_IO', /ECONNREFUSED/));
  });

  it('refuses what is no address', () => {
    assert.throws(() => openHttp('http://'), failsWith('E_USAGE'));
    assert.throws(() => openHttp('ftp://127.0.0.1/vmcore'), failsWith('E_USAGE'));
  });
});
