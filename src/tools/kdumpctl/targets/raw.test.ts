import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { smallKdump } from '../../../../test/support/dump-files.ts';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { FlattenedSource } from '../../../formats/flattened-source.ts';
import { openFile } from '../../../sys/file-source.ts';
import { rawStore } from './raw.ts';
import { recoverRaw } from './recover-raw.ts';

const now = new Date(2026, 10, 22, 1, 43, 5);

describe('raw target', () => {
  let work: string;
  let device: string;
  let kept: string;
  beforeEach(() => {
    work = mkdtempSync(join(tmpdir(), 'vmcore-test-raw-'));
    device = join(work, 'device');
    kept = join(work, 'crash');
    writeFileSync(device, '');
    truncateSync(device, 8 << 20);
  });
  afterEach(() => rmSync(work, { recursive: true }));

  /** Writes `bytes` as a dump, the second half first. */
  async function writeDump(bytes: Uint8Array, outcome: 'complete' | 'incomplete'): Promise<void> {
    const store = rawStore(device, 'raw device');
    const { sink, finish } = await store.beginDump('vmcore', 'flattened');
    const middle = bytes.length >> 1;
    sink.write(middle, bytes.subarray(middle));
    sink.write(0, bytes.subarray(0, middle));
    assert.equal(await finish(outcome), 'vmcore');
    await store.close();
  }

  it('is recovered once, byte for byte', async () => {
    const dump = randomBytes(2_000_001);
    await writeDump(dump, 'complete');
    const recovered = recoverRaw(device, kept, now);
    const file = join(kept, '127.0.0.1-2026-11-22-01:43:05', 'vmcore');
    assert.deepEqual(recovered, { file, outcome: 'complete', bytes: dump.length });
    assert.ok(readFileSync(file).equals(dump));
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(recoverRaw(device, kept, now), undefined);
  });

  it('is read as a flattened dump where it is', async () => {
    const dump = randomBytes(100_000);
    await writeDump(dump, 'complete');
    const source = new FlattenedSource(openFile(device), 'refuse');
    assert.equal(source.size, dump.length);
    source.close();
  });

  it('ends where the dump ends, over a longer one from before', async () => {
    await writeDump(new Uint8Array(4_000_000).fill(1), 'complete');
    // Cut short: what follows on the device are whole records of the other dump.
    const dump = smallKdump();
    await writeDump(dump, 'incomplete');
    const recovered = recoverRaw(device, kept, now);
    assert.equal(recovered?.outcome, 'incomplete');
    assert.equal(recovered?.bytes, dump.length);
    assert.equal(statSync(recovered?.file ?? '').size, dump.length);
    assert.match(recovered?.file ?? '', /vmcore-incomplete$/);
  });

  it('a save that ended between two writes leaves no record that claims more than there is', async () => {
    const store = rawStore(device, 'raw device');
    const { sink } = await store.beginDump('vmcore', 'flattened');
    sink.write(0, new Uint8Array(1000).fill(7));
    await store.close();
    const { outcome, bytes } = recoverRaw(device, kept, now) ?? {};
    assert.deepEqual({ outcome, bytes }, { outcome: 'incomplete', bytes: 1000 });
  });

  it('does not fit: told, and what is there is a dump that was cut short', async () => {
    const store = rawStore(device, 'raw device');
    assert.equal(store.free(), 8 << 20);
    const { sink, finish } = await store.beginDump('vmcore', 'flattened');
    sink.write(0, new Uint8Array(6 << 20));
    assert.throws(
      () => sink.write(6 << 20, new Uint8Array(2 << 20)),
      failsWith('E_NO_SPACE', /does not fit into 8/),
    );
    await finish('incomplete');
    await store.close();
    assert.equal(statSync(device).size, 8 << 20);
    assert.equal(recoverRaw(device, kept, now)?.bytes, 6 << 20);
  });

  it('keeps nothing but the dump', async () => {
    const store = rawStore(device, 'raw device');
    assert.equal(await store.saveFile('vmcore-dmesg.txt', new Uint8Array(10)), false);
    await store.close();
  });

  it('a copy is written as it is, and not recovered', async () => {
    const store = rawStore(device, 'raw device');
    const { sink, finish } = await store.beginDump('vmcore', 'plain');
    sink.write(0, Buffer.from('\x7fELF'));
    await finish('complete');
    await store.close();
    assert.equal(readFileSync(device).subarray(0, 4).toString('latin1'), '\x7fELF');
    assert.equal(recoverRaw(device, kept, now), undefined);
  });

  it('refuses what no dump fits into', () => {
    truncateSync(device, 1 << 20);
    assert.throws(() => rawStore(device, 'raw device'), failsWith('E_NO_SPACE', /no dump fits into 1/));
  });

  it('stays on the device when there is no room for the file', async () => {
    await writeDump(new Uint8Array(1000), 'complete');
    writeFileSync(kept, 'a file');
    assert.throws(() => recoverRaw(device, kept, now), failsWith('E_FILE'));
    rmSync(kept);
    assert.equal(recoverRaw(device, kept, now)?.outcome, 'complete');
  });

  it('nothing is taken off a device that holds something else', () => {
    writeFileSync(device, randomBytes(8192));
    assert.equal(recoverRaw(device, kept, now), undefined);
    assert.ok(!readdirSync(work).includes('crash'));
  });
});
