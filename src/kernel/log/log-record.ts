/** What a record of the kernel log is, whichever way a kernel keeps it. */

export interface PrintkRecord {
  readonly seq: bigint;
  /** Nanoseconds since boot, by the scheduler's clock. */
  readonly time: bigint;
  /** Bit 31 set: a CPU number (interrupt context); else a thread id. */
  readonly callerId: number | undefined;
  readonly text: Uint8Array;
}

/** Which records: all that are there, or those since the log was last cleared (`dmesg --clear`). */
export type LogStart = 'oldest' | 'last-clear';
