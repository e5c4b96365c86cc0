import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { MemorySink } from '../../../test/support/memory-sink.ts';
import { VmcoreError } from '../../base/errors.ts';
import { tryLevels } from './levels.ts';
import { LimitedSink, NullSink } from './limited-sink.ts';

describe('-L', () => {
  it('passes on what fits, to the byte, and is a full disk for the rest', () => {
    const file = new MemorySink();
    const limited = new LimitedSink(file, 100);
    limited.write(0, new Uint8Array(60).fill(1));
    assert.throws(
      () => limited.write(60, new Uint8Array(60).fill(2)),
      failsWith('E_NO_SPACE', /limit of 100 B/),
    );
    assert.throws(() => limited.write(200, new Uint8Array(1)), failsWith('E_NO_SPACE'));
    limited.write(0, new Uint8Array(100).fill(3));
    assert.deepEqual(file.bytes(), new Uint8Array(100).fill(3));
    assert.equal(file.bytes(2).filter((byte) => byte === 2).length, 40);
  });
});

describe('--dry-run', () => {
  it('knows how large the file would be', () => {
    const sink = new NullSink();
    sink.write(5000, new Uint8Array(10));
    sink.write(0, new Uint8Array(10));
    assert.equal(sink.size, 5010);
  });
});

describe('-d with several levels', () => {
  const full = new VmcoreError('E_NO_SPACE', 'full');
  it('goes on to the next when the dump does not fit', async () => {
    const steps: string[] = [];
    const attempt = async (level: number): Promise<string> => {
      steps.push(`try ${level}`);
      if (level < 31) throw full;
      return 'done';
    };
    const result = await tryLevels([1, 11, 31, 30], attempt, (level) => void steps.push(`retry ${level}`));
    assert.equal(result, 'done');
    assert.deepEqual(steps, ['try 1', 'retry 11', 'try 11', 'retry 31', 'try 31']);
  });

  it('ends with the error of the last one, and at once with any other', async () => {
    const tried: number[] = [];
    const failing = (error: Error) => (level: number) => {
      tried.push(level);
      return Promise.reject(error);
    };
    await assert.rejects(
      tryLevels([1, 31], failing(full), () => {}),
      failsWith('E_NO_SPACE'),
    );
    assert.deepEqual(tried, [1, 31]);
    await assert.rejects(
      tryLevels([1, 31], failing(new VmcoreError('E_IO', 'broken')), () => {}),
      failsWith('E_IO'),
    );
    assert.deepEqual(tried, [1, 31, 1]);
  });
});
