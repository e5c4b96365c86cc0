/**
 * The journal of a capture: one line an event, `vmcore: NAME {json}`, written to /dev/kmsg.
 *
 * A write to /dev/kmsg is one record of the kernel's log: lines of several writers never mix, the kernel adds its time
 * stamp, and the line is in the next dmesg. Level 3 (error) is what a console still shows under `quiet`. The kernel
 * refuses a write of more than 976 bytes and, unless printk.devkmsg=on, drops bursts (devkmsg_write() in
 * kernel/printk/printk.c, Linux 6.1). Shell code writes the same lines (stage0.sh), the rehearsal parses them out of a serial log.
 */
import { closeSync, openSync, writeSync } from 'node:fs';

/** On the kernel's command line: a burst of lines is not dropped (Documentation/admin-guide/kernel-parameters.txt). */
export const journalParameter = 'printk.devkmsg=on';

export type JournalValue = string | number | boolean | null | readonly JournalValue[] | JournalFields;
export interface JournalFields {
  readonly [name: string]: JournalValue;
}

export interface JournalEvent {
  readonly name: string;
  readonly fields: JournalFields;
}

/** An event as read back from a log; `time` is the kernel's, seconds since it started, when the line shows it. */
export interface LoggedEvent extends JournalEvent {
  readonly time: number | undefined;
}

export interface Journal {
  event(name: string, fields?: JournalFields): void;
}

/** LOG_LINE_MAX is 976 in 6.1; the rest is room for `<3>vmcore: ` and for older kernels. */
const maxLine = 900;
/** A message that had to be cut keeps this many characters of each text. */
const cutLengths = [400, 200, 80, 20];

/** The line without priority and newline; texts are shortened, and then fields dropped, until it fits one kernel record. */
export function journalLine(name: string, fields: JournalFields = {}): string {
  const whole = lineOf(name, fields);
  if (Buffer.byteLength(whole) <= maxLine) return whole;
  for (const length of cutLengths) {
    const cut = Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [
        key,
        typeof value === 'string' && value.length > length ? `${value.slice(0, length)}…` : value,
      ]),
    );
    const line = lineOf(name, cut);
    if (Buffer.byteLength(line) <= maxLine) return line;
  }
  return lineOf(name, { cut: true });
}

/** Only ASCII, because the kernel's console escapes the rest byte by byte. */
const lineOf = (name: string, fields: JournalFields): string =>
  `vmcore: ${name} ${JSON.stringify(fields).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )}`;

/**
 * The journal of this machine. Never throws: a capture must not fail because its journal did; an event that cannot be
 * written is lost.
 */
export function kernelJournal(device = '/dev/kmsg'): Journal {
  return {
    event(name, fields) {
      try {
        const fd = openSync(device, 'w');
        try {
          writeSync(fd, `<3>${journalLine(name, fields)}\n`);
        } finally {
          closeSync(fd);
        }
      } catch {
        // Nobody is left to tell.
      }
    },
  };
}

const eventPattern =
  /(?:\[\s*(?<time>\d+\.\d+)\](?:\[[^\]]*\])? )?vmcore: (?<name>[a-z0-9-]+) (?<json>\{.*\})\s*$/;

/** The event in a line of a serial log or of dmesg; undefined when there is none or it is garbled. */
export function parseJournalLine(line: string): LoggedEvent | undefined {
  const groups = eventPattern.exec(line)?.groups;
  if (groups?.name === undefined || groups.json === undefined) return undefined;
  let fields: unknown;
  try {
    fields = JSON.parse(groups.json);
  } catch {
    return undefined;
  }
  // JSON.parse of a text in braces gives an object of JSON values: exactly JournalFields.
  return {
    name: groups.name,
    fields: fields as JournalFields,
    time: groups.time === undefined ? undefined : Number(groups.time),
  };
}
