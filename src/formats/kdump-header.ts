/**
 * The headers of the kdump-compressed format (also called diskdump), versions 1 to 6, 64-bit.
 *
 *   block 0                 disk_dump_header
 *   block 1                 kdump_sub_header, then the notes (`sub_hdr_size` blocks in all)
 *   then                    bitmap 1: page frames that are RAM; bitmap 2: page frames in this file
 *   then                    page descriptors, 24 bytes for each bit of bitmap 2, in pfn order
 *   then                    the pages
 *
 * Source of truth: makedumpfile's IMPLEMENTATION and diskdump_mod.h (1.7.9). A block is as large as a page. Fields are in
 * the byte order of the crashed machine.
 */
import { type ByteSource, readExact } from '../base/byte-source.ts';
import { cString, isPowerOfTwo, putU64, u64, viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';

/** 256 TiB of 4 KiB pages: bitmaps of 8 GiB, which take seconds to go through. */
export const maxPageFrames = 2 ** 36;

export const kdumpSignature = 'KDUMP   ';
export const kdumpVersion = 6;
export const diskDumpHeaderSize = 464;
export const kdumpSubHeaderSize = 104;
export const pageDescriptorSize = 24;

/** Bits of disk_dump_header.status beyond the codec flags. */
export const kdumpStatus = { incomplete: 0x8, vmemmapExcluded: 0x10 } as const;

/** Kernels name at most this; more is a broken header. */
const utsnameFields = ['sysname', 'nodename', 'release', 'version', 'machine', 'domainname'] as const;
const utsnameFieldSize = 65;
export type Utsname = Readonly<Record<(typeof utsnameFields)[number], string>>;

/** A region of the file, bytes. */
export interface FileRegion {
  readonly offset: number;
  readonly size: number;
}

export interface KdumpHeader {
  readonly version: number;
  readonly littleEndian: boolean;
  readonly utsname: Utsname;
  /** Seconds since 1970 when the dump was written. */
  readonly timestamp: number;
  readonly status: number;
  readonly blockSize: number;
  readonly subHeaderBlocks: number;
  readonly bitmapBlocks: number;
  /** One past the highest page frame. */
  readonly maxMapnr: number;
  readonly cpus: number;
  /** Signed: a relocated kernel may sit below its link address. */
  readonly physBase: bigint;
  readonly dumpLevel: number;
  /** For a part of a split dump: the page frames it holds. */
  readonly split: { readonly start: number; readonly end: number } | undefined;
  readonly vmcoreinfo: FileRegion;
  readonly notes: FileRegion;
  readonly eraseinfo: FileRegion;
}

/** Byte offsets in disk_dump_header. */
const field = {
  version: 8,
  utsname: 12,
  timestamp: 408,
  status: 424,
  blockSize: 428,
  subHeaderBlocks: 432,
  bitmapBlocks: 436,
  maxMapnr32: 440,
  cpus: 460,
} as const;

/** Byte offsets in kdump_sub_header, with the header version that brought each. */
const subField = {
  physBase: 0,
  dumpLevel: 8, // 1
  split: 12, // 2
  startPfn32: 16,
  endPfn32: 24,
  vmcoreinfo: 32, // 3
  notes: 48, // 4
  eraseinfo: 64, // 5
  startPfn: 80, // 6
  endPfn: 88,
  maxMapnr: 96,
} as const;

/** Where the 4 bytes of the status are. */
export const kdumpStatusOffset = field.status;

/** The version is a small number, in the byte order of the crashed machine. `header` begins with the signature. */
export const isLittleEndianKdump = (header: DataView): boolean =>
  header.getUint32(field.version, true) < 0x10000;

/** Reads and checks both headers. E_CORRUPT or E_TRUNCATED when they contradict themselves or the file. */
export function readKdumpHeader(source: ByteSource): KdumpHeader {
  const view = viewOf(readExact(source, 0, diskDumpHeaderSize, 'the kdump header'));
  const corrupt = (what: string, offset: number): VmcoreError =>
    new VmcoreError('E_CORRUPT', what, { file: source.name, offset, hint: 'copy the dump again' });

  const littleEndian = isLittleEndianKdump(view);
  const version = view.getUint32(field.version, littleEndian);
  if (version < 1 || version > 64) throw corrupt(`kdump header version ${version}`, field.version);
  const blockSize = view.getUint32(field.blockSize, littleEndian);
  if (!isPowerOfTwo(blockSize) || blockSize < 4096 || blockSize > 65536) {
    throw corrupt(`a block size of ${blockSize} bytes`, field.blockSize);
  }
  const subHeaderBlocks = view.getUint32(field.subHeaderBlocks, littleEndian);
  const bitmapBlocks = view.getUint32(field.bitmapBlocks, littleEndian);
  const bitmapsEnd = (1 + subHeaderBlocks + bitmapBlocks) * blockSize;
  if (subHeaderBlocks < 1) throw corrupt('a sub header of 0 blocks', field.subHeaderBlocks);
  // The last block may be cut: a part of a split dump that holds no page ends with the last byte of bitmap 2 that is used.
  if (bitmapsEnd - blockSize >= source.size) {
    throw new VmcoreError(
      'E_TRUNCATED',
      `the bitmaps end at byte ${bitmapsEnd}, the file has ${source.size}`,
      {
        file: source.name,
        offset: field.bitmapBlocks,
        hint: 'copy the dump again',
      },
    );
  }

  const sub = viewOf(readExact(source, blockSize, kdumpSubHeaderSize, 'the kdump sub header'));
  const subU64 = (at: number): number => u64(sub, at, littleEndian);
  const region = (at: number, since: number, what: string): FileRegion => {
    if (version < since) return { offset: 0, size: 0 };
    const found = { offset: subU64(at), size: subU64(at + 8) };
    if (found.size > 0 && found.offset + found.size > source.size) {
      throw corrupt(
        `${what} of ${found.size} bytes at ${found.offset}, the file has ${source.size}`,
        blockSize + at,
      );
    }
    return found;
  };
  const maxMapnr = version >= 6 ? subU64(subField.maxMapnr) : view.getUint32(field.maxMapnr32, littleEndian);
  if (bitmapBlocks % 2 !== 0) throw corrupt(`two bitmaps in ${bitmapBlocks} blocks`, field.bitmapBlocks);
  const bitmapBits = (bitmapBlocks / 2) * blockSize * 8;
  if (maxMapnr < 1 || maxMapnr > bitmapBits) {
    throw corrupt(
      `${maxMapnr} page frames, but bitmaps for ${bitmapBits}`,
      version >= 6 ? blockSize + subField.maxMapnr : field.maxMapnr32,
    );
  }
  if (maxMapnr > maxPageFrames) {
    throw new VmcoreError('E_UNSUPPORTED', `a dump of ${maxMapnr} page frames; at most 2^36 can be handled`, {
      file: source.name,
    });
  }
  const isSplit = version >= 2 && sub.getInt32(subField.split, littleEndian) !== 0;
  const utsname = Object.fromEntries(
    utsnameFields.map((name, i) => {
      const at = field.utsname + i * utsnameFieldSize;
      return [name, cString(new Uint8Array(view.buffer, view.byteOffset + at, utsnameFieldSize))];
    }),
  ) as Record<keyof Utsname, string>;
  return {
    version,
    littleEndian,
    utsname,
    timestamp: u64(view, field.timestamp, littleEndian),
    status: view.getUint32(field.status, littleEndian),
    blockSize,
    subHeaderBlocks,
    bitmapBlocks,
    maxMapnr,
    cpus: view.getUint32(field.cpus, littleEndian),
    physBase: sub.getBigInt64(subField.physBase, littleEndian),
    dumpLevel: version >= 1 ? sub.getInt32(subField.dumpLevel, littleEndian) : 0,
    split: isSplit
      ? version >= 6
        ? { start: subU64(subField.startPfn), end: subU64(subField.endPfn) }
        : { start: subU64(subField.startPfn32), end: subU64(subField.endPfn32) }
      : undefined,
    vmcoreinfo: region(subField.vmcoreinfo, 3, 'vmcoreinfo'),
    notes: region(subField.notes, 4, 'the notes'),
    eraseinfo: region(subField.eraseinfo, 5, 'the erase information'),
  };
}

/** Both headers as blocks 0 and 1, `2 * blockSize` bytes; the notes follow at `kdumpSubHeaderSize` into block 1. */
export function encodeKdumpHeader(header: KdumpHeader): Uint8Array {
  const { littleEndian, blockSize } = header;
  const bytes = new Uint8Array(2 * blockSize);
  const view = viewOf(bytes);
  const putText = (text: string, at: number, room: number): void => {
    for (let i = 0; i < Math.min(text.length, room - 1); i++) bytes[at + i] = text.charCodeAt(i);
  };
  putText(kdumpSignature, 0, kdumpSignature.length + 1);
  view.setUint32(field.version, header.version, littleEndian);
  utsnameFields.forEach((name, i) => {
    putText(header.utsname[name], field.utsname + i * utsnameFieldSize, utsnameFieldSize);
  });
  putU64(view, field.timestamp, header.timestamp, littleEndian);
  view.setUint32(field.status, header.status, littleEndian);
  view.setUint32(field.blockSize, blockSize, littleEndian);
  view.setUint32(field.subHeaderBlocks, header.subHeaderBlocks, littleEndian);
  view.setUint32(field.bitmapBlocks, header.bitmapBlocks, littleEndian);
  view.setUint32(field.maxMapnr32, Math.min(header.maxMapnr, 0xffff_ffff), littleEndian);
  view.setUint32(field.cpus, header.cpus, littleEndian);

  const sub = new DataView(bytes.buffer, blockSize);
  sub.setBigInt64(subField.physBase, header.physBase, littleEndian);
  sub.setInt32(subField.dumpLevel, header.dumpLevel, littleEndian);
  sub.setInt32(subField.split, header.split === undefined ? 0 : 1, littleEndian);
  putU64(sub, subField.startPfn32, header.split?.start ?? 0, littleEndian);
  putU64(sub, subField.endPfn32, header.split?.end ?? 0, littleEndian);
  const putRegion = (at: number, region: FileRegion): void => {
    putU64(sub, at, region.offset, littleEndian);
    putU64(sub, at + 8, region.size, littleEndian);
  };
  putRegion(subField.vmcoreinfo, header.vmcoreinfo);
  putRegion(subField.notes, header.notes);
  putRegion(subField.eraseinfo, header.eraseinfo);
  putU64(sub, subField.startPfn, header.split?.start ?? 0, littleEndian);
  putU64(sub, subField.endPfn, header.split?.end ?? 0, littleEndian);
  putU64(sub, subField.maxMapnr, header.maxMapnr, littleEndian);
  return bytes;
}

/** What the headers of a dump say once all its parts are one file. */
export interface WholeDump {
  readonly status: number;
  readonly eraseinfo: FileRegion;
}

/** Turns the headers of a part of a split dump (blocks 0 and 1, as they are in its file) into those of the whole, in place. */
export function makeHeadersWhole(blocks: Uint8Array, part: KdumpHeader, whole: WholeDump): void {
  const { littleEndian, blockSize, version } = part;
  const view = viewOf(blocks);
  view.setUint32(field.status, whole.status, littleEndian);
  const sub = viewOf(blocks.subarray(blockSize));
  sub.setInt32(subField.split, 0, littleEndian);
  const cleared =
    version >= 6 ? ['startPfn32', 'endPfn32', 'startPfn', 'endPfn'] : ['startPfn32', 'endPfn32'];
  for (const name of cleared as readonly (keyof typeof subField)[])
    putU64(sub, subField[name], 0, littleEndian);
  if (version < 5) return;
  putU64(sub, subField.eraseinfo, whole.eraseinfo.offset, littleEndian);
  putU64(sub, subField.eraseinfo + 8, whole.eraseinfo.size, littleEndian);
}
