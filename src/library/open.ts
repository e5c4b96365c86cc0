/** Opens a dump from wherever it is: files, a web server, a Blob, bytes. For Node. */
import { fileURLToPath } from 'node:url';
import { type ByteSource, MemorySource } from '../base/byte-source.ts';
import { nativeCodecs } from '../codecs/native.ts';
import { openDumpFiles } from '../formats/open.ts';
import { openBlob } from '../sys/blob-source.ts';
import { openSource } from '../sys/open-source.ts';
import { CrashDump } from './crash-dump.ts';

/**
 * A path or an address ("vmcore", "https://host/vmcore", new URL('file:///var/crash/vmcore')), all files of a split dump, a Blob, or the bytes themselves.
 * "/proc/kcore" is the running kernel.
 */
export type DumpInput = string | URL | Blob | Uint8Array | readonly (string | URL | Blob | Uint8Array)[];

export interface OpenDumpOptions {
  /** Of a file that ends before it should: an error (the default), or read what is there. */
  readonly cutShort?: 'refuse' | 'accept';
}

/** Throws a VmcoreError when the input cannot be read or is not a dump. */
export async function openDump(
  input: DumpInput,
  { cutShort = 'refuse' }: OpenDumpOptions = {},
): Promise<CrashDump> {
  const inputs = isList(input) ? input : [input];
  const sources: ByteSource[] = [];
  try {
    for (const part of inputs) sources.push(await openInput(part));
    return new CrashDump(openDumpFiles(sources, { codecs: nativeCodecs(), cutShort }));
  } catch (error) {
    for (const source of sources) source.close();
    throw error;
  }
}

const isList = (input: DumpInput): input is Exclude<DumpInput, string | URL | Blob | Uint8Array> =>
  Array.isArray(input);

async function openInput(input: string | URL | Blob | Uint8Array): Promise<ByteSource> {
  if (typeof input === 'string') return openSource(input);
  if (input instanceof URL) return openSource(input.protocol === 'file:' ? fileURLToPath(input) : input.href);
  if (input instanceof Blob) return openBlob(input, input instanceof File ? input.name : undefined);
  return new MemorySource(input);
}
