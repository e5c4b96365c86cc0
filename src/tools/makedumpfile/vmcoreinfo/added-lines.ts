/** vmcoreinfo text as lines of key and value, and a dump with some more of them. */
import type { Dump } from '../../../formats/dump.ts';

export type InfoLine = readonly [key: string, value: string];

export const infoLines = (text: string): InfoLine[] =>
  text.split('\n').flatMap((line): InfoLine[] => {
    const equals = line.indexOf('=');
    return equals <= 0 ? [] : [[line.slice(0, equals), line.slice(equals + 1)]];
  });

/** The dump with the lines of `text` that its vmcoreinfo has no key for, added at the end; the same dump when there are none. */
export function addedLines(dump: Dump, text: string): Dump {
  const own = infoLines(dump.vmcoreinfo ?? '');
  const known = new Set(own.map(([key]) => key));
  const added = infoLines(text).filter(([key]) => !known.has(key));
  if (added.length === 0) return dump;
  const lines = [...own, ...added].map(([key, value]) => `${key}=${value}\n`);
  return {
    format: dump.format,
    arch: dump.arch,
    source: dump.source,
    littleEndian: dump.littleEndian,
    memory: dump.memory,
    notes: dump.notes,
    vmcoreinfo: lines.join(''),
    segments: dump.segments,
    describe: () => dump.describe(),
  };
}
