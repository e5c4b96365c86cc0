/** Finds out what a file is, and opens it. */
import type { ByteSource } from '../base/byte-source.ts';
import { VmcoreError } from '../base/errors.ts';
import type { Dump, DumpFormat, OpenOptions } from './dump.ts';
import { elfCore } from './elf-core.ts';
import { kdump } from './kdump.ts';

export const formats: readonly DumpFormat[] = [kdump, elfCore];

const headSize = 4096;

/** E_NOT_A_DUMP when no format claims the file; the format's own errors when one does and it is broken. */
export function openDump(source: ByteSource, options: OpenOptions): Dump {
  const head = new Uint8Array(Math.min(headSize, source.size));
  const got = source.read(0, head);
  const format = formats.find((candidate) => candidate.probe(head.subarray(0, got)));
  if (format === undefined) {
    throw new VmcoreError(
      'E_NOT_A_DUMP',
      source.size === 0 ? 'the file is empty' : 'not a dump of a known format',
      {
        file: source.name,
        offset: 0,
        hint: `known formats: ${formats.map(({ name }) => name).join(', ')}`,
      },
    );
  }
  return format.open(source, options);
}
