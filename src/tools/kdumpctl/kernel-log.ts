/**
 * The log of the kernel that runs. As records, from /dev/kmsg: `6,339,5140900,-;text`, one a read (Documentation/ABI/testing/dev-kmsg). As text, all of it by
 * one system call.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { latin1 } from '../../base/bytes.ts';
import { kernelLogCall } from '../../sys/libc.ts';

export interface KernelLogRecord {
  /** Microseconds since the kernel started. */
  readonly time: number;
  readonly text: string;
}

/** What there is now; nothing when it cannot be read. */
export function kernelLog(device = '/dev/kmsg'): KernelLogRecord[] {
  // Lines behind the first of a record are its dictionary, and begin with a blank.
  return [...pieces(device)].flatMap((records) =>
    records.split('\n').flatMap((line) => {
      const [, time, text] = /^\d+,\d+,(\d+),[^;]*;(.*)$/.exec(line) ?? [];
      return time === undefined || text === undefined ? [] : [{ time: Number(time), text }];
    }),
  );
}

/** As dmesg(1) prints it: without the level that each line begins with. Nothing when it cannot be read. */
export function kernelLogText(): string {
  return (
    kernelLogCall()
      ?.toString('latin1')
      .replace(/^<\d+>/gm, '') ?? ''
  );
}

/** What is in a file, as far as it can be read now, without waiting for more; nothing when it cannot be opened. */
export function* pieces(path: string): Generator<string> {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return;
  }
  const buffer = new Uint8Array(64 << 10);
  try {
    for (;;) {
      const got = readSync(fd, buffer);
      if (got === 0) return;
      yield latin1(buffer.subarray(0, got));
    }
  } catch {
    // EAGAIN: no more records for now. Whatever else it is, this is only a look for reasons.
  } finally {
    closeSync(fd);
  }
}
