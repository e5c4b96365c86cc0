import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { failsWith } from '../../../test/support/expect-error.ts';
import { PrintkRing, type RingOptions } from '../../../test/support/printk-ring.ts';
import { SyntheticKernel } from '../../../test/support/synthetic-kernel.ts';
import type { InfoLines } from '../../../test/support/vmcoreinfo-text.ts';
import { formatRecord, type PrintkRecord, readPrintkRecords } from './printk.ts';

function recordsOf(ring: PrintkRing): PrintkRecord[] {
  const kernel = new SyntheticKernel();
  ring.placeIn(kernel);
  return readPrintkRecords(kernel.kernel());
}
const textOf = (record: PrintkRecord): string => new TextDecoder().decode(record.text);
const textsOf = (ring: PrintkRing): string[] => recordsOf(ring).map(textOf);

describe('the kernel log', () => {
  it('has every record, oldest first, with time, caller and number', () => {
    const ring = new PrintkRing()
      .add({ text: 'Linux version 6.1.0', time: 0n, caller: 0 })
      .add({ text: 'Run /init as init process', time: 5_614_922_123n, caller: 1, state: 'committed' })
      .add({ text: 'Kernel panic', time: 5_700_000_000n, caller: 0x8000_0001 });
    assert.deepEqual(
      recordsOf(ring).map((record) => ({ ...record, text: textOf(record) })),
      [
        { seq: 0n, time: 0n, callerId: 0, text: 'Linux version 6.1.0' },
        { seq: 1n, time: 5_614_922_123n, callerId: 1, text: 'Run /init as init process' },
        { seq: 2n, time: 5_700_000_000n, callerId: 0x8000_0001, text: 'Kernel panic' },
      ],
    );
  });

  it('begins with the oldest record that is left when the ring has gone round', () => {
    const ring = new PrintkRing({ descriptorBits: 2, dataBits: 10 });
    for (let i = 0; i < 11; i++) ring.add({ text: `line ${i}` });
    assert.deepEqual(textsOf(ring), ['line 7', 'line 8', 'line 9', 'line 10']);
  });

  it('goes on over the end of the ids, which have 62 bits', () => {
    const ring = new PrintkRing({ descriptorBits: 3, dataBits: 12 });
    for (let i = 0; i < 13; i++) ring.add({ text: `line ${i}` });
    assert.ok(ring.tailId > ring.headId, 'the ids have run over');
    assert.equal(textsOf(ring).length, 8);
  });

  it('finds a block that did not fit the end of the data ring at its beginning', () => {
    // 1024 - 40 leaves 40 bytes: the second block (8 + 48) does not fit there.
    const ring = new PrintkRing({ dataBits: 10, firstPosition: 1024n - 40n - 32n })
      .add({ text: 'before the end' })
      .add({ text: 'a text that is longer than what is left of it' })
      .add({ text: 'after' });
    assert.deepEqual(textsOf(ring), [
      'before the end',
      'a text that is longer than what is left of it',
      'after',
    ]);
  });

  it('finds a block that ends exactly where the data ring ends', () => {
    for (const fit of ['until 6.17', 'since 6.18'] as const) {
      const ring = new PrintkRing({ dataBits: 10, firstPosition: 1024n - 24n, fit })
        .add({ text: 'sixteen letters!' })
        .add({ text: 'next' });
      assert.deepEqual(textsOf(ring), ['sixteen letters!', 'next'], fit);
    }
  });

  it('is the same, wherever in the ring it begins and however long its lines are', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 });
    const options = fc.record(
      {
        firstPosition: fc.nat(500).map((words) => BigInt(8 * words)),
        fit: fc.constantFrom<NonNullable<RingOptions['fit']>>('until 6.17', 'since 6.18'),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(lengths, options, (sizes, where) => {
        const texts = sizes.map((size, i) => String.fromCharCode(97 + i).repeat(size));
        const ring = new PrintkRing({ dataBits: 11, ...where });
        for (const text of texts) ring.add({ text });
        assert.deepEqual(textsOf(ring), texts);
      }),
      { numRuns: 60 },
    );
  });

  it('leaves out what is no record: being written, reusable, of another id, without data', () => {
    const ring = new PrintkRing()
      .add({ text: 'first' })
      .add({ text: 'half written', state: 'reserved' })
      .add({ text: 'old', state: 'reusable' })
      .add({ text: 'stale', id: 77n })
      .add({ text: 'no space was left', dataless: 1n })
      .add({ text: 'empty line', dataless: 3n })
      .add({ text: 'last' });
    assert.deepEqual(textsOf(ring), ['first', 'last']);
  });

  it('is empty before the first line', () => {
    const ring = new PrintkRing().add({ text: '', state: 'reusable', dataless: 1n });
    assert.deepEqual(textsOf(ring), []);
  });

  it('cuts a text at the end of its block, whatever its length claims', () => {
    const ring = new PrintkRing().add({ text: 'eight by', textLength: 500 }).add({ text: 'next' });
    assert.deepEqual(textsOf(ring), ['eight by', 'next']);
  });
});

describe('a damaged log', () => {
  const filled = (): PrintkRing => {
    const ring = new PrintkRing({ descriptorBits: 3 });
    for (let i = 0; i < 20; i++) ring.add({ text: `line ${i}` });
    return ring;
  };

  it('is read as far as it can be, in bounded time, whatever head and tail are', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(0n, 2n ** 64n - 1n), (head, tail) => {
        const ring = filled();
        ring.headId = head;
        ring.tailId = tail;
        assert.ok(recordsOf(ring).length <= 8);
      }),
      { numRuns: 40 },
    );
  });

  it('still gives all records when only its tail is damaged', () => {
    const ring = filled();
    const { headId } = ring;
    for (const tail of [headId + 1n, 0n, headId - 1_000_000n, 2n ** 63n]) {
      ring.tailId = tail;
      assert.equal(recordsOf(ring).length, 8, `tail ${tail}`);
    }
  });

  it('with absurd sizes is corrupt', () => {
    for (const [descriptorBits, dataBits] of [
      [0, 10],
      [27, 10],
      [0xffff_ffff, 10],
      [3, 0],
      [3, 32],
    ] as const) {
      const ring = filled();
      ring.descriptorBits = descriptorBits;
      ring.dataBits = dataBits;
      assert.throws(() => recordsOf(ring), failsWith('E_CORRUPT', /the printk ring has 2\^/));
    }
  });

  it('with sizes beyond its memory is not allocated first', () => {
    const before = process.memoryUsage().arrayBuffers;
    for (const [descriptorBits, dataBits] of [
      [26, 10],
      [3, 31],
    ] as const) {
      const ring = filled();
      ring.descriptorBits = descriptorBits;
      ring.dataBits = dataBits;
      assert.throws(() => recordsOf(ring), failsWith('E_UNREADABLE'));
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 100 * 2 ** 20);
  });

  it('with structures of an absurd size is an error of ours', () => {
    for (const key of ['SIZE(printk_ringbuffer)', 'SIZE(prb_desc)', 'SIZE(printk_info)']) {
      const kernel = new SyntheticKernel();
      filled().placeIn(kernel);
      kernel.addInfo({ [key]: '999999999999999' });
      assert.throws(() => readPrintkRecords(kernel.kernel()), failsWith('E_NO_INFO', /SIZE/), key);
    }
  });

  it('with members outside of their structures is an error of ours', () => {
    for (const key of [
      'OFFSET(prb_desc.text_blk_lpos)',
      'OFFSET(prb_desc.state_var)',
      'OFFSET(printk_info.seq)',
      'OFFSET(printk_info.text_len)',
      'OFFSET(printk_info.caller_id)',
      'OFFSET(printk_ringbuffer.desc_ring)',
      'OFFSET(prb_data_ring.data)',
    ]) {
      const kernel = new SyntheticKernel();
      filled().placeIn(kernel);
      kernel.addInfo({ [key]: 5000 });
      assert.throws(() => readPrintkRecords(kernel.kernel()), failsWith('E_NO_INFO'), key);
    }
  });

  it('of a kernel without printk is not there, and says so', () => {
    assert.throws(
      () => readPrintkRecords(new SyntheticKernel().kernel()),
      failsWith('E_NO_INFO', /neither SYMBOL\(prb\) nor SYMBOL\(log_buf\)/),
    );
  });
});

describe('the log since it was last cleared', () => {
  const numbers = (clearSeq: Uint8Array, info: InfoLines): number[] => {
    const kernel = new SyntheticKernel();
    const ring = new PrintkRing();
    for (let i = 0; i < 20; i++) ring.add({ text: `line ${i}` });
    ring.placeIn(kernel);
    kernel.addInfo({ 'SYMBOL(clear_seq)': kernel.place(clearSeq) }, info);
    return readPrintkRecords(kernel.kernel(), 'last-clear').map(({ seq }) => Number(seq));
  };
  const words = (...values: bigint[]): Uint8Array => new Uint8Array(BigUint64Array.from(values).buffer);

  it('begins at clear_seq, which kernels before 5.12 have plain', () => {
    assert.deepEqual(numbers(words(17n), {}), [17, 18, 19]);
    assert.deepEqual(numbers(words(20n), {}), []);
    assert.equal(numbers(words(0n), {}).length, 16);
  });

  it('begins at the valid one of two copies since 5.12', () => {
    const latched = { 'SIZE(latched_seq)': 24, 'OFFSET(latched_seq.val)': 8 };
    assert.deepEqual(numbers(words(4n, 18n, 99n), latched), [18, 19]);
    assert.deepEqual(numbers(words(5n, 99n, 19n), latched), [19]);
  });

  it('is the whole log when the kernel does not tell', () => {
    const kernel = new SyntheticKernel();
    new PrintkRing().add({ text: 'a' }).add({ text: 'b' }).placeIn(kernel);
    assert.equal(readPrintkRecords(kernel.kernel(), 'last-clear').length, 2);
  });
});

describe('a line of the log', () => {
  const line = (text: string | Uint8Array, time = 0n, caller?: number, showCaller = false): string =>
    formatRecord(
      {
        seq: 0n,
        time,
        callerId: caller,
        text: typeof text === 'string' ? new TextEncoder().encode(text) : text,
      },
      { caller: showCaller },
    );

  it('begins with seconds and microseconds since boot', () => {
    assert.equal(line('hello'), '[    0.000000] hello');
    assert.equal(line('hello', 5_614_922_999n), '[    5.614922] hello');
    assert.equal(line('hello', 123_456_000_001_000n), '[123456.000001] hello');
  });

  it('indents what follows in the same record', () => {
    assert.equal(line('CPU: 0\nCode: 90', 1_000_000n), '[    0.001000] CPU: 0\n               Code: 90');
  });

  it('or leaves it at the margin, when asked to', () => {
    const text = new TextEncoder().encode('CPU: 0\nCode: 90');
    const record = { seq: 0n, time: 1_000_000n, callerId: undefined, text };
    const shown = formatRecord(record, { caller: false, furtherLines: 'margin' });
    assert.equal(shown, '[    0.001000] CPU: 0\nCode: 90');
  });

  it('shows bytes that are not printable as \\xNN, and leaves white space alone', () => {
    assert.equal(
      line(Uint8Array.of(0x41, 0x00, 0x1b, 0x7f, 0x80, 0xff, 0x09)),
      '[    0.000000] A\\x00\\x1b\\x7f\\x80\\xff\t',
    );
  });

  it('shows who wrote it when asked: a thread, or a CPU in interrupt context', () => {
    assert.match(line('x', 0n, 1, true), /\[ {6}T1\] x$/);
    assert.match(line('x', 0n, 0x8000_0003, true), /\[ {6}C3\] x$/);
    assert.doesNotMatch(line('x', 0n, undefined, true), /T|C/);
    assert.doesNotMatch(line('x', 0n, 1, false), /T1/);
  });
});
