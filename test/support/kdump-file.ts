/**
 * kdump-compressed files byte by byte, from the offsets that makedumpfile's IMPLEMENTATION and diskdump_mod.h (1.7.9) give, so that
 * readers are not tested with our own writer. Versions 1 to 6; fields newer than the version are left 0.
 */

export interface KdumpPageSpec {
  readonly pfn: number;
  /** What the descriptor points at; appended to the file, unless `offset` says otherwise. */
  readonly data?: Uint8Array;
  /** Descriptor fields: as `data` lies in the file, and 0 flags, when not given. */
  readonly offset?: number;
  readonly size?: number;
  readonly flags?: number;
}

export interface KdumpSpec {
  readonly version?: number;
  readonly littleEndian?: boolean;
  readonly pageSize?: number;
  readonly machine?: string;
  readonly status?: number;
  readonly physBase?: bigint;
  readonly dumpLevel?: number;
  readonly cpus?: number;
  /** One past the highest page frame. */
  readonly maxMapnr: number;
  /** Page frames in bitmap 1; those of `pages` are in both. */
  readonly ram?: readonly number[];
  /** Ascending. */
  readonly pages: readonly KdumpPageSpec[];
  /** The notes' bytes (version 4). */
  readonly notes?: Uint8Array;
  /** vmcoreinfo by itself, outside of any note (version 3). */
  readonly vmcoreinfo?: string;
}

/** Where things lie, for tests that damage them. Bytes. */
export interface KdumpLayout {
  readonly bitmap1At: number;
  readonly bitmap2At: number;
  readonly descriptorsAt: number;
  readonly dataAt: number;
}

export function kdumpLayout({ pageSize = 4096, maxMapnr, pages, notes, vmcoreinfo }: KdumpSpec): KdumpLayout {
  const subBlocks = Math.ceil((104 + (notes?.length ?? 0) + (vmcoreinfo?.length ?? 0)) / pageSize);
  const bitmapSize = Math.ceil(maxMapnr / 8 / pageSize) * pageSize;
  const bitmap1At = (1 + subBlocks) * pageSize;
  const descriptorsAt = bitmap1At + 2 * bitmapSize;
  return {
    bitmap1At,
    bitmap2At: bitmap1At + bitmapSize,
    descriptorsAt,
    dataAt: descriptorsAt + 24 * pages.length,
  };
}

export function kdumpFile(spec: KdumpSpec): Uint8Array {
  const { version = 6, littleEndian: little = true, pageSize = 4096, pages, maxMapnr } = spec;
  const notes = spec.notes ?? new Uint8Array();
  const vmcoreinfo = new TextEncoder().encode(spec.vmcoreinfo ?? '');
  const at = kdumpLayout(spec);
  const dataSize = pages.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
  const bytes = new Uint8Array(at.dataAt + dataSize);
  const view = new DataView(bytes.buffer);
  const u32 = (offset: number, value: number): void => view.setUint32(offset, value, little);
  const u64 = (offset: number, value: number): void => view.setBigUint64(offset, BigInt(value), little);
  const text = (offset: number, value: string): void => {
    bytes.set(new TextEncoder().encode(value), offset);
  };

  text(0, 'KDUMP   ');
  u32(8, version);
  const machine = spec.machine ?? 'x86_64';
  ['Linux', 'host', '6.1.0-test', '#1 SMP', machine, 'domain'].forEach((value, i) => {
    text(12 + 65 * i, value);
  });
  u64(408, 1_700_000_000); // timestamp.tv_sec
  u32(424, spec.status ?? 0);
  u32(428, pageSize);
  u32(432, at.bitmap1At / pageSize - 1);
  u32(436, (2 * (at.bitmap2At - at.bitmap1At)) / pageSize);
  u32(440, version < 6 ? maxMapnr : 0);
  u32(460, spec.cpus ?? 1);

  const sub = pageSize;
  const notesAt = sub + 104;
  view.setBigInt64(sub, spec.physBase ?? 0n, little);
  u32(sub + 8, spec.dumpLevel ?? 0);
  if (version >= 3 && vmcoreinfo.length > 0) {
    u64(sub + 32, notesAt + notes.length);
    u64(sub + 40, vmcoreinfo.length);
  }
  if (version >= 4 && notes.length > 0) {
    u64(sub + 48, notesAt);
    u64(sub + 56, notes.length);
  }
  if (version >= 6) u64(sub + 96, maxMapnr);
  bytes.set(notes, notesAt);
  bytes.set(vmcoreinfo, notesAt + notes.length);

  const setBit = (bitmapAt: number, pfn: number): void => {
    const byte = bitmapAt + Math.floor(pfn / 8);
    bytes[byte] = bytes[byte]! | (1 << (pfn % 8));
  };
  for (const pfn of spec.ram ?? []) setBit(at.bitmap1At, pfn);
  let dataAt = at.dataAt;
  pages.forEach(({ pfn, data, offset, size, flags }, i) => {
    setBit(at.bitmap1At, pfn);
    setBit(at.bitmap2At, pfn);
    const descriptor = at.descriptorsAt + 24 * i;
    u64(descriptor, offset ?? dataAt);
    u32(descriptor + 8, size ?? data?.length ?? 0);
    u32(descriptor + 12, flags ?? 0);
    if (data === undefined) return;
    bytes.set(data, dataAt);
    dataAt += data.length;
  });
  return bytes;
}
