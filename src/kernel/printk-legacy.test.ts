/** Logs of kernels before 5.10, as log_store() of kernel/printk/printk.c (Linux 4.19) leaves them in memory. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../test/support/expect-error.ts';
import { SyntheticKernel } from '../../test/support/synthetic-kernel.ts';
import { formatRecord, type LogStart, readPrintkRecords } from './printk.ts';

/** struct printk_log of 4.18: ts_nsec 0, len 8, text_len 10, dict_len 12, facility 14, flags and level 15. */
const headerSize = 16;

interface OldRecord {
  readonly text: string;
  readonly dictionary?: string;
  readonly time?: bigint;
}

/** The ring, written as the kernel does it. */
class OldLog {
  readonly ring: Uint8Array;
  private readonly view: DataView;
  first = 0;
  next = 0;
  cleared = 0;
  count = 0;

  constructor(size = 512) {
    this.ring = new Uint8Array(size);
    this.view = new DataView(this.ring.buffer);
  }

  /** log_store() and log_make_free_space(). */
  add({ text, dictionary = '', time = 0n }: OldRecord): this {
    const length = (headerSize + text.length + dictionary.length + 3) & ~3;
    while (this.count > 0 && this.free < length + headerSize) {
      this.first = this.after(this.first);
      this.count--;
    }
    if (this.next + length + headerSize > this.ring.length) {
      this.ring.fill(0, this.next, this.next + headerSize);
      this.next = 0;
    }
    const at = this.next;
    this.view.setBigUint64(at, time, true);
    this.view.setUint16(at + 8, length, true);
    this.view.setUint16(at + 10, text.length, true);
    this.view.setUint16(at + 12, dictionary.length, true);
    this.ring.set(new TextEncoder().encode(text + dictionary), at + headerSize);
    this.next = at + length;
    this.count++;
    return this;
  }

  /** logbuf_has_space(): an end mark must fit as well. */
  private get free(): number {
    return this.next > this.first
      ? Math.max(this.ring.length - this.next, this.first)
      : this.first - this.next;
  }

  /** log_next() */
  private after(index: number): number {
    const length = this.view.getUint16(index + 8, true);
    return length === 0 ? this.view.getUint16(8, true) : index + length;
  }

  read(start: LogStart = 'oldest', struct = 'printk_log'): string[] {
    const kernel = new SyntheticKernel();
    const word = (value: number): bigint => kernel.place(new Uint8Array(Uint32Array.of(value, 0).buffer));
    const pointer = kernel.place(new Uint8Array(BigUint64Array.of(kernel.place(this.ring)).buffer));
    kernel.addInfo({
      OSRELEASE: '4.18.0-test',
      'SYMBOL(log_buf)': pointer,
      'SYMBOL(log_buf_len)': word(this.ring.length),
      'SYMBOL(log_first_idx)': word(this.first),
      'SYMBOL(log_next_idx)': word(this.next),
      'SYMBOL(clear_idx)': word(this.cleared),
      [`SIZE(${struct})`]: headerSize,
      [`OFFSET(${struct}.ts_nsec)`]: 0,
      [`OFFSET(${struct}.len)`]: 8,
      [`OFFSET(${struct}.text_len)`]: 10,
      [`OFFSET(${struct}.dict_len)`]: 12,
    });
    return readPrintkRecords(kernel.kernel(), start).map((record) => formatRecord(record, { caller: true }));
  }
}

const numbers = (count: number): OldRecord[] =>
  Array.from({ length: count }, (_, i) => ({ text: `record ${i}`, time: BigInt(i) * 1_000_000n }));

describe('the log of a kernel before 5.10', () => {
  it('is read in order, without dictionaries, further lines of a record indented', () => {
    const log = new OldLog()
      .add({ text: 'Linux version 4.18.0', time: 0n })
      .add({ text: 'usb 1-1: new device', dictionary: 'SUBSYSTEM=usb\0DEVICE=c189:1', time: 1_500_000_000n })
      .add({ text: 'two\nlines', time: 12_345_678_901_234n })
      .add({ text: '', time: 12_345_678_901_235n });
    assert.deepEqual(log.read(), [
      '[    0.000000] Linux version 4.18.0',
      '[    1.500000] usb 1-1: new device',
      '[12345.678901] two\n               lines',
      '[12345.678901] ',
    ]);
  });

  it('goes on at the beginning of the ring where a record did not fit its end', () => {
    for (let size = 128; size <= 192; size += 4) {
      const log = new OldLog(size);
      for (const record of numbers(23)) log.add(record);
      const lines = log.read();
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
    const log = new OldLog();
    for (const record of numbers(5)) log.add(record);
    log.cleared = log.next;
    assert.deepEqual(log.read('last-clear'), []);
    log.add({ text: 'after', time: 9_000_000_000n });
    assert.deepEqual(log.read('last-clear'), ['[    9.000000] after']);
    assert.equal(log.read().length, 6);
  });

  it('is found by the name its structure had before 3.11', () => {
    assert.deepEqual(new OldLog().add({ text: 'old' }).read('oldest', 'log'), ['[    0.000000] old']);
  });

  it('ends before a damaged record, and never goes round twice', () => {
    for (const damage of [
      (log: OldLog) => new DataView(log.ring.buffer).setUint16(24 + 8, 0xffff, true),
      (log: OldLog) => new DataView(log.ring.buffer).setUint16(24 + 10, 0xffff, true),
      (log: OldLog) => new DataView(log.ring.buffer).setUint16(24 + 8, 0, true),
    ]) {
      const log = new OldLog();
      for (const record of numbers(5)) log.add(record);
      damage(log);
      assert.deepEqual(log.read(), ['[    0.000000] record 0']);
    }
    const log = new OldLog().add({ text: 'only' });
    log.next = 3;
    assert.ok(log.read().length < 100);
    log.first = 10_000;
    assert.ok(log.read().length < 100);
  });

  it('of absurd size is damage', () => {
    const log = new OldLog(0);
    assert.throws(() => log.read(), failsWith('E_CORRUPT', /ring of 0 bytes/));
  });
});
