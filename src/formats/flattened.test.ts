/** The flattened format, from the layout of makedumpfile.h (1.7.9): 4096 bytes of header, big endian records, an end record. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { failsWith } from '../../test/support/expect-error.ts';
import { MemorySource } from '../base/byte-source.ts';
import { FlattenedSink } from './flattened-sink.ts';
import { FlattenedSource } from './flattened-source.ts';
import { openDump } from './open.ts';

type Record = readonly [offset: bigint | number, data: Uint8Array | readonly number[]];

/** Byte by byte, so that reading is not tested with our own writing. */
function flattened(
  records: readonly Record[],
  { end = true, type = 1n, version = 1n }: { end?: boolean; type?: bigint; version?: bigint } = {},
): Uint8Array {
  const size = records.reduce((sum, [, data]) => sum + 16 + data.length, 4096 + (end ? 16 : 0));
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('makedumpfile'));
  view.setBigInt64(16, type);
  view.setBigInt64(24, version);
  let at = 4096;
  for (const [offset, data] of records) {
    view.setBigInt64(at, BigInt(offset));
    view.setBigInt64(at + 8, BigInt(data.length));
    bytes.set(data, at + 16);
    at += 16 + data.length;
  }
  if (end) bytes.fill(0xff, at);
  return bytes;
}

const open = (bytes: Uint8Array, cutShort: 'refuse' | 'accept' = 'refuse') =>
  new FlattenedSource(new MemorySource(bytes, 'flat'), cutShort);

function contents(source: FlattenedSource): Uint8Array {
  const bytes = new Uint8Array(source.size);
  assert.equal(source.read(0, bytes), bytes.length);
  return bytes;
}

describe('a flattened file', () => {
  it('is the file it stands for: later records overwrite, gaps are zeros', () => {
    const source = open(
      flattened([
        [4, [1, 2, 3, 4]],
        [0, [9]],
        [6, [7, 7, 7]],
        [12, [5]],
      ]),
    );
    assert.deepEqual([...contents(source)], [9, 0, 0, 0, 1, 2, 7, 7, 7, 0, 0, 0, 5]);
  });

  it('is that file for any records and any read, also with thousands of them', () => {
    const record = fc.tuple(fc.nat(3000), fc.uint8Array({ minLength: 1, maxLength: 40 }));
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 1500, size: 'max' }),
        fc.array(fc.tuple(fc.nat(3100), fc.nat(500)), { maxLength: 20 }),
        (records, reads) => {
          const whole = new Uint8Array(Math.max(...records.map(([offset, data]) => offset + data.length)));
          for (const [offset, data] of records) whole.set(data, offset);
          const source = open(flattened(records));
          assert.equal(source.size, whole.length);
          assert.deepEqual(contents(source), whole);
          for (const [offset, length] of reads) {
            const into = new Uint8Array(length).fill(0xee);
            const want = whole.subarray(offset, offset + length);
            assert.equal(source.read(offset, into), want.length);
            assert.deepEqual(into.subarray(0, want.length), want);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('without an end record was cut short, wherever the cut is; what is there can be read', () => {
    const records: Record[] = [
      [0, [1, 2, 3, 4]],
      [4, [5, 6, 7, 8]],
    ];
    const whole = flattened(records);
    for (let length = 4096; length < whole.length; length++) {
      const cut = whole.subarray(0, length);
      assert.throws(() => open(cut), failsWith('E_TRUNCATED', /no end record/), `cut at ${length}`);
      const there = Math.min(4, Math.max(0, length - 4112)) + Math.min(4, Math.max(0, length - 4132));
      assert.deepEqual([...contents(open(cut, 'accept'))], [1, 2, 3, 4, 5, 6, 7, 8].slice(0, there));
    }
    assert.throws(() => open(whole.subarray(0, 4095)), failsWith('E_TRUNCATED', /header/));
  });

  it('that broke off stands for a dump that says it is incomplete, however it is read', () => {
    const kdumpHead = new Uint8Array(464);
    kdumpHead.set(new TextEncoder().encode('KDUMP   '));
    kdumpHead.set([6], 8);
    kdumpHead.set([0x20], 424);
    const elfHead = new Uint8Array(64);
    elfHead.set([0x7f, 0x45, 0x4c, 0x46, 2, 2]);
    for (const [head, at, byte] of [
      [kdumpHead, 424, 0x28],
      [elfHead, 51, 1],
    ] as const) {
      const marked = head.slice();
      marked[at] = byte;
      const broken = open(flattened([[0, head]], { end: false }), 'accept');
      assert.deepEqual(contents(broken), marked);
      const one = new Uint8Array(1);
      assert.equal(broken.read(at, one), 1);
      assert.equal(one[0], byte);
      assert.deepEqual(contents(open(flattened([[0, head]]), 'accept')), head);
    }
  });

  it('with a record that cannot be is corrupt', () => {
    assert.throws(() => open(flattened([[0, []]])), failsWith('E_CORRUPT', /a record of 0 bytes/));
    assert.throws(() => open(flattened([[-5, [1]]])), failsWith('E_CORRUPT', /offset -5/));
    assert.throws(() => open(flattened([[2n ** 62n, [1]]])), failsWith('E_CORRUPT'));
    const huge = flattened([[0, [1]]]);
    new DataView(huge.buffer).setBigInt64(4096 + 8, 2n ** 60n);
    assert.throws(() => open(huge), failsWith('E_CORRUPT'));
  });

  it('of a type or version to come is refused', () => {
    assert.throws(() => open(flattened([], { version: 2n })), failsWith('E_UNSUPPORTED', /version 2/));
    assert.throws(() => open(flattened([], { type: 7n })), failsWith('E_UNSUPPORTED', /type 7/));
  });

  it('is looked into for a dump, and its errors name it', () => {
    const options = { codecs: {}, cutShort: 'refuse' } as const;
    const text = new TextEncoder().encode('no dump');
    assert.throws(
      () => openDump(new MemorySource(flattened([[0, text]]), 'flat'), options),
      failsWith('E_NOT_A_DUMP', /not a dump/),
    );
    assert.throws(
      () => openDump(new MemorySource(flattened([]), 'flat'), options),
      failsWith('E_NOT_A_DUMP', /empty/),
    );
    const cut = new TextEncoder().encode('KDUMP   ');
    assert.throws(
      () => openDump(new MemorySource(flattened([[0, cut]]), 'flat'), options),
      failsWith('E_TRUNCATED', /kdump header/),
    );
  });
});

describe('writing the flattened format', () => {
  const write = (records: readonly Record[]): Uint8Array => {
    const chunks: Uint8Array[] = [];
    const sink = new FlattenedSink({ name: 'pipe', write: (bytes) => void chunks.push(bytes.slice()) });
    for (const [offset, data] of records) sink.write(Number(offset), Uint8Array.from(data));
    sink.finish();
    return Buffer.concat(chunks);
  };

  it('writes header, records and end record', () => {
    const records: Record[] = [
      [4096, [1, 2, 3]],
      [0, [4]],
      [2 ** 40, [5]],
    ];
    assert.deepEqual(Buffer.from(write(records)), Buffer.from(flattened(records)));
  });

  it('leaves out writes of no bytes, which would end the stream for its reader', () => {
    assert.deepEqual(
      Buffer.from(
        write([
          [7, []],
          [1, [2]],
        ]),
      ),
      Buffer.from(flattened([[1, [2]]])),
    );
  });

  it('knows how large the dump is', () => {
    const sink = new FlattenedSink({ name: 'pipe', write() {} });
    sink.write(100, new Uint8Array(28));
    sink.write(0, new Uint8Array(5));
    assert.equal(sink.size, 128);
  });
});
