import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PrintkRing } from '../../../test/support/printk-ring.ts';
import { SyntheticKernel } from '../../../test/support/synthetic-kernel.ts';
import { dmesgRecords, dmesgText, panicReason, toLogRecord } from './log.ts';

function kernelWithLog(ring: PrintkRing): SyntheticKernel {
  const kernel = new SyntheticKernel();
  ring.placeIn(kernel);
  return kernel;
}
const logOf = (...texts: string[]) => texts.map((text, i) => ({ time: i + 1, caller: 'T1', text }));

describe('the log', () => {
  const kernel = kernelWithLog(
    new PrintkRing()
      .add({ text: 'first', time: 0n, caller: 0 })
      .add({ text: 'two\nlines', time: 1_234_567_000n, caller: 0x8000_0003 }),
  ).kernel();

  it('is text, a line for each, as makedumpfile --dump-dmesg writes it', () => {
    assert.equal(
      dmesgText(kernel, { caller: false }),
      '[    0.000000] first\n[    1.234567] two\n               lines\n',
    );
  });

  it('is records, with times as numbers and callers by name', () => {
    assert.deepEqual(dmesgRecords(kernel), [
      { time: 0, caller: 'T0', text: 'first' },
      { time: 1.234567, caller: 'C3', text: 'two\nlines' },
    ]);
  });

  it('shows microseconds exactly, after years too', () => {
    const record = { seq: 0n, time: 94_608_000_123_456_789n, callerId: undefined, text: new Uint8Array() };
    assert.deepEqual(toLogRecord(record), { time: 94608000.123456, caller: undefined, text: '' });
  });

  it('is text even where it is no text', () => {
    const record = { seq: 0n, time: 0n, callerId: undefined, text: Uint8Array.of(0x41, 0xff, 0xc3, 0xa4) };
    assert.equal(toLogRecord(record).text, 'A\ufffdä');
  });
});

describe('why the machine went down', () => {
  it('is the panic message, though an oops came before and more panics after', () => {
    const log = logOf(
      'sysrq: Trigger a crash',
      'BUG: kernel NULL pointer dereference, address: 0000000000000000',
      'Kernel panic - not syncing: Fatal exception ',
      'Kernel panic - not syncing: something later',
    );
    assert.deepEqual(panicReason(log), { message: 'Kernel panic - not syncing: Fatal exception', time: 3 });
  });

  it('is the oops when there is no panic message', () => {
    const oopses = [
      'BUG: unable to handle page fault for address: ffffffffdeadbeef',
      'kernel BUG at mm/slub.c:4023!',
      'Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000',
      'Oops: general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] PREEMPT SMP',
      'watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [stress:812]',
      'sysrq: Trigger a crash',
    ];
    for (const text of oopses) {
      assert.deepEqual(panicReason(logOf('Linux version', text, 'Call Trace:')), { message: text, time: 2 });
    }
  });

  it('is not what only quotes such a message', () => {
    assert.equal(panicReason(logOf('systemd: last log said Kernel panic - not syncing: x')), undefined);
    assert.equal(panicReason([]), undefined);
  });
});
