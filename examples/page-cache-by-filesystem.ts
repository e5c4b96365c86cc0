/**
 * What of each file system was in memory: its inodes, and the pages of its files (the page cache). Walks the kernel's own lists: super_blocks, and from each
 * struct super_block its s_inodes.
 *
 *   node examples/page-cache-by-filesystem.ts vmcore
 */
import { type AddressLike, openDump } from 'vmcore';

/** What this program knows of the kernel's structures: include/linux/fs.h. */
interface SuperBlock {
  /** "vda1", "tmpfs"; the name of its device. */
  readonly s_id: string;
  readonly s_type: { readonly name: string };
  readonly s_inodes: AddressLike;
}
interface Inode {
  readonly i_ino: bigint;
  readonly i_data: { readonly nrpages: bigint };
}

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('which dump? node examples/page-cache-by-filesystem.ts FILE');

using dump = await openDump(file);
const { kernel } = dump;
const rows: { readonly name: string; readonly inodes: number; readonly pages: bigint }[] = [];
const missing = new Set<string>();
const superBlocks = kernel.list<SuperBlock>('super_blocks', 'struct super_block', 's_list');
for await (const { s_id, s_type, s_inodes } of superBlocks) {
  let count = 0;
  let pages = 0n;
  const inodes = kernel.list<Inode>(s_inodes, 'struct inode', 'i_sb_list');
  for await (const inode of inodes) {
    count++;
    pages += inode.i_data.nrpages;
  }
  rows.push({ name: `${s_type.name} (${s_id})`, inodes: count, pages });
  for (const line of inodes.missing) missing.add(line);
}

console.log('   inodes       MiB  file system');
const mebibytes = (pages: bigint): string => ((Number(pages) * dump.info.pageSize) / 2 ** 20).toFixed(1);
for (const { name, inodes, pages } of rows.sort((a, b) => Number(b.pages - a.pages)))
  console.log(`${String(inodes).padStart(9)}  ${mebibytes(pages).padStart(8)}  ${name}`);
for (const line of [...superBlocks.missing, ...missing]) process.stderr.write(`missing: ${line}\n`);
