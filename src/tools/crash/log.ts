/** The `dmesg` view: the kernel log as records. What of it tells why the machine went down: panic-reason.ts. */
import type { Kernel } from '../../kernel/kernel.ts';
import {
  callerName,
  formatRecord,
  type LogStart,
  type PrintkRecord,
  type RecordStyle,
  readPrintkRecords,
} from '../../kernel/log/printk.ts';

export interface LogRecord {
  /** Seconds since boot. */
  readonly time: number;
  /** Thread id or, in interrupt context, CPU: "T1", "C0". */
  readonly caller: string | undefined;
  readonly text: string;
}

/** The log as text, as makedumpfile --dump-dmesg writes it, with a newline after each record. */
export const dmesgText = (kernel: Kernel, show: RecordStyle, start: LogStart = 'oldest'): string =>
  recordsText(readPrintkRecords(kernel, start), show);

/** The same of records that are read already. */
export const recordsText = (records: readonly PrintkRecord[], show: RecordStyle): string =>
  records.map((record) => `${formatRecord(record, show)}\n`).join('');

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
