import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { type OldRecord, PrintkLog } from '../../../test/support/printk-log.ts';
import { SyntheticKernel } from '../../../test/support/synthetic-kernel.ts';
import { formatRecord, type LogStart, readPrintkRecords } from './printk.ts';

function read(log: PrintkLog, start: LogStart = 'oldest'): string[] {
  const kernel = new SyntheticKernel({ release: '4.18.0-test' });
  log.placeIn(kernel);
  return readPrintkRecords(kernel.kernel(), start).map((record) => formatRecord(record, { caller: true }));
}

const numbers = (count: number): OldRecord[] =>
  Array.from({ length: count }, (_, i) => ({ text: `record ${i}`, time: BigInt(i) * 1_000_000n }));

describe('the log of a kernel before 5.10', () => {
  it('is read in order, without dictionaries, further lines of a record indented', () => {
    const log = new PrintkLog()
      .add({ text: 'Linux version 4.18.0', time: 0n })
      .add({ text: 'usb 1-1: new device', dictionary: 'SUBSYSTEM=usb\0DEVICE=c189:1', time: 1_500_000_000n })
      .add({ text: 'two\nlines', time: 12_345_678_901_234n })
      .add({ text: '', time: 12_345_678_901_235n });
    assert.deepEqual(read(log), [
      '[    0.000000] Linux version 4.18.0',
      '[    1.500000] usb 1-1: new device',
      '[12345.678901] two\n               lines',
      '[12345.678901] ',
    ]);
  });

  it('goes on at the beginning of the ring where a record did not fit its end', () => {
    for (let size = 128; size <= 192; size += 4) {
      const log = new PrintkLog({ size });
      for (const record of numbers(23)) log.add(record);
      const lines = read(log);
      assert.equal(lines.length, log.count, `a ring of ${size} bytes`);
      const last = numbers(23).slice(-lines.length);
      assert.deepEqual(
        lines.map((line) => line.slice(line.indexOf(']') + 2)),
        last.map(({ text }) => text),
        `a ring of ${size} bytes`,
      );
    }
  });

  it('begins where it was last cleared, when that is asked for', () => {
    const log = new PrintkLog();
    for (const record of numbers(5)) log.add(record);
    log.cleared = log.next;
    assert.deepEqual(read(log, 'last-clear'), []);
    log.add({ text: 'after', time: 9_000_000_000n });
    assert.deepEqual(read(log, 'last-clear'), ['[    9.000000] after']);
    assert.equal(read(log).length, 6);
  });

  it('is found by the name its structure had before 3.11', () => {
    assert.deepEqual(read(new PrintkLog({ struct: 'log' }).add({ text: 'old' })), ['[    0.000000] old']);
  });

  it('ends before a damaged record, and never goes round twice', () => {
    for (const damage of [
      (log: PrintkLog) => new DataView(log.ring.buffer).setUint16(24 + 8, 0xffff, true),
      (log: PrintkLog) => new DataView(log.ring.buffer).setUint16(24 + 10, 0xffff, true),
      (log: PrintkLog) => new DataView(log.ring.buffer).setUint16(24 + 8, 0, true),
    ]) {
      const log = new PrintkLog();
      for (const record of numbers(5)) log.add(record);
      damage(log);
      assert.deepEqual(read(log), ['[    0.000000] record 0']);
    }
    const log = new PrintkLog().add({ text: 'only' });
    log.next = 3;
    assert.ok(read(log).length < 100);
    log.first = 10_000;
    assert.ok(read(log).length < 100);
  });

  it('tells who logged a record, where the kernel was built so (since 5.1)', () => {
    const log = new PrintkLog({ withCaller: true }).add({ text: 'in a thread', caller: 42 });
    assert.deepEqual(read(log.add({ text: 'in an interrupt', caller: 0x8000_0001 })), [
      '[    0.000000] [     T42] in a thread',
      '[    0.000000] [      C1] in an interrupt',
    ]);
  });

  it('of absurd size is damage', () => {
    const log = new PrintkLog({ size: 0 });
    assert.throws(() => read(log), failsWith('E_CORRUPT', /ring of 0 bytes/));
  });
});
