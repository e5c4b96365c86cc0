import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { madeOnce } from './made-once.ts';

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'vmcore-made-once-'));
});
afterEach(() => rmSync(cache, { recursive: true }));

/** Makes a folder with a file in it. */
const folderWith =
  (text: string) =>
  async (work: string): Promise<string> => {
    writeFileSync(join(work, 'file'), text);
    return work;
  };

describe('what is made once', () => {
  it('is a folder, which is then taken as it is', async () => {
    const path = join(cache, 'key');
    assert.equal(await madeOnce(path, folderWith('first')), path);
    await madeOnce(path, () => assert.fail('made again'));
    assert.equal(readFileSync(join(path, 'file'), 'utf8'), 'first');
    assert.equal(statSync(path).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(cache), ['key']);
  });

  it('or a part of what was made on the way', async () => {
    const path = await madeOnce(join(cache, 'key'), async (work) => {
      mkdirSync(join(work, 'scratch'));
      writeFileSync(join(work, 'result'), 'file');
      return join(work, 'result');
    });
    assert.equal(readFileSync(path, 'utf8'), 'file');
    assert.deepEqual(readdirSync(cache), ['key']);
  });

  it('is not there before it is whole, nor when that fails', async () => {
    const path = join(cache, 'key');
    const making = madeOnce(path, async (work) => {
      writeFileSync(join(work, 'half'), '');
      assert.equal(existsSync(path), false);
      throw new Error('no room');
    });
    await assert.rejects(making, /no room/);
    assert.deepEqual(readdirSync(cache), []);
  });

  it('by two at a time is one of both', async () => {
    const path = join(cache, 'key');
    await Promise.all(['one', 'other'].map((text) => madeOnce(path, folderWith(text))));
    assert.match(readFileSync(join(path, 'file'), 'utf8'), /^(one|other)$/);
    assert.deepEqual(readdirSync(cache), ['key']);
  });

  it('removes what killed runs left, when it is a day old', async (t) => {
    mkdirSync(join(cache, '.making-killed/folder'), { recursive: true });
    await madeOnce(join(cache, 'now'), folderWith(''));
    assert.deepEqual(readdirSync(cache).toSorted(), ['.making-killed', 'now']);
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 25 * 60 * 60 * 1000 });
    await madeOnce(join(cache, 'tomorrow'), folderWith(''));
    assert.deepEqual(readdirSync(cache).toSorted(), ['now', 'tomorrow']);
  });
});
