/** The watching of stage 0, in the shell of the capture image: busybox. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findProgram, runProgram } from '../../sys/programs.ts';

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
  async function shell(code: string): Promise<{ words: string[]; events: string[]; seconds: number }> {
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
        // Never of the machine that tests.
        `sysrq() { echo "sysrq $1" >>${files}.events; exit; }`,
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
    const { stdout, stderr } = await runProgram(busybox ?? '', ['sh', script], { timeout: 60_000 });
    const seconds = (performance.now() - started) / 1000;
    assert.equal(stderr.replace(/^(Killed|Terminated)\n/gm, ''), '');
    const told = `${files}.events`;
    const events = existsSync(told) ? readFileSync(told, 'utf8').trim().split('\n') : [];
    return { words: stdout.toString().trim().split('\n'), events, seconds };
  }

  it('a program that ends: its status, its input, and at once', async () => {
    const { words, events, seconds } = await shell(
      'echo input >"$alive.in"; watched 20 20 sh -c "cat; exit 7" <"$alive.in"; echo "status $status"; watched 20 20 true; echo "$?"',
    );
    assert.deepEqual(words, ['input', 'status 7', '0']);
    assert.deepEqual(events, []);
    assert.ok(seconds < 4, `${seconds}`);
  });

  it('a program that takes too long: it is asked to end', async () => {
    const { words, events } = await shell(
      'watched 2 20 sh -c "trap \\"echo asked; exit 0\\" TERM; while :; do sleep 0.1; done"; echo "$status"',
    );
    assert.deepEqual(words, ['asked', '124']);
    assert.deepEqual(events, ['ended {"program":"sh","message":"took longer than 2 s"}']);
  });

  it('a program without a sign of life that does not hear: it is killed, with its children', async () => {
    const { words, events } = await shell(
      `watched 20 2 sh -c 'trap "" TERM; sleep 77 & sleep 77'; echo "$status"; sleep 0.2; ps | grep -c "[s]leep 77"`,
    );
    assert.deepEqual(words, ['125', '0']);
    assert.match(events[0] ?? '', /^ended \{"program":"sh","message":"no sign of life for \d s"\}$/);
  });

  it('a program that gives signs of life may take longer than one without', async () => {
    const { words, events } = await shell(
      'watched 20 2 sh -c "for i in 1 2 3 4 5 6; do sleep 1; cut -d. -f1 /proc/uptime >$heartbeat; done; exit 3"; echo "$status"',
    );
    assert.deepEqual(words, ['3']);
    assert.deepEqual(events, []);
  });

  it('a program that stands in a call has the limit of the call, and the call is told', async () => {
    const { words, events } = await shell(
      `export heartbeat; watched 20 1 sh -c 'echo "$(cut -d. -f1 /proc/uptime) 4 mounting \\"x\\" /dev/vda" >$heartbeat; sleep 77'; echo "$status"`,
    );
    assert.deepEqual(words, ['125']);
    assert.deepEqual(
      events.map((event) => event.replace(/for [56] s/, 'for 5 s')),
      ['ended {"program":"sh","message":"no sign of life for 5 s: mounting x /dev/vda"}'],
    );
  });

  it('a program that ends just when stage 0 is woken: its status all the same', async () => {
    const { words } = await shell(
      [
        '(while sleep 0.003; do kill -USR1 "$$"; done) & more=$!',
        'i=0; while [ $i -lt 100 ]; do i=$((i + 1)); watched 20 20 sh -c "sleep 0.01; exit 3"; echo "$status"; done >"$alive.out"; sort "$alive.out" | uniq -c',
        'kill $more',
      ].join('\n'),
    );
    assert.deepEqual(
      words.map((word) => word.trim()),
      ['100 3'],
    );
  });

  it('stage 0 itself: when it does not come by, the machine is restarted', async () => {
    const { events } = await shell(
      [
        'alive_limit=2',
        'look_after_stage0 & looking=$!',
        // Here it comes by, and then it is stuck in a program that nobody watches.
        'watched 20 20 sleep 3',
        'journal watched',
        'sleep 6 & while kill -0 $! 2>/dev/null; do wait $!; done',
        'kill $looking 2>/dev/null',
      ].join('\n'),
    );
    assert.deepEqual(events, [
      'watched ',
      'stage0-stuck {"message":"stage 0 did nothing for 3 s: restarting the machine"}',
      'sysrq b',
    ]);
  });

  it('pings a watchdog while stage 0 comes by, and then leaves it to itself', async () => {
    // A file takes the pings for the device.
    const { words } = await shell(
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

  it('disarms it where the machine is to stay off', async () => {
    const { words } = await shell(
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
