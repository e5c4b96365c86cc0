/** A ByteSink in memory that remembers every write, and fails on request. */
import assert from 'node:assert/strict';
import type { ByteSink } from '../../src/base/byte-sink.ts';
import { type ErrorCode, VmcoreError } from '../../src/base/errors.ts';

export interface RecordedWrite {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export class MemorySink implements ByteSink {
  readonly name = 'memory.out';
  readonly rewritable: boolean;
  readonly unwritten = 'zeros';
  readonly writes: RecordedWrite[] = [];
  private failure: { readonly end: number; readonly code: ErrorCode } | undefined;

  constructor(rewritable = true) {
    this.rewritable = rewritable;
  }

  /** Writes that reach beyond byte `end` throw from now on. */
  failBeyond(end: number, code: ErrorCode): void {
    this.failure = { end, code };
  }

  write(offset: number, bytes: Uint8Array): void {
    if (this.failure !== undefined && offset + bytes.length > this.failure.end) {
      throw new VmcoreError(this.failure.code, 'cannot write', { file: this.name, offset });
    }
    if (bytes.length > 0) this.writes.push({ offset, bytes: bytes.slice() });
  }

  /** The file as it is after the first `count` writes; all of them when not given. */
  bytes(count = this.writes.length): Uint8Array {
    const writes = this.writes.slice(0, count);
    const file = new Uint8Array(Math.max(0, ...writes.map(({ offset, bytes }) => offset + bytes.length)));
    for (const { offset, bytes } of writes) file.set(bytes, offset);
    return file;
  }
}

/** No byte was written twice. */
export function assertNoOverlap({ writes }: MemorySink): void {
  const sorted = [...writes].sort((a, b) => a.offset - b.offset);
  for (const [i, { offset }] of sorted.entries()) {
    const before = sorted[i - 1];
    if (before === undefined) continue;
    const end = before.offset + before.bytes.length;
    assert.ok(offset >= end, `bytes ${offset} to ${end} were written twice`);
  }
}
