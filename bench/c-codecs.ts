/**
 * liblzo2 and libsnappy through node:ffi: what our codecs are measured against. Only for measuring; the product never loads them.
 *
 * From the machine when it has them, else from the packages that the peers of the tests are run from (Debian forky).
 */

import { DynamicLibrary, getRawPointer } from 'node:ffi';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { silentProgress } from '../src/base/progress.ts';
import type { WasmCodecName } from '../src/codecs/wasm.ts';
import { debianTree } from '../src/tools/rehearse/debian.ts';

/** Between two addresses. Returns the bytes written, 0 for an error. */
export type Transform = (source: bigint, length: number, into: bigint, room: number) => number;
export interface CCodec {
  readonly compress: Transform;
  readonly decompress: Transform;
  /** Where the library was found. */
  readonly path: string;
}

const files: Readonly<Record<WasmCodecName, string>> = { lzo: 'liblzo2.so.2', snappy: 'libsnappy.so.1' };
const multiarch = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';

/** Undefined when the library cannot be had. */
export async function cCodec(name: WasmCodecName): Promise<CCodec | undefined> {
  const places = ['/usr/lib', '/lib'].map((folder) => join(folder, multiarch));
  if (!places.some((place) => existsSync(join(place, files[name])))) {
    const packages = ['makedumpfile', 'python3-drgn'];
    const tree = await debianTree({ suite: 'forky', packages, progress: silentProgress }).catch(
      () => undefined,
    );
    if (tree !== undefined) places.push(join(tree, 'usr/lib', multiarch));
  }
  const path = places.map((place) => join(place, files[name])).find((file) => existsSync(file));
  return path === undefined ? undefined : codecs[name](path);
}

const codecs: Readonly<Record<WasmCodecName, (path: string) => CCodec>> = {
  lzo(path) {
    const library = keep(new DynamicLibrary(path));
    // int lzo1x_…(const lzo_bytep src, lzo_uint src_len, lzo_bytep dst, lzo_uintp dst_len, lzo_voidp wrkmem); lzo1x.h 2.10
    const signature = {
      arguments: ['pointer', 'u64', 'pointer', 'pointer', 'pointer'],
      return: 'i32',
    } as const;
    const compress = library.getFunction('lzo1x_1_compress', signature);
    const decompress = library.getFunction('lzo1x_decompress_safe', signature);
    // LZO1X_1_MEM_COMPRESS: 16384 pointers.
    const work = getRawPointer(keep(new Uint8Array(16384 * 8)));
    const size = keep(new BigUint64Array(16));
    const sizeAt = getRawPointer(size);
    const run = (call: typeof compress): Transform => {
      return (source, length, into, room) => {
        size[0] = BigInt(room);
        return call(source, BigInt(length), into, sizeAt, work) === 0 ? Number(size[0]) : 0;
      };
    };
    return { compress: run(compress), decompress: run(decompress), path };
  },
  snappy(path) {
    const library = keep(new DynamicLibrary(path));
    // snappy_status snappy_…(const char *, size_t, char *, size_t *); snappy-c.h 1.2
    const signature = { arguments: ['pointer', 'u64', 'pointer', 'pointer'], return: 'i32' } as const;
    const compress = library.getFunction('snappy_compress', signature);
    const decompress = library.getFunction('snappy_uncompress', signature);
    const size = keep(new BigUint64Array(16));
    const sizeAt = getRawPointer(size);
    const run = (call: typeof compress): Transform => {
      return (source, length, into, room) => {
        size[0] = BigInt(room);
        return call(source, BigInt(length), into, sizeAt) === 0 ? Number(size[0]) : 0;
      };
    };
    return { compress: run(compress), decompress: run(decompress), path };
  },
};

const kept: object[] = [];
/** For what C holds the address of, and for libraries whose functions are in use: both stay as long as the process lives. */
export function keep<T extends object>(resource: T): T {
  kept.push(resource);
  return resource;
}
