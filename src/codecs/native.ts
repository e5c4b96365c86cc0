/** Page codecs by the C libraries inside the node binary. Not for browsers. */
import { ZlibContext, ZstdContext } from '../sys/node-codecs.ts';
import type { PageCodec, PageCodecs } from './page-codec.ts';

/** Level 1 is what makedumpfile uses for both (compress_func calls in makedumpfile.c, 1.7.9). */
const level = 1;
/** The largest page of any kernel we read (arm64 with 64K pages). */
const maxPage = 65536;

function zlibCodec(): PageCodec {
  const context = new ZlibContext(maxPage, level);
  return {
    name: 'zlib',
    compress: (page, into) => context.compress(page, into),
    decompress: (data, page) => context.decompress(data, page),
  };
}

function zstdCodec(): PageCodec {
  const context = new ZstdContext();
  return {
    name: 'zstd',
    compress: (page, into) => Math.max(0, context.compress(page, into, level)),
    decompress: (data, page) => Math.max(0, context.decompress(data, page)),
  };
}

/** Codecs whose states are made on first use. */
export function nativeCodecs(): PageCodecs {
  let zlib: PageCodec | undefined;
  let zstd: PageCodec | undefined;
  return {
    get zlib() {
      zlib ??= zlibCodec();
      return zlib;
    },
    get zstd() {
      zstd ??= zstdCodec();
      return zstd;
    },
  };
}
