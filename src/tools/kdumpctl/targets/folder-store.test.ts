import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { isFlattened } from '../../../formats/flattened.ts';
import { FlattenedSource } from '../../../formats/flattened-source.ts';
import { openFile } from '../../../sys/file-source.ts';
import { folderName } from './dump-folder.ts';
import type { DumpStore } from './dump-store.ts';
import { folderStore, folderStoreOrClose } from './folder-store.ts';

const name = '127.0.0.1-2026-11-22-01:43:05';

describe('a folder as a store', () => {
  let root: string;
  let closed: number;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'vmcore-test-folder-'));
    closed = 0;
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const request = (path = '/var/crash'): Parameters<typeof folderStore>[0] => ({
    root,
    path,
    name,
    target: 'ext4 UUID=1',
    close: async () => {
      closed++;
    },
  });
  const open = (): DumpStore => folderStore(request());
  const folder = (): string => join(root, 'var/crash', name);

  it('is named after address and time', () => {
    assert.equal(folderName('127.0.0.1', new Date(2026, 10, 22, 1, 43, 5)), name);
  });

  it('belongs to root alone, and so does what is in it', async () => {
    const store = open();
    assert.equal(store.place, `ext4 UUID=1 /var/crash/${name}`);
    await store.saveFile('vmcore-dmesg.txt', Buffer.from('[    0.000000] Linux\n'));
    const { sink, finish } = await store.beginDump('vmcore', 'plain');
    sink.write(0, Buffer.from('KDUMP'));
    assert.deepEqual(readdirSync(folder()).toSorted(), ['vmcore-dmesg.txt', 'vmcore-incomplete']);
    assert.equal(await finish('complete'), 'vmcore');
    assert.deepEqual(readdirSync(folder()).toSorted(), ['vmcore', 'vmcore-dmesg.txt']);
    for (const above of ['var', 'var/crash', `var/crash/${name}`]) {
      assert.equal(statSync(join(root, above)).mode & 0o777, 0o700, above);
    }
    for (const file of readdirSync(folder())) {
      assert.equal(statSync(join(folder(), file)).mode & 0o777, 0o600, file);
    }
  });

  it('never writes into the folder of another dump', () => {
    const places = [open(), open(), open()].map(({ place }) => place.slice(place.lastIndexOf('/') + 1));
    assert.deepEqual(places, [name, `${name}-2`, `${name}-3`]);
  });

  it('a flattened dump has an end record only when it is whole', async () => {
    const store = open();
    const whole = await store.beginDump('vmcore', 'flattened');
    whole.sink.write(4096, Buffer.from('two'));
    whole.sink.write(0, Buffer.from('one'));
    assert.equal(await whole.finish('complete'), 'vmcore.flat');
    const source = new FlattenedSource(openFile(join(folder(), 'vmcore.flat')), 'refuse');
    assert.equal(source.size, 4099);
    source.close();
    const cut = await store.beginDump('vmcore', 'flattened');
    cut.sink.write(0, Buffer.from('one'));
    assert.equal(await cut.finish('incomplete'), 'vmcore-incomplete');
    const file = join(folder(), 'vmcore-incomplete');
    assert.ok(isFlattened(readFileSync(file)));
    assert.throws(() => new FlattenedSource(openFile(file), 'refuse'), failsWith('E_TRUNCATED'));
  });

  it('a second attempt takes the place of the first', async () => {
    const store = open();
    const first = await store.beginDump('vmcore', 'plain');
    first.sink.write(0, Buffer.alloc(1000));
    await first.finish('incomplete');
    const second = await store.beginDump('vmcore', 'plain');
    second.sink.write(0, Buffer.from('short'));
    await second.finish('complete');
    assert.equal(readFileSync(join(folder(), 'vmcore'), 'latin1'), 'short');
    assert.deepEqual(readdirSync(folder()), ['vmcore']);
  });

  it('tells what is free', () => assert.ok((open().free() ?? 0) > 0));

  it('lets go of a target that no folder can be made on, and says why', async () => {
    writeFileSync(join(root, 'file'), '');
    await assert.rejects(folderStoreOrClose(request('/file')), failsWith('E_FILE', /cannot make the folder/));
    assert.equal(closed, 1);
  });
});
