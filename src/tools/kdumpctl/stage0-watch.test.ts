/** The watching of stage 0, in the shell of the capture image: busybox. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findProgram } from '../../sys/programs.ts';

const busybox = findProgram('busybox');
const here = fileURLToPath(new URL('.', import.meta.url));

describe('stage 0 watches', { skip: busybox === undefined && 'no busybox', concurrency: true }, () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'stage0-test-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  let runs = 0;
  /** Runs shell code with ticks of one second, and files of its own. Its words, and the events. */
  function shell(code: string): { words: string[]; events: string[]; seconds: number; files: string } {
    const files = join(folder, String(runs++));
    const script = `${files}.sh`;
    writeFileSync(
      script,
      [
        `. ${here}stage0-common.sh`,
        `. ${here}stage0-watch.sh`,
        'PATH=/usr/bin:/bin',
        `heartbeat=${files}.heartbeat alive=${files}.alive`,
        'tick=1 grace=2',
        `journal() { echo "$1 $2" >>${files}.events; }`,
        // As start_watching does, without what restarts the machine, which is the one that tests.
        'trap : USR1',
        'show_life',
        '(while sleep 1; do kill -USR1 "$$"; done) & ticks=$!',
        code,
        'kill $ticks',
        '',
      ].join('\n'),
    );
    const started = performance.now();
    const { stdout, stderr } = spawnSync(busybox ?? '', ['sh', script], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.equal(stderr.replace(/^(Killed|Terminated)\n/gm, ''), '');
    const events = (() => {
      try {
        return readFileSync(`${files}.events`, 'utf8').trim().split('\n');
      } catch {
        return [];
      }
    })();
    return { words: stdout.trim().split('\n'), events, seconds: (performance.now() - started) / 1000, files };
  }

  it('a program that ends: its status, its input, and at once', () => {
    const { words, events, seconds } = shell(
      'echo input >"$alive.in"; watched 20 20 sh -c "cat; exit 7" <"$alive.in"; echo "status $status"; watched 20 20 true; echo "$?"',
    );
    assert.deepEqual(words, ['input', 'status 7', '0']);
    assert.deepEqual(events, []);
    assert.ok(seconds < 4, `${seconds}`);
  });

  it('a program that takes too long: it is asked to end', () => {
    const { words, events } = shell(
      'watched 2 20 sh -c "trap \\"echo asked; exit 0\\" TERM; while :; do sleep 0.1; done"; echo "$status"',
    );
    assert.deepEqual(words, ['asked', '124']);
    assert.deepEqual(events, ['ended {"program":"sh","message":"took longer than 2 s"}']);
  });

  it('a program without a sign of life that does not hear: it is killed, with its children', () => {
    const { words, events } = shell(
      `watched 20 2 sh -c 'trap "" TERM; sleep 77 & sleep 77'; echo "$status"; sleep 0.2; ps | grep -c "[s]leep 77"`,
    );
    assert.deepEqual(words, ['125', '0']);
    assert.match(events[0] ?? '', /^ended \{"program":"sh","message":"no sign of life for \d s"\}$/);
  });

  it('a program that gives signs of life may take longer than one without', () => {
    const { words, events } = shell(
      'watched 20 2 sh -c "for i in 1 2 3 4 5 6; do sleep 1; cut -d. -f1 /proc/uptime >$heartbeat; done; exit 3"; echo "$status"',
    );
    assert.deepEqual(words, ['3']);
    assert.deepEqual(events, []);
  });

  it('pings a watchdog while stage 0 comes by, and then leaves it to itself', () => {
    // A file takes the pings for the device.
    const { words } = shell(
      [
        'alive_limit=2',
        'ping_watchdog "$alive.dog" & ping=$!',
        'watched 20 20 sleep 4',
        'while kill -0 $ping 2>/dev/null; do sleep 0.2; done',
        'cat "$alive.dog"',
      ].join('\n'),
    );
    assert.match(words[0] ?? '', /^\.{5,10}$/);
  });

  it('disarms it where the machine is to stay off', () => {
    const { words } = shell(
      [
        'watchdog_stop=$alive.stop',
        'ping_watchdog "$alive.dog" & ping=$!',
        'sleep 1.5; : >"$watchdog_stop"',
        'while kill -0 $ping 2>/dev/null; do sleep 0.2; done',
        'cat "$alive.dog"',
      ].join('\n'),
    );
    assert.match(words[0] ?? '', /^\.{1,3}V$/);
  });
});
