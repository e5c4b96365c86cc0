import assert from 'node:assert/strict';
import { mkdtempSync, openAsBlob, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { openBlob } from './blob-source.ts';

const content = new Uint8Array(500_000);
for (let i = 0; i < content.length; i++) content[i] = (i * 7 + (i >> 8)) & 0xff;

const folder = mkdtempSync(join(tmpdir(), 'vmcore-blob-'));
after(() => rmSync(folder, { recursive: true }));

async function check(blob: Blob): Promise<void> {
  const source = await openBlob(blob);
  assert.equal(source.size, content.length);
  for (const [offset, length] of [
    [0, 10],
    [65530, 300_000],
    [499_990, 100],
    [500_000, 1],
  ] as const) {
    const into = new Uint8Array(length);
    const got = source.read(offset, into);
    assert.deepEqual(into.subarray(0, got), content.subarray(offset, offset + length), `${offset}`);
  }
  source.close();
}

describe('openBlob', () => {
  it('reads a Blob of several pieces anywhere', async () => {
    await check(new Blob([content.subarray(0, 1234), content.subarray(1234)]));
  });

  it('reads the Blob of a file, which no other thread may have', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, content);
    await check(await openAsBlob(path));
  });
});
