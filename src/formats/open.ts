/** Finds out what a file is, and opens it. */
import type { ByteSource } from '../base/byte-source.ts';
import { VmcoreError } from '../base/errors.ts';
import type { Dump, DumpFormat, OpenOptions } from './dump.ts';
import { elfCore } from './elf-core.ts';
import { isFlattened } from './flattened.ts';
import { FlattenedSource } from './flattened-source.ts';
import { kcore } from './kcore.ts';
import { kdump } from './kdump.ts';
import { openKdump } from './split.ts';

/** The first that claims a file opens it. */
export const formats: readonly DumpFormat[] = [kdump, kcore, elfCore];

const headSize = 4096;

const headOf = (source: ByteSource): Uint8Array => {
  const head = new Uint8Array(Math.min(headSize, source.size));
  return head.subarray(0, source.read(0, head));
};

/** The dump that a flattened file stands for; any other file as it is. */
export const unflatten = (source: ByteSource, cutShort: OpenOptions['cutShort']): ByteSource =>
  isFlattened(headOf(source)) ? new FlattenedSource(source, cutShort) : source;

/** E_NOT_A_DUMP when no format claims the file; the format's own errors when one does and it is broken. */
export function openDump(file: ByteSource, options: OpenOptions): Dump {
  const source = unflatten(file, options.cutShort);
  const head = headOf(source);
  const format = formats.find((candidate) => candidate.probe(head));
  if (format === undefined) {
    throw new VmcoreError(
      'E_NOT_A_DUMP',
      source.size === 0 ? 'the file is empty' : 'not a dump of a known format',
      {
        file: source.name,
        offset: 0,
        hint: `known formats: ${formats.map(({ name }) => name).join(', ')}, flattened`,
      },
    );
  }
  return format.open(source, options);
}

/** One dump out of one file or more: several are the parts that makedumpfile --split wrote, in any order. */
export function openDumpFiles(files: readonly ByteSource[], options: OpenOptions): Dump {
  if (files.length === 1) return openDump(files[0]!, options);
  const sources = files.map((file) => unflatten(file, options.cutShort));
  for (const source of sources) {
    if (kdump.probe(headOf(source))) continue;
    throw new VmcoreError('E_USAGE', 'is not a part of a split dump', {
      file: source.name,
      hint: 'give one dump, or all files that makedumpfile --split wrote',
    });
  }
  return openKdump(sources, options);
}
