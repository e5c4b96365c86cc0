import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { failsWith } from '../../test/support/expect-error.ts';
import { FileSink, syncDirectoryOf } from './file-sink.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'file-sink-test-'));
});
after(() => rmSync(folder, { recursive: true }));
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a file that we write', () => {
  it('takes bytes at any offset, in any order', () => {
    const path = join(folder, 'any-order');
    const sink = new FileSink(path, 'refuse');
    sink.write(6, bytes('world'));
    sink.write(0, bytes('hello'));
    sink.write(3, new Uint8Array());
    sink.finish('disk');
    syncDirectoryOf(path);
    assert.equal(readFileSync(path, 'latin1'), 'hello\0world');
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it('is a new one: other names of the old file keep its bytes', () => {
    const path = join(folder, 'replaced');
    writeFileSync(path, 'old', { mode: 0o644 });
    linkSync(path, join(folder, 'other-name'));
    const sink = new FileSink(path, 'overwrite');
    sink.write(0, bytes('new'));
    sink.finish('cache');
    assert.equal(readFileSync(path, 'latin1'), 'new');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(readFileSync(join(folder, 'other-name'), 'latin1'), 'old');
  });

  it('does not replace what is there unless told, and nothing but a file', () => {
    const path = join(folder, 'there');
    writeFileSync(path, 'old');
    assert.throws(() => new FileSink(path, 'refuse'), failsWith('E_EXISTS', /already exists/));
    const directory = join(folder, 'directory');
    mkdirSync(directory);
    assert.throws(() => new FileSink(directory, 'overwrite'), failsWith('E_FILE', /is a directory/));
    const link = join(folder, 'link');
    symlinkSync(path, link);
    assert.throws(() => new FileSink(link, 'refuse'), failsWith('E_EXISTS'));
    assert.throws(() => new FileSink(link, 'overwrite'), failsWith('E_FILE', /symbolic link/));
    assert.equal(readFileSync(path, 'latin1'), 'old');
  });

  it('tells a full disk from other failures', () => {
    // A device that is always full. It is not removed: it is no regular file.
    const full = new FileSink('/dev/full', 'overwrite');
    assert.throws(() => full.write(0, bytes('x')), failsWith('E_NO_SPACE', /no space left/));
    full.keep();
    assert.ok(statSync('/dev/full').isCharacterDevice());
  });

  it('is gone when it is discarded', () => {
    const path = join(folder, 'discarded');
    const sink = new FileSink(path, 'refuse');
    sink.write(0, bytes('half'));
    sink.discard();
    assert.equal(statSync(path, { throwIfNoEntry: false }), undefined);
  });

  it('stays when it is a device, however the work ends', (t) => {
    const path = join(folder, 'null');
    // A /dev/null of our own: a mistake here must not cost the machine its.
    if (spawnSync('mknod', [path, 'c', '1', '3']).status !== 0) return t.skip('only root makes device nodes');
    const sink = new FileSink(path, 'overwrite');
    sink.write(0, bytes('half'));
    sink.discard();
    assert.ok(statSync(path).isCharacterDevice());
  });
});
