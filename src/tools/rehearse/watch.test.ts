import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestRun } from './qemu.ts';
import { Timeline } from './timeline.ts';
import { failureOf } from './watch.ts';

const off: GuestRun = { end: 'powered-off', seconds: 30, exitStatus: 0, complaints: '' };

function timelineOf(...lines: readonly string[]): Timeline {
  const timeline = new Timeline();
  for (const line of lines) timeline.line(line, 1);
  return timeline;
}

test('every end without a dump says why and what was seen last', () => {
  const seen = timelineOf('[    1.0] vmcore: machine-up {}', '');
  const cases: readonly (readonly [GuestRun, RegExp])[] = [
    [{ ...off, end: 'timeout' }, /not finished after 600 seconds; .*machine-up/],
    [{ ...off, end: 'silent' }, /nothing happened for \d+ seconds; .*machine-up/],
    [{ ...off, end: 'aborted' }, /^interrupted$/],
    [{ ...off, exitStatus: 1, complaints: 'no such disk' }, /QEMU ended with status 1: no such disk/],
    [off, /went down without a dump; .*machine-up/],
  ];
  for (const [run, expected] of cases) assert.match(failureOf({ run, timeline: seen }, 600) ?? '', expected);
});

test('what the guest said is told before how it ended', () => {
  const trouble = timelineOf('[    1.0] vmcore: save-failed {"message":"disk full"}');
  assert.match(failureOf({ run: { ...off, end: 'timeout' }, timeline: trouble }, 600) ?? '', /disk full/);
});

test('a saved dump is no failure', () => {
  assert.equal(
    failureOf({ run: off, timeline: timelineOf('[    1.0] vmcore: dump-saved {}') }, 600),
    undefined,
  );
});
