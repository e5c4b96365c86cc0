/** The `dmesg` view: the kernel log as records, and what of it tells why the machine went down. */
import type { Kernel } from '../../kernel/kernel.ts';
import {
  callerName,
  formatRecord,
  type LogStart,
  type PrintkRecord,
  type RecordStyle,
  readPrintkRecords,
} from '../../kernel/printk.ts';

export interface LogRecord {
  /** Seconds since boot. */
  readonly time: number;
  /** Thread id or, in interrupt context, CPU: "T1", "C0". */
  readonly caller: string | undefined;
  readonly text: string;
}

/** The log as text, as makedumpfile --dump-dmesg writes it, with a newline after each record. */
export function dmesgText(kernel: Kernel, show: RecordStyle, start: LogStart = 'oldest'): string {
  return readPrintkRecords(kernel, start)
    .map((record) => `${formatRecord(record, show)}\n`)
    .join('');
}

export const dmesgRecords = (kernel: Kernel): LogRecord[] => readPrintkRecords(kernel).map(toLogRecord);

const decoder = new TextDecoder('utf-8');

export function toLogRecord(record: PrintkRecord): LogRecord {
  return {
    // Microseconds, as printed: a Number holds them exactly for 285 years.
    time: Number(record.time / 1000n) / 1e6,
    caller: record.callerId === undefined ? undefined : callerName(record.callerId),
    text: decoder.decode(record.text),
  };
}

/**
 * What a kernel says when it goes down, best first. The first group is the reason.
 * Source: panic() and oops paths of Linux 6.1 (kernel/panic.c, arch/x86/mm/fault.c, lib/bug.c, kernel/hung_task.c, kernel/watchdog.c).
 */
const reasons: readonly RegExp[] = [
  /^(Kernel panic - not syncing: .*)/,
  /^(BUG: .*)/,
  /^(kernel BUG at .*)/,
  /^(Unable to handle kernel .*)/,
  /^(Oops: .*)/,
  /^(watchdog: BUG: .*)/,
  /^(sysrq: Trigger a crash)/,
];

export interface PanicReason {
  readonly message: string;
  /** Seconds since boot. */
  readonly time: number;
}

/** The message the kernel went down with; undefined when the log holds none. */
export function panicReason(records: readonly LogRecord[]): PanicReason | undefined {
  for (const pattern of reasons) {
    // The first of its kind: what follows a panic message is usually its consequence.
    for (const { text, time } of records) {
      const match = pattern.exec(text);
      if (match) return { message: match[1]!.trimEnd(), time };
    }
  }
  return undefined;
}
