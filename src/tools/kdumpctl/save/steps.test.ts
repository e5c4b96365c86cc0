import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { type RecordingJournal, recordingJournal } from '../../../../test/support/recording-journal.ts';
import { unwatched } from '../targets/store-place.ts';
import { type Heartbeat, startHeartbeat } from './heartbeat.ts';
import { Steps } from './steps.ts';

const still: Heartbeat = { beat() {}, during: (work) => work, blocking: unwatched };

/** Of save-times. */
function fieldsOfLast({ events }: RecordingJournal): { seconds: number; steps: Record<string, number> } {
  const { fields } = events.at(-1)!;
  return fields as { seconds: number; steps: Record<string, number> };
}

describe('the steps of a save', () => {
  it('are told one by one as they end, also when they fail, and all at once in the end', async () => {
    const journal = recordingJournal();
    const steps = new Steps(journal, still);
    assert.equal(await steps.timed('filter', () => sleep(50, 'answer')), 'answer');
    await assert.rejects(
      steps.limited('open', 10, () => Promise.reject(new TypeError('mine'))),
      TypeError,
    );
    await steps.timed('filter', () => sleep(50));
    steps.tell();
    assert.deepEqual(
      journal.events.map(({ name, fields }) => [name, fields.step]),
      [
        ['step-done', 'filter'],
        ['step-done', 'open'],
        ['step-done', 'filter'],
        ['save-times', undefined],
      ],
    );
    const { seconds, steps: times } = fieldsOfLast(journal);
    assert.deepEqual(Object.keys(times), ['filter', 'open']);
    // Both times together; timers may come a millisecond early.
    assert.ok(times.filter! >= 0.098 && times.filter! <= seconds + 0.001, JSON.stringify(times));
  });

  it('that do not end are given up', async () => {
    const steps = new Steps(recordingJournal(), still);
    await assert.rejects(
      steps.limited('open target', 0.1, () => new Promise(() => {})),
      failsWith('E_IO', /^open target: not done after 0\.1 seconds/),
    );
  });
});

describe('the heartbeat', () => {
  it('is the uptime, written while something is waited for', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'heartbeat-test-'));
    try {
      const file = join(folder, 'heartbeat');
      const heartbeat = startHeartbeat(file);
      const first = Number(readFileSync(file, 'utf8'));
      assert.ok(Math.abs(first - uptime()) < 2, `${first}`);
      await heartbeat.during(sleep(2200));
      const then = Number(readFileSync(file, 'utf8'));
      assert.ok(then > first, `${first} ${then}`);
      // Nothing is waited for any more, and there is no progress.
      await sleep(1500);
      assert.equal(Number(readFileSync(file, 'utf8')), then);
      heartbeat.beat();
      assert.ok(Number(readFileSync(file, 'utf8')) > then);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('says what is called, and how long that may take, and then no more', () => {
    const folder = mkdtempSync(join(tmpdir(), 'heartbeat-test-'));
    try {
      const file = join(folder, 'heartbeat');
      const { blocking } = startHeartbeat(file);
      const inside = blocking('mounting ext4 /dev/vda', 180, () => readFileSync(file, 'utf8'));
      assert.match(inside, /^\d+ 180 mounting ext4 \/dev\/vda\n$/);
      assert.throws(() =>
        blocking('unmounting', 120, () => {
          throw new Error('mine');
        }),
      );
      assert.match(readFileSync(file, 'utf8'), /^\d+\n$/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('without its file costs nothing but the watching', () => {
    startHeartbeat('/no/such/folder/heartbeat').beat();
  });
});
