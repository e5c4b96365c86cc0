/** What of the save flow needs no disk to mount. The whole flow is run by every rehearsal. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { VmcoreError } from '../../base/errors.ts';
import { defaultCollector } from './conf/collector.ts';
import type { Journal, JournalFields } from './journal.ts';
import { readConf, type SavePlan, save } from './save.ts';

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
const defaults = (device: string): SavePlan => ({
  target: { kind: 'filesystem', fileSystem: 'ext4', device: { by: 'path', value: device } },
  path: '/var/crash',
  collector: defaultCollector('filesystem'),
});
/** Of one event, in the order in which they came. */
const messages = (journal: Notebook, event: string): string[] =>
  journal.events.flatMap(([name, fields]) => (name === event ? [String(fields.message)] : []));

describe('the configuration of a capture', () => {
  it('is what the file says', () => {
    const path = join(folder, 'good.conf');
    writeFileSync(path, 'ext4 /dev/vda\ncore_collector makedumpfile -d 1\n');
    const journal = new Notebook();
    assert.deepEqual(readConf(path, journal, '/dev/vdb'), {
      ...defaults('/dev/vda'),
      collector: {
        ...defaultCollector('filesystem'),
        levels: [1],
        format: { kind: 'kdump', codec: undefined },
      },
    });
    assert.deepEqual(journal.events, []);
  });

  it('that has an error keeps all that is right: it is told, and must not cost the dump', () => {
    const path = join(folder, 'broken.conf');
    writeFileSync(path, 'ext4 /dev/vda\nbananas\npath /dumps\ncore_collector makedumpfile -d 32\n');
    const journal = new Notebook();
    assert.deepEqual(readConf(path, journal, undefined), { ...defaults('/dev/vda'), path: '/dumps' });
    assert.deepEqual(messages(journal, 'conf-problem').length, 2);
    assert.match(
      messages(journal, 'conf-problem')[0]!,
      /broken\.conf:2: unknown key "bananas"; .*\[E_USAGE\]/,
    );
    assert.deepEqual(messages(journal, 'conf-ignored'), []);
  });

  it('without a target that can be saved to, or missing, is told, and the other disk is taken', () => {
    const ssh = join(folder, 'ssh.conf');
    writeFileSync(ssh, 'ssh kdump@server\npath /dumps\ncore_collector makedumpfile -F -d 1\n');
    const wrong = join(folder, 'wrong.conf');
    writeFileSync(wrong, 'ext4 vda\npath /dumps\n');
    for (const [path, event, why, folderOnTarget] of [
      [
        ssh,
        'conf-ignored',
        /ssh\.conf: this release does not save to "ssh kdump@server".*\[E_UNSUPPORTED\]/,
        '/dumps',
      ],
      [wrong, 'conf-ignored', /wrong\.conf:1: "vda" does not name a device.*\[E_USAGE\]/, '/dumps'],
      [
        join(folder, 'no.conf'),
        'conf-problem',
        /no\.conf: cannot read: no such file \[E_FILE\]/,
        '/var/crash',
      ],
    ] as const) {
      const journal = new Notebook();
      assert.deepEqual(readConf(path, journal, '/dev/vdb'), {
        ...defaults('/dev/vdb'),
        path: folderOnTarget,
      });
      assert.match(messages(journal, event)[0] ?? '', why);
    }
  });

  it('that names no target is an error that says how to name one, when there is no other disk', () => {
    const path = join(folder, 'nowhere.conf');
    writeFileSync(path, 'path /x\n');
    assert.throws(
      () => readConf(path, new Notebook(), undefined),
      (error) =>
        error instanceof VmcoreError &&
        error.toLine() === `${path}: names no target; add a line such as "ext4 /dev/vda" [E_USAGE]`,
    );
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
    const conf = defaults(device);
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
