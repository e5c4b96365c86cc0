import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { failsWith } from '../../../test/support/expect-error.ts';
import { MemorySink } from '../../../test/support/memory-sink.ts';
import { FlattenedSink } from '../../formats/flattened-sink.ts';
import { type ByteInput, rearrange } from './rearrange.ts';

/** A stream of bytes that were written to a flattened dump. */
function streamOf(writes: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const chunks: Uint8Array[] = [];
  const sink = new FlattenedSink({ name: 'pipe', write: (bytes) => void chunks.push(bytes.slice()) });
  for (const [offset, bytes] of writes) sink.write(offset, bytes);
  sink.finish();
  return Buffer.concat(chunks);
}

function inputOf(bytes: Uint8Array): ByteInput {
  let at = 0;
  return {
    name: 'pipe',
    read(into) {
      const part = bytes.subarray(at, at + into.length);
      into.set(part);
      at += part.length;
      return part.length;
    },
  };
}

describe('rearranging a flattened stream', () => {
  it('gives the file that was written, whatever the order of the writes', () => {
    const write = fc.tuple(fc.nat(5000), fc.uint8Array({ minLength: 1, maxLength: 300 }));
    fc.assert(
      fc.property(fc.array(write, { maxLength: 40 }), (writes) => {
        const [direct, rearranged] = [new MemorySink(), new MemorySink()];
        for (const [offset, bytes] of writes) direct.write(offset, bytes);
        const total = rearrange(inputOf(streamOf(writes)), rearranged);
        assert.deepEqual(rearranged.bytes(), direct.bytes());
        assert.equal(
          total,
          writes.reduce((sum, [, bytes]) => sum + bytes.length, 0),
        );
      }),
      { numRuns: 100 },
    );
  });

  it('takes records that are larger than its buffer in pieces', () => {
    const large = new Uint8Array(3_000_001).map((_, i) => i * 7);
    const sink = new MemorySink();
    rearrange(inputOf(streamOf([[10, large]])), sink);
    assert.ok(sink.writes.length > 1);
    assert.deepEqual(Buffer.from(sink.bytes().subarray(10)), Buffer.from(large));
  });

  it('that breaks off says so, and has written what came', () => {
    const stream = streamOf([
      [0, new Uint8Array(100).fill(1)],
      [100, new Uint8Array(100).fill(2)],
    ]);
    for (const length of [4096, 4100, 4112, 4150, 4112 + 100, stream.length - 16, stream.length - 1]) {
      const sink = new MemorySink();
      assert.throws(
        () => rearrange(inputOf(stream.subarray(0, length)), sink),
        failsWith('E_TRUNCATED', /no end record/),
        `cut at ${length}`,
      );
      const came = Math.min(100, Math.max(0, length - 4112)) + Math.min(100, Math.max(0, length - 4228));
      assert.equal(sink.bytes().length, came, `cut at ${length}`);
    }
  });

  it('that breaks off makes a dump that says it is incomplete', () => {
    const head = new Uint8Array(464);
    head.set(new TextEncoder().encode('KDUMP   '));
    head.set([6], 8);
    head.set([1], 424);
    const stream = streamOf([
      [0, head],
      [4096, new Uint8Array(100)],
    ]);
    const [whole, cut] = [new MemorySink(), new MemorySink()];
    rearrange(inputOf(stream), whole);
    assert.equal(whole.bytes()[424], 1);
    assert.throws(() => rearrange(inputOf(stream.subarray(0, -20)), cut), failsWith('E_TRUNCATED'));
    assert.equal(cut.bytes()[424], 1 | 8);
  });

  it('that is none is told so', () => {
    for (const bytes of [new Uint8Array(), new Uint8Array(5000), new TextEncoder().encode('makedumpfile')]) {
      assert.throws(
        () => rearrange(inputOf(bytes), new MemorySink()),
        failsWith('E_NOT_A_DUMP', /flattened/),
      );
    }
  });
});
