import assert from 'node:assert/strict';
import { test } from 'node:test';
import { captureLog, secondsOf, Timeline } from './timeline.ts';

const good: readonly (readonly [number, string])[] = [
  [5.4, '[    2.2] vmcore: machine-start {"memTotal":738664448}'],
  [7.5, '[    4.3] vmcore: machine-up {"memAvailable":574840832}'],
  [11.5, '[    8.4] vmcore: armed {"reserved":268435456}'],
  [11.6, '[    8.5] vmcore: crash {"by":"sysrq"}'],
  [12, '[    8.6] Kernel panic - not syncing: sysrq triggered crash'],
  [18.5, '[    2.5] vmcore: stage0-start {"memTotal":212799488,"memAvailable":145846272}'],
  [18.9, '[    2.9] vmcore: modules-loaded {}'],
  [21, '[    5.0] vmcore: save-start {}'],
  [21, '[    5.0] vmcore: crash-reason {"panic":"Kernel panic - not syncing: sysrq triggered crash"}'],
  [21.1, '[    5.1] vmcore: step-done {"step":"open vmcore","seconds":0.1}'],
  [21.3, '[    5.3] vmcore: step-done {"step":"open target","seconds":0.2}'],
  [21.5, '[    5.5] vmcore: dmesg-saved {"bytes":1}'],
  [21.6, '[    5.6] vmcore: filter-start {}'],
  [25, '[    9.0] vmcore: filter-progress {"done":10,"total":40}'],
  [29.5, '[   13.0] vmcore: filter-done {"written":9}'],
  [
    30,
    '[   13.5] vmcore: dump-saved {"path":"/var/crash/x/vmcore","bytes":9,"total":212799488,"lowestAvailable":120000000,"peakResident":75000000}',
  ],
  [
    30.1,
    '[   13.6] vmcore: target-closed {"total":212799488,"lowestAvailable":120000000,"peakResident":77000000}',
  ],
  [30.2, '[   13.6] vmcore: save-exit {"status":0}'],
  [30.3, '[   13.7] vmcore: final-action {"action":"poweroff","memAvailable":140000000}'],
];

function after(lines: readonly (readonly [number, string])[]): Timeline {
  const timeline = new Timeline();
  for (const [seconds, line] of lines) timeline.line(line, seconds);
  return timeline;
}

test('the steps of a good rehearsal follow the marks and add up to the run', () => {
  const timeline = after(good);
  timeline.off(30.5);
  assert.equal(timeline.trouble, undefined);
  assert.deepEqual(
    timeline.steps.map(({ name, seconds }) => [name, Math.round(seconds * 10) / 10]),
    [
      ['boot', 7.5],
      ['arm', 4],
      ['settle and panic', 0.5],
      ['panic to capture kernel', 4],
      ['boot the capture kernel', 2.5],
      ['load modules', 0.4],
      ['start our program', 2.1],
      ['open the target', 0.3],
      ['save dmesg', 0.2],
      ['prepare the filter', 0.1],
      ['filter', 7.9],
      ['sync and rename', 0.5],
      ['close the target', 0.1],
      ['end our program', 0.2],
      ['power off', 0.2],
    ],
  );
  assert.equal(
    timeline.steps.reduce((sum, { seconds }) => sum + seconds, 0),
    30.5,
  );
  assert.deepEqual(timeline.fields('dump-saved')?.bytes, 9);
  assert.deepEqual(timeline.stepsAfterPanic, timeline.steps.slice(3));
  assert.equal(secondsOf(timeline.stepsAfterPanic), 30.5 - 12);
  assert.deepEqual(after(good.slice(0, 4)).stepsAfterPanic, []);
});

test('a workload is a step of its own between boot and arm, and its failure is told', () => {
  const timeline = after([
    [7.5, '[    4.3] vmcore: machine-up {"memAvailable":574840832}'],
    [7.6, '[    4.4] vmcore: workload-start {}'],
    [37.5, '[   34.3] vmcore: loaded {"memAvailable":187502592}'],
    [41.5, '[   38.4] vmcore: armed {"reserved":268435456}'],
  ]);
  assert.deepEqual(
    timeline.steps.map(({ name, seconds }) => [name, seconds]),
    [
      ['boot', 7.5],
      ['load', 30],
      ['arm', 4],
    ],
  );
  assert.deepEqual(timeline.line('[    4.4] vmcore: workload-start {}', 42), {
    kind: 'step',
    name: 'load',
    hasShare: false,
  });
  timeline.line('[    9.0] vmcore: workload-failed {"message":"status 1"}', 43);
  assert.equal(timeline.trouble, 'the workload failed: status 1');
});

test('only the capture kernel counts for the memory that was left', () => {
  assert.equal(after(good.slice(0, 5)).lowestMemoryAvailable, undefined);
  assert.equal(after(good.slice(0, 6)).lowestMemoryAvailable, 145846272);
  assert.equal(after(good).lowestMemoryAvailable, 120000000);
  assert.equal(after(good.slice(0, 6)).peakResident, undefined);
  assert.equal(after(good).peakResident, 77000000);
});

test('lines become live progress', () => {
  const timeline = new Timeline();
  assert.deepEqual(timeline.line(good[1]![1], 1), { kind: 'step', name: 'arm', hasShare: false });
  assert.deepEqual(timeline.line(good[13]![1], 2), { kind: 'progress', share: 0.25 });
  assert.equal(timeline.line('[    1.0] some kernel line', 3), undefined);
});

test('every bad end is told in words', () => {
  const cases: readonly (readonly [string, number, RegExp])[] = [
    ['[ 1.0] Kernel panic - not syncing: VFS: Unable to mount', 0, /before it was meant to: VFS/],
    ['[ 1.0] Kernel panic - not syncing: Out of memory', 6, /the capture kernel panicked: Out of memory/],
    ['[ 1.0] vmcore: arm-failed {"status":6,"message":"no memory is reserved"}', 2, /armed: no memory is/],
    ['[ 1.0] vmcore: save-failed {"code":"E_NO_SPACE","message":"disk full"}', 8, /save failed: disk full/],
    ['[ 1.0] vmcore: save-exit {"status":127,"message":"not found"}', 6, /status 127: not found/],
  ];
  for (const [line, count, expected] of cases) {
    const timeline = after([...good.slice(0, count), [99, line]]);
    assert.match(timeline.trouble ?? '', expected);
    timeline.line('[ 2.0] vmcore: save-exit {"status":9}', 100);
    assert.match(timeline.trouble ?? '', expected, 'the first trouble is the one that counts');
  }
});

test('the capture log begins where the clock starts again after the panic', () => {
  const lines = [
    '[    0.1] first kernel',
    '[    8.6] Kernel panic - not syncing: sysrq triggered crash',
    '[    8.7] Call Trace:',
    '[    0.0] capture kernel',
    'no time',
    '[    0.2] more',
  ];
  assert.equal(captureLog(lines.join('\n')), lines.slice(3).join('\n'));
  const late = [
    ...lines.slice(0, 3),
    '[  999.500000] vmcore: stage0-start {}',
    '[  999.600000] vmcore: save-start {}',
  ];
  assert.equal(captureLog(late.join('\n')), late.slice(3).join('\n'));
  assert.equal(captureLog(lines.slice(0, 3).join('\n')), '');
  const oops = ['[    8.6] Oops: 0002 [#1] PREEMPT SMP NOPTI', '[    8.7] Call Trace:'];
  assert.equal(captureLog([...oops, ...lines.slice(3)].join('\n')), lines.slice(3).join('\n'));
  const silent = ['[    8.6] vmcore: crash {"by":"workload"}', ...late.slice(3)];
  assert.equal(captureLog(silent.join('\n')), late.slice(3).join('\n'));
});
