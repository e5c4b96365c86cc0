/**
 * The library in a browser's worker: `import { openDump } from 'vmcore'` there. Dumps come from a web server, a file that the user picked, or bytes.
 *
 * Pages compressed with zlib or zstd need codecs that a browser does not have yet; ELF dumps, and pages in lzo, snappy or as they are, can be read.
 */
import { openBlobInWorker, openUrlInWorker } from '../base/browser-sources.ts';
import { type ByteSource, MemorySource } from '../base/byte-source.ts';
import { wasmCodecs } from '../codecs/wasm.ts';
import { openDumpFiles } from '../formats/open.ts';
import { CrashDump } from './crash-dump.ts';
import { type DumpInput, type DumpPart, type OpenDumpOptions, partsOf } from './input.ts';

export * from './interface.ts';

/** Throws a VmcoreError when the input cannot be read or is not a dump. Strings are addresses, relative to the worker's own. */
export async function openDump(
  input: DumpInput,
  { cutShort = 'refuse' }: OpenDumpOptions = {},
): Promise<CrashDump> {
  return new CrashDump(openDumpFiles(partsOf(input).map(openInput), { codecs: wasmCodecs(), cutShort }));
}

function openInput(input: DumpPart): ByteSource {
  if (input instanceof Uint8Array) return new MemorySource(input);
  if (input instanceof Blob) return openBlobInWorker(input, input instanceof File ? input.name : undefined);
  return openUrlInWorker(new URL(input, import.meta.url).href);
}
