import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findProgram, runChecked } from '../../../sys/programs.ts';
import { type CpioEntry, writeCpio } from './cpio.ts';

interface Listed {
  path: string;
  mode: number;
  inode: number;
  size: number;
  device: string;
  data: string;
}

/** A reader of its own, written from the format's description and sharing nothing with the writer. */
function listNewc(bytes: Buffer): Listed[] {
  const listed: Listed[] = [];
  for (let at = 0; ; ) {
    assert.equal(bytes.toString('latin1', at, at + 6), '070701', `magic at ${at}`);
    const field = (index: number): number =>
      Number.parseInt(bytes.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16);
    const nameEnd = at + 110 + field(11) - 1;
    assert.equal(bytes[nameEnd], 0, 'the name ends with NUL');
    const path = bytes.toString('utf8', at + 110, nameEnd);
    const dataAt = (at + 110 + field(11) + 3) & ~3;
    const size = field(6);
    if (path === 'TRAILER!!!') return listed;
    listed.push({
      path,
      mode: field(1),
      inode: field(0),
      size,
      device: `${field(9)}:${field(10)}`,
      data: bytes.toString('utf8', dataAt, dataAt + size),
    });
    at = (dataAt + size + 3) & ~3;
  }
}

function inFolder(run: (folder: string) => Promise<void> | void): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vmcore-cpio-'));
    try {
      await run(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

const entriesIn = (folder: string): CpioEntry[] => {
  writeFileSync(join(folder, 'source'), 'copied from a file');
  return [
    { kind: 'file', path: 'init', mode: 0o755, data: Buffer.from('#!/bin/sh\n') },
    { kind: 'directory', path: 'root', mode: 0o700 },
    { kind: 'file', path: 'root/deep/er/file', data: { file: join(folder, 'source') } },
    { kind: 'file', path: 'empty', data: new Uint8Array(0) },
    { kind: 'symlink', path: 'bin/sh', target: 'busybox' },
    { kind: 'device', type: 'character', path: 'dev/console', major: 5, minor: 1 },
    { kind: 'device', type: 'block', path: 'dev/vda', major: 254, minor: 0 },
  ];
};

test(
  'every kind of entry comes back with its type, mode and data, below its folders',
  inFolder((folder) => {
    const archive = join(folder, 'out.cpio');
    const size = writeCpio(archive, entriesIn(folder));
    const bytes = readFileSync(archive);
    assert.equal(size, bytes.length);
    assert.equal(statSync(archive).mode & 0o777, 0o600);
    const listed = listNewc(bytes);
    assert.deepEqual(
      listed.map(({ path, mode, device, data }) => [path, mode.toString(8), device, data]),
      [
        ['init', '100755', '0:0', '#!/bin/sh\n'],
        ['root', '40700', '0:0', ''],
        ['root/deep', '40755', '0:0', ''],
        ['root/deep/er', '40755', '0:0', ''],
        ['root/deep/er/file', '100644', '0:0', 'copied from a file'],
        ['empty', '100644', '0:0', ''],
        ['bin', '40755', '0:0', ''],
        ['bin/sh', '120777', '0:0', 'busybox'],
        ['dev', '40755', '0:0', ''],
        ['dev/console', '20600', '5:1', ''],
        ['dev/vda', '60600', '254:0', ''],
      ],
    );
    assert.equal(new Set(listed.map(({ inode }) => inode)).size, listed.length, 'inode numbers are unique');
  }),
);

test(
  'the same entries give the same bytes',
  inFolder((folder) => {
    writeCpio(join(folder, 'a'), entriesIn(folder));
    writeCpio(join(folder, 'b'), entriesIn(folder));
    assert.deepEqual(readFileSync(join(folder, 'a')), readFileSync(join(folder, 'b')));
  }),
);

test(
  'a missing file is an error that names it',
  inFolder((folder) => {
    const missing = join(folder, 'nothing');
    assert.throws(
      () => writeCpio(join(folder, 'a'), [{ kind: 'file', path: 'x', data: { file: missing } }]),
      { code: 'E_FILE', file: missing },
    );
  }),
);

test(
  'busybox cpio lists the same names',
  { skip: findProgram('busybox') === undefined && 'busybox is not installed' },
  inFolder(async (folder) => {
    const archive = join(folder, 'out.cpio');
    writeCpio(archive, entriesIn(folder));
    const peer = await runChecked(findProgram('busybox') ?? '', ['cpio', '-t', '-F', archive]);
    assert.deepEqual(
      peer.stdout.toString().trim().split('\n'),
      listNewc(readFileSync(archive)).map(({ path }) => path),
    );
  }),
);
