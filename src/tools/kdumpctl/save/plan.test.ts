/** What a save takes of a configuration: all that can be understood. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { recordingJournal } from '../../../../test/support/recording-journal.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { defaultCollector } from '../conf/collector.ts';
import { readPlan, type SavePlan } from './plan.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'plan-test-'));
});
after(() => rmSync(folder, { recursive: true }));

const defaults: SavePlan = {
  target: { kind: 'filesystem', fileSystem: 'ext4', device: { by: 'path', value: '/dev/vda' } },
  path: '/var/crash',
  collector: defaultCollector('filesystem'),
  hooks: { before: undefined, after: undefined, emergency: undefined },
  fence: { nodes: [], args: [] },
};

function written(text: string): string {
  const path = join(folder, 'kdump.conf');
  writeFileSync(path, text);
  return path;
}

describe('the configuration of a capture', () => {
  it('is what the file says', () => {
    const journal = recordingJournal();
    const path = written('ext4 /dev/vda\ncore_collector makedumpfile -d 1\nkdump_pre /bin/pre\n');
    assert.deepEqual(readPlan(path, journal), {
      ...defaults,
      hooks: { ...defaults.hooks, before: '/bin/pre' },
      collector: {
        ...defaultCollector('filesystem'),
        levels: [1],
        format: { kind: 'kdump', codec: undefined },
      },
    });
    assert.deepEqual(journal.events, []);
  });

  it('that has an error keeps all that is right: it is told, and must not cost the dump', () => {
    const journal = recordingJournal();
    const path = written('ext4 /dev/vda\nbananas\npath /dumps\ncore_collector makedumpfile -d 32\n');
    assert.deepEqual(readPlan(path, journal), { ...defaults, path: '/dumps' });
    const messages = journal.events.map(({ name, fields }) => `${name}: ${String(fields.message)}`);
    assert.equal(messages.length, 2);
    assert.match(messages[0]!, /^conf-problem: .*kdump\.conf:2: unknown key "bananas"; .*\[E_USAGE\]/);
  });

  it('whose target is wrong says what is wrong with it', () => {
    assert.throws(
      () => readPlan(written('ext4 vda\n'), recordingJournal()),
      failsWith('E_USAGE', /"vda" does not name a device/),
    );
  });

  it('that names no target is an error that says how to name one', () => {
    const path = written('path /x\n');
    assert.throws(
      () => readPlan(path, recordingJournal()),
      (error) =>
        error instanceof VmcoreError &&
        error.toLine() === `${path}: names no target; add a line such as "ext4 /dev/vda" [E_USAGE]`,
    );
  });

  it('that is not there is an error', () => {
    assert.throws(() => readPlan(join(folder, 'missing.conf'), recordingJournal()), failsWith('E_FILE'));
  });
});
