/** Hooks, with real programs. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { recordingJournal } from '../../../../test/support/recording-journal.ts';
import { forbids, type Hook, type HookEnd, hooksIn, runHook } from './hooks.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'hooks-test-'));
});
after(() => rmSync(folder, { recursive: true }));

function script(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

interface Run {
  readonly end: HookEnd;
  readonly said: readonly unknown[];
  readonly seconds: number;
}
async function run(program: string, args: readonly string[] = [], limit = 20): Promise<Run> {
  const journal = recordingJournal();
  const hook: Hook = { name: 'kdump_post', program, args };
  const started = performance.now();
  const end = await runHook(hook, limit, journal);
  const said = journal.events.flatMap(({ name, fields }) => (name === 'hook-output' ? [fields.message] : []));
  const done = journal.events.at(-1);
  assert.equal(done?.name, 'hook-done');
  for (const [key, value] of Object.entries(end)) assert.equal(done.fields[key], value);
  return { end, said, seconds: (performance.now() - started) / 1000 };
}

describe('a hook', () => {
  it('gets its arguments; what it says, also without an end of line, and its status are told', async () => {
    const program = script('talks', 'echo "status $1"; echo aloud >&2; printf "no end"; exit 7');
    const { end, said } = await run(program, ['4']);
    assert.deepEqual(end, { status: 7 });
    assert.deepEqual([...said].sort(), ['aloud', 'no end', 'status 4']);
  });

  it('that never ends is ended, with its children', async () => {
    const { end, seconds } = await run(script('waits', 'sleep 100 & sleep 100'), [], 0.3);
    assert.deepEqual(end, { message: 'ended after 0.3 seconds' });
    assert.ok(seconds < 5, `${seconds}`);
  });

  it('may leave something running, which nobody waits for', async () => {
    const { end, seconds } = await run(script('leaves', 'sleep 3 & echo done'));
    assert.deepEqual(end, { status: 0 });
    assert.ok(seconds < 2.5, `${seconds}`);
  });

  it('that cannot be started says so, and that is no veto', async () => {
    const { end } = await run(join(folder, 'missing'));
    assert.match('message' in end ? end.message : '', /^cannot be started: .*ENOENT/);
    assert.equal(forbids(end), false);
    assert.equal(forbids({ status: 0 }), false);
    assert.equal(forbids({ status: 1 }), true);
  });

  it('that talks without end is not told without end', async () => {
    const { said } = await run(script('chatters', 'i=0; while [ $i -lt 500 ]; do echo $i; i=$((i+1)); done'));
    assert.equal(said.length, 100);
    assert.equal(said.at(-1), '…');
  });
});

it('the hooks of a folder come in the order of their names; a folder that is not there has none', () => {
  const parts = join(folder, 'parts.d');
  assert.deepEqual(hooksIn(parts, 'pre.d'), []);
  script('20-b', '');
  script('10-a', '');
  const names = hooksIn(folder, 'post.d').map(({ program }) => program);
  assert.deepEqual(names.slice(0, 2), [join(folder, '10-a'), join(folder, '20-b')]);
});
