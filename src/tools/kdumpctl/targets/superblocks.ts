/**
 * The UUID and the label of a file system, from its superblock: what `UUID=` and `LABEL=` of kdump.conf name, for the file systems that have them and
 * that a dump is saved to. Read by ourselves, because starting findfs takes longer in a capture kernel than all of the reading.
 *
 * Sources of truth, Linux 6.1: struct ext4_super_block of fs/ext4/ext4.h (ext2 and ext3 have the same fields at the same places), struct xfs_dsb of
 * fs/xfs/libxfs/xfs_format.h, struct btrfs_super_block of fs/btrfs/ctree.h (include/uapi/linux/btrfs_tree.h since 6.2). That labels lose the blanks at
 * their end, as they do here, is libblkid's and busybox's.
 */
import { closeSync, openSync, readSync } from 'node:fs';

export interface FileSystemNames {
  /** `3d0a1b52-7c6e-4f5f-9a55-1f2e3d4c5b6a`, lower case. */
  readonly uuid: string;
  /** Empty when it has none. */
  readonly label: string;
}

/** Bytes, from the beginning of the superblock. */
interface Layout {
  /** Where the superblock is, from the beginning of the device. */
  readonly at: number;
  readonly magicAt: number;
  readonly magic: readonly number[];
  readonly uuidAt: number;
  readonly labelAt: number;
  readonly labelSize: number;
}

const ascii = (text: string): number[] => [...Buffer.from(text, 'latin1')];

const layouts: readonly Layout[] = [
  // EXT4_SUPER_MAGIC 0xEF53; s_uuid, s_volume_name
  { at: 1024, magicAt: 0x38, magic: [0x53, 0xef], uuidAt: 0x68, labelAt: 0x78, labelSize: 16 },
  // sb_uuid, sb_fname
  { at: 0, magicAt: 0, magic: ascii('XFSB'), uuidAt: 32, labelAt: 108, labelSize: 12 },
  // BTRFS_SUPER_INFO_OFFSET; fsid, label
  {
    at: 64 * 1024,
    magicAt: 0x40,
    magic: ascii('_BHRfS_M'),
    uuidAt: 0x20,
    labelAt: 0x12b,
    labelSize: 256,
  },
];

/** Holds the fields of each layout. */
const superblockSize = 1024;

/**
 * The names of the file systems on `device` (a block device, or an image in a file): one, or none, or more where an older one was not wiped. None also
 * when it cannot be opened or read.
 */
export function fileSystemsOn(device: string): FileSystemNames[] {
  let fd: number;
  try {
    fd = openSync(device, 'r');
  } catch {
    return [];
  }
  try {
    return layouts.map((layout) => namesBy(layout, fd)).filter((names) => names !== undefined);
  } finally {
    closeSync(fd);
  }
}

function namesBy(layout: Layout, fd: number): FileSystemNames | undefined {
  const { at, magicAt, magic, uuidAt, labelAt, labelSize } = layout;
  const block = Buffer.alloc(superblockSize);
  try {
    // What is behind the end of the device stays zero.
    readSync(fd, block, 0, superblockSize, at);
  } catch {
    return undefined;
  }
  if (!magic.every((byte, i) => block[magicAt + i] === byte)) return undefined;
  const label = block.subarray(labelAt, labelAt + labelSize);
  const end = label.indexOf(0);
  return {
    uuid: uuidText(block.subarray(uuidAt, uuidAt + 16)),
    label: label.toString('utf8', 0, end < 0 ? labelSize : end).trimEnd(),
  };
}

const uuidText = (bytes: Buffer): string =>
  bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
