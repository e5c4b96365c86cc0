import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PrintkRing } from '../../../test/support/printk-ring.ts';
import { SyntheticKernel } from '../../../test/support/synthetic-kernel.ts';
import { dmesgRecords, dmesgText, toLogRecord } from './log.ts';

function kernelWithLog(ring: PrintkRing): SyntheticKernel {
  const kernel = new SyntheticKernel();
  ring.placeIn(kernel);
  return kernel;
}

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
