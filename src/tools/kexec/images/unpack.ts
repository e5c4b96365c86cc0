/**
 * Unpacking what kernels are packed with: gzip and zstd by Node itself, xz and lzma by the program xz.
 *
 * The result is bounded: a file of a few kilobytes can promise terabytes.
 */
import { spawnSync } from 'node:child_process';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { VmcoreError } from '../../../base/errors.ts';
import { formatSize } from '../../../base/units.ts';
import { requireProgram } from '../../../sys/programs.ts';
import { maxKernelBytes } from './image.ts';

export const packings = ['gzip', 'zstd', 'xz', 'lzma'] as const;
export type Packing = (typeof packings)[number];

/** By the first bytes: RFC 1952, RFC 8878, xz-file-format.txt 2.1.1; lzma has no magic but always begins like this in kernels. */
export function packingOf(head: Uint8Array): Packing | undefined {
  const begins = (...magic: number[]): boolean => magic.every((byte, i) => head[i] === byte);
  if (begins(0x1f, 0x8b, 0x08)) return 'gzip';
  if (begins(0x28, 0xb5, 0x2f, 0xfd)) return 'zstd';
  if (begins(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) return 'xz';
  if (begins(0x5d, 0x00, 0x00)) return 'lzma';
  return undefined;
}

/**
 * E_TRUNCATED when the packed data ends early, E_CORRUPT when it is damaged or unpacks to more than a kernel can have, E_NEEDS without xz.
 * `limit` is in bytes.
 */
export function unpack(
  packing: Packing,
  packed: Uint8Array,
  file: string,
  limit: number = maxKernelBytes,
): Uint8Array {
  try {
    switch (packing) {
      case 'gzip':
        return plain(gunzipSync(packed, { maxOutputLength: limit }));
      case 'zstd':
        return plain(zstdDecompressSync(packed, { maxOutputLength: limit }));
      case 'xz':
      case 'lzma':
        return runXz(packing, packed, limit);
    }
  } catch (error) {
    throw unpackError(error, packing, file, limit);
  }
}

function runXz(packing: 'xz' | 'lzma', packed: Uint8Array, limit: number): Uint8Array {
  const xz = requireProgram({ name: 'xz', debianPackage: 'xz-utils' });
  // --single-stream: a kernel may follow the stream with bytes of its own. The header says how much memory is needed: kernels, 128 MiB.
  const options = ['--decompress', '--stdout', '--single-stream', '--memlimit-decompress=512MiB'];
  const done = spawnSync(xz, [...options, `--format=${packing}`], {
    input: packed,
    maxBuffer: limit,
    // Its messages are read.
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (done.error !== undefined && codeOf(done.error) !== 'EPIPE') throw done.error;
  if (done.status !== 0) throw new Error(done.stderr.toString('utf8').trim());
  return plain(done.stdout);
}

/** A Buffer's bytes without a Buffer's methods. */
const plain = ({ buffer, byteOffset, length }: Buffer): Uint8Array =>
  new Uint8Array(buffer, byteOffset, length);

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : '';

function unpackError(error: unknown, packing: Packing, file: string, limit: number): VmcoreError {
  if (error instanceof VmcoreError) return error;
  const code = codeOf(error);
  const hint = 'get the kernel image again';
  if (code === 'ERR_BUFFER_TOO_LARGE' || code === 'ENOBUFS') {
    return new VmcoreError('E_CORRUPT', `unpacks (${packing}) to more than ${formatSize(limit)}`, {
      file,
      hint: 'name a kernel image',
      cause: error,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  if (/unexpected end/i.test(message)) {
    return new VmcoreError('E_TRUNCATED', `the ${packing} data in it ends early`, {
      file,
      hint,
      cause: error,
    });
  }
  return new VmcoreError('E_CORRUPT', `the ${packing} data in it is damaged: ${message}`, {
    file,
    hint,
    cause: error,
  });
}
