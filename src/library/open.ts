/** Opens a dump from wherever it is: files, a web server, a Blob, bytes. For Node. */
import { fileURLToPath } from 'node:url';
import { type ByteSource, MemorySource } from '../base/byte-source.ts';
import { nativeCodecs } from '../codecs/native.ts';
import { openDumpFiles } from '../formats/open.ts';
import { openCrashedKernel } from '../kernel/crashed-kernel.ts';
import { openBlob } from '../sys/blob-source.ts';
import { openSource } from '../sys/open-source.ts';
import { CrashDump } from './crash-dump.ts';
import { givenFiles } from './given-files.ts';
import { type DumpInput, type DumpPart, type OpenFileOptions, partsOf } from './input.ts';

/** Throws a VmcoreError when the input cannot be read or is not a dump. */
export async function openDump(
  input: DumpInput,
  { cutShort = 'refuse', ...given }: OpenFileOptions = {},
): Promise<CrashDump> {
  const sources: ByteSource[] = [];
  try {
    for (const part of partsOf(input)) sources.push(await openInput(part));
    const dump = openDumpFiles(sources, { codecs: nativeCodecs(), cutShort });
    return new CrashDump(dump, (opened) => openCrashedKernel(opened, givenFiles(given)));
  } catch (error) {
    for (const source of sources) source.close();
    throw error;
  }
}

async function openInput(input: DumpPart): Promise<ByteSource> {
  if (typeof input === 'string' || input instanceof URL) {
    const place = String(input);
    return openSource(/^file:/i.test(place) && URL.canParse(place) ? fileURLToPath(place) : place);
  }
  if (input instanceof Blob) return openBlob(input, input instanceof File ? input.name : undefined);
  return new MemorySource(input);
}
