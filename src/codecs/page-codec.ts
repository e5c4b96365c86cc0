/** One page in, one page out: the interface of every page codec, and the flags by which dumps name them. */

/** DUMP_DH_COMPRESSED_* of makedumpfile's diskdump_mod.h (1.7.9): page_desc flags and header status bits. */
export const codecFlags = { zlib: 0x1, lzo: 0x2, snappy: 0x4, zstd: 0x20 } as const;
export type CodecName = keyof typeof codecFlags;
export const codecNames = Object.keys(codecFlags) as readonly CodecName[];

export interface PageCodec {
  readonly name: CodecName;
  /** Compresses `page` into `into` and returns the number of bytes, or 0 when they do not fit there. */
  compress(page: Uint8Array, into: Uint8Array): number;
  /** Decompresses into `page` and returns the number of bytes, or 0 when the data is not valid. */
  decompress(data: Uint8Array, page: Uint8Array): number;
}

/** The codecs a build or platform has. */
export type PageCodecs = Partial<Readonly<Record<CodecName, PageCodec>>>;
