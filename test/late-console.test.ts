/** The console of a guest, read by a process that is busy with something else: nothing of it may be missing. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { labPlan } from '../lab/guests/plan.ts';
import { requireProgram } from '../src/sys/programs.ts';
import { writeCpio } from '../src/tools/kdumpctl/image/cpio.ts';
import { ownPrograms } from '../src/tools/kdumpctl/image/programs.ts';
import { machines } from '../src/tools/rehearse/machines.ts';
import { runGuest } from '../src/tools/rehearse/qemu.ts';

const lineCount = 1000;
/** By the kernel, which waits 10 ms for a serial port and then writes all the same (wait_for_lsr() of drivers/tty/serial/8250/8250_port.c, Linux 6.1). */
const init = `#!/bin/busybox sh
busybox mount -t devtmpfs dev /dev
i=0
while [ $i -lt ${lineCount} ]; do
  echo "<1>line $i of a text that is long enough to fill what waits for a reader" > /dev/kmsg
  i=$((i + 1))
done
busybox poweroff -f
`;

it('a console that nobody reads for a while is whole', { timeout: 300_000 }, async () => {
  const work = mkdtempSync(join(tmpdir(), 'vmcore-late-console-'));
  try {
    const machine = machines.x86_64;
    const qemu = requireProgram(machine.qemu);
    const plan = await labPlan('6.1-x86_64', {});
    const initrd = join(work, 'initrd');
    writeCpio(initrd, [
      { kind: 'file', path: 'bin/busybox', mode: 0o755, data: { file: ownPrograms(plan.node).busybox } },
      { kind: 'file', path: 'init', mode: 0o755, data: Buffer.from(init) },
    ]);
    const serialLog = join(work, 'serial.log');
    const seen: string[] = [];
    const run = await runGuest(
      {
        qemu,
        accelerator: await machine.accelerator(qemu),
        kernel: plan.kernel!.image,
        initrd,
        commandLine: `console=${machine.console} quiet panic=-1 no_timer_check printk.devkmsg=on`,
        disks: [],
        memory: 512 << 20,
        cpus: 1,
        serialLog,
      },
      { total: 200, silence: 60, abort: new AbortController().signal },
      (line) => {
        // Other work of this process, in which it reads nothing.
        if (/ line 1 of/.test(line)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4000);
        if (/ line \d/.test(line)) seen.push(line);
        return undefined;
      },
    );
    assert.equal(run.end, 'powered-off', run.complaints);
    assert.deepEqual(
      seen.map(
        (line) =>
          /\] line (\d+) of a text that is long enough to fill what waits for a reader$/.exec(line)?.[1],
      ),
      Array.from({ length: lineCount }, (_, line) => String(line)),
    );
    assert.deepEqual(
      readFileSync(serialLog, 'latin1')
        .split('\n')
        .filter((line) => / line \d/.test(line)).length,
      lineCount,
    );
    assert.equal(statSync(serialLog).mode & 0o777, 0o600);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
});
