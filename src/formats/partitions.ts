/**
 * Partition tables: which partition has which UUID and name. Read only, and only what names a partition.
 *
 * GPT: header in the second sector, "EFI PART"; entries of 128 bytes or more: type, unique GUID @16, name @56 as 36 UTF-16 units (UEFI specification
 * 2.10, 5.3). MBR: four entries of 16 bytes at 446, disk signature at 440; a partition's UUID is that signature and its number (partition_uuid of
 * blkid, part_uuid in block/partitions/msdos.c, Linux 6.1). Logical partitions are numbered from 5 along the chain of extended ones.
 */
import type { ByteSource } from '../base/byte-source.ts';
import { latin1, viewOf } from '../base/bytes.ts';

export interface Partition {
  /** From 1 on, as the kernel numbers it: vda1. */
  readonly number: number;
  /** `0fc63daf-8483-4772-8e79-3d69d8477de4`, or of an MBR `1a2b3c4d-01`; lower case. */
  readonly uuid: string;
  /** Empty where the table has no names. */
  readonly label: string;
}

export type PartitionTable = readonly Partition[];

/** Undefined when there is no table. `sectorSize`: bytes of a logical block of the disk. */
export function readPartitionTable(source: ByteSource, sectorSize: number): PartitionTable | undefined {
  return readGpt(source, sectorSize) ?? readMbr(source, sectorSize);
}

const gptSignature = 'EFI PART';
const leastEntry = 128;
/** Disks have 128; a table with far more is damaged, and not worth the reading. */
const mostEntries = 4096;

function readGpt(source: ByteSource, sectorSize: number): PartitionTable | undefined {
  const header = bytesAt(source, sectorSize, 92);
  if (header === undefined || latin1(header.subarray(0, 8)) !== gptSignature) return undefined;
  const view = viewOf(header);
  const first = Number(view.getBigUint64(72, true));
  const count = view.getUint32(80, true);
  const size = view.getUint32(84, true);
  if (size < leastEntry || size > sectorSize * 8 || count > mostEntries) return undefined;
  const partitions: Partition[] = [];
  for (let i = 0; i < count; i++) {
    const entry = bytesAt(source, first * sectorSize + i * size, leastEntry);
    if (entry === undefined) break;
    // A type of zeros: not used.
    if (entry.subarray(0, 16).every((byte) => byte === 0)) continue;
    partitions.push({
      number: i + 1,
      uuid: guidText(entry.subarray(16, 32)),
      label: utf16(entry.subarray(56, 128)),
    });
  }
  return partitions;
}

/** The first three fields are little endian, the others are bytes in order. */
function guidText(bytes: Uint8Array): string {
  const hex = (from: number, to: number): string => [...bytes.subarray(from, to)].map(twoDigits).join('');
  const swapped = (from: number, to: number): string =>
    [...bytes.subarray(from, to)].reverse().map(twoDigits).join('');
  return [swapped(0, 4), swapped(4, 6), swapped(6, 8), hex(8, 10), hex(10, 16)].join('-');
}

const twoDigits = (byte: number): string => byte.toString(16).padStart(2, '0');

function utf16(bytes: Uint8Array): string {
  const text = new TextDecoder('utf-16le').decode(bytes);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

const mbrEntries = 446;
const extendedTypes: readonly number[] = [0x05, 0x0f, 0x85];
/** The kernel stops there too (block/partitions/msdos.c counts to 100 and to the disk's minors). */
const mostLogical = 100;

function readMbr(source: ByteSource, sectorSize: number): PartitionTable | undefined {
  const sector = mbrSector(source, 0);
  if (sector === undefined) return undefined;
  const signature = viewOf(sector).getUint32(440, true).toString(16).padStart(8, '0');
  const named = (number: number): Partition => ({
    number,
    uuid: `${signature}-${twoDigits(number)}`,
    label: '',
  });
  const entries = entriesOf(sector);
  const partitions = entries.flatMap(({ type }, i) => (type === 0 ? [] : [named(i + 1)]));
  const extended = entries.find(({ type }) => extendedTypes.includes(type));
  if (extended === undefined) return partitions;
  // Each link has one logical partition and, relative to the extended one, where the next link is.
  let at = extended.start;
  for (let number = 5; number < 5 + mostLogical; ) {
    const link = mbrSector(source, at * sectorSize);
    if (link === undefined) break;
    const [logical, next] = entriesOf(link);
    if (logical !== undefined && logical.type !== 0) {
      partitions.push(named(number));
      number++;
    }
    if (next === undefined || !extendedTypes.includes(next.type) || next.start === 0) break;
    const following = extended.start + next.start;
    // Forward only: a chain that leads back has no end.
    if (following <= at) break;
    at = following;
  }
  return partitions;
}

const mbrSector = (source: ByteSource, offset: number): Uint8Array | undefined => {
  const sector = bytesAt(source, offset, 512);
  return sector?.[510] === 0x55 && sector[511] === 0xaa ? sector : undefined;
};

function entriesOf(sector: Uint8Array): { readonly type: number; readonly start: number }[] {
  const view = viewOf(sector);
  return [0, 1, 2, 3].map((i) => ({
    type: view.getUint8(mbrEntries + 16 * i + 4),
    start: view.getUint32(mbrEntries + 16 * i + 8, true),
  }));
}

function bytesAt(source: ByteSource, offset: number, length: number): Uint8Array | undefined {
  const bytes = new Uint8Array(length);
  return source.read(offset, bytes) === length ? bytes : undefined;
}
