/** What of the save flow needs no disk to mount. The whole flow is run by every rehearsal. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import type { Journal, JournalFields } from './journal.ts';
import { readConf, save } from './save.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'save-test-'));
});
after(() => rmSync(folder, { recursive: true }));

class Notebook implements Journal {
  readonly events: [string, JournalFields][] = [];
  event(name: string, fields: JournalFields = {}): void {
    this.events.push([name, fields]);
  }
}
const defaults = (device: string) => ({
  target: { fileSystem: 'ext4', device },
  path: '/var/crash',
  collector: { level: 31, codec: 'zstd' },
});

describe('the configuration of a capture', () => {
  it('is what the file says', () => {
    const path = join(folder, 'good.conf');
    writeFileSync(path, 'ext4 /dev/vda\ncore_collector makedumpfile -d 1\n');
    const journal = new Notebook();
    assert.deepEqual(readConf(path, journal, '/dev/vdb'), {
      ...defaults('/dev/vda'),
      collector: { level: 1, codec: undefined },
    });
    assert.deepEqual(journal.events, []);
  });

  it('that is broken or missing must not cost the dump: it is told, and the defaults are taken', () => {
    const broken = join(folder, 'broken.conf');
    writeFileSync(broken, 'ext4 /dev/vda\nbananas\n');
    for (const [path, why] of [
      [broken, /broken\.conf:2: "bananas" has no value.*\[E_USAGE\]/],
      [join(folder, 'missing.conf'), /missing\.conf: cannot read: no such file \[E_FILE\]/],
    ] as const) {
      const journal = new Notebook();
      assert.deepEqual(readConf(path, journal, '/dev/vdb'), defaults('/dev/vdb'));
      assert.equal(journal.events[0]?.[0], 'conf-ignored');
      assert.match(String(journal.events[0]?.[1].message), why);
    }
  });

  it('that is broken is an error when there is no other disk to take', () => {
    const path = join(folder, 'missing.conf');
    assert.throws(() => readConf(path, new Notebook(), undefined), failsWith('E_FILE'));
  });
});

describe('a save whose target cannot be mounted', () => {
  it('says so in the words of mount', async () => {
    const journal = new Notebook();
    const device = join(folder, 'no-device');
    const conf = { ...defaults(device), collector: { level: 31, codec: undefined } };
    await assert.rejects(
      save({ vmcore: join(folder, 'no-vmcore'), conf, also: 'nothing' }, journal),
      failsWith('E_IO', /^mount failed: /),
    );
    assert.deepEqual(
      journal.events.map(([name]) => name),
      ['save-start'],
    );
  });
});
