import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { withFileLock } from './file-lock.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'vmcore-lock-'));
});
after(() => rmSync(folder, { recursive: true }));

const never = (): never => assert.fail('nobody was to be waited for');

describe('a file lock', () => {
  it('is free again when the work is done, or has failed', async () => {
    const path = join(folder, 'free');
    assert.equal(await withFileLock(path, { wait: 0, onWait: never }, async () => 1), 1);
    await assert.rejects(
      withFileLock(path, { wait: 0, onWait: never }, async () => {
        throw new Error('broken');
      }),
      /broken/,
    );
    assert.equal(await withFileLock(path, { wait: 0, onWait: never }, async () => 2), 2);
  });

  it("keeps out flock(1), and waits for flock(1)'s", async () => {
    const path = join(folder, 'shared');
    const status = await withFileLock(path, { wait: 0, onWait: never }, async () => {
      const other = spawn('flock', ['-n', path, 'true'], { stdio: 'ignore' });
      const [code] = await once(other, 'exit');
      return code;
    });
    assert.equal(status, 1);

    const holder = spawn('flock', [path, 'sh', '-c', 'echo locked; sleep 0.5'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(holder.stdout, 'data');
    let waited = 0;
    const began = performance.now();
    await withFileLock(path, { wait: 20_000, onWait: () => waited++ }, async () => {});
    assert.equal(waited, 1);
    assert.ok(performance.now() - began > 300, 'it waited');
  });

  it('gives up after the limit', async () => {
    const path = join(folder, 'held');
    const holder = spawn('flock', ['--no-fork', path, 'sh', '-c', 'echo locked; exec sleep 30'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(holder.stdout, 'data');
    try {
      await assert.rejects(withFileLock(path, { wait: 250, onWait: () => {} }, never), {
        code: 'E_IO',
        message: 'another program has had this lock for 0 s',
      });
    } finally {
      holder.kill();
    }
    await once(holder, 'exit');
  });
});
