/**
 * Paths of files: by the names of dentries up to the root of their mount, and through mount points up to the root of the mount tree.
 *
 * Source of truth: fs/d_path.c, fs/mount.h, include/linux/dcache.h (Linux 4.18, 6.1, 6.12, 7.2). Files that have no place in a tree are named by
 * dentry_operations.d_dname: here by the type of their file system, as pipefs_dname(), sockfs_dname() and anon_inodefs_dname() do.
 *
 * One character a byte.
 */
import type { CrashedKernel } from '../crashed-kernel.ts';
import type { Missing } from '../missing.ts';
import type { Struct } from '../struct.ts';

/** More names than any path has: PATH_MAX is 4096. */
const maxNames = 4096;

/** Where a path begins that could not be followed to its root. */
const unknownBeginning = '…';

/**
 * Of a struct path: "/etc/passwd", "/tmp/x (deleted)", "pipe:[4711]". From the root of the mount tree on, whatever root the process had. A path that
 * cannot be followed to its root begins with "…" and is noted.
 */
export function pathText(crashed: CrashedKernel, path: Struct, missing: Missing): string {
  const found = missing.attempt('a path', () => ({
    mnt: path.pointer('mnt'),
    dentry: path.follow('dentry'),
  }));
  if (found?.dentry === undefined) return found === undefined ? unknownBeginning : '';
  const { mnt, dentry } = found;
  const name = missing.attempt('the name of a file', () => nameOutsideTree(dentry));
  return name ?? treePath(crashed, mnt, dentry, missing);
}

/** Of a dentry on a mount: `vfsmount` is the address of mount.mnt. */
export function treePath(crashed: CrashedKernel, vfsmount: bigint, dentry: Struct, missing: Missing): string {
  const inMount = BigInt(crashed.layouts.requireOffset('mount.mnt'));
  const names: string[] = [];
  const seen = new Set<string>();
  let mount = vfsmount === 0n ? undefined : crashed.struct('mount', vfsmount - inMount);
  let at = dentry;
  const deleted = missing.attempt('whether a file was deleted', () => isDeleted(dentry)) === true;
  const whole = missing.attempt('a path', () => {
    for (;;) {
      const place = `${mount?.address} ${at.address}`;
      if (seen.has(place) || seen.size > maxNames) {
        missing.note('a path: its directories go round in a circle');
        return false;
      }
      seen.add(place);
      if (mount !== undefined && at.address === mount.pointer('mnt.mnt_root')) {
        const parent = mount.follow('mnt_parent');
        const point = mount.follow('mnt_mountpoint');
        if (parent === undefined || point === undefined || parent.address === mount.address) return true;
        mount = parent;
        at = point;
        continue;
      }
      const parent = at.follow('d_parent');
      // The root of a file system that is not mounted here: a kernel's own, or one that was unmounted.
      if (parent === undefined || parent.address === at.address) return true;
      names.unshift(at.text('d_name.name'));
      at = parent;
    }
  });
  return `${whole === true ? '' : unknownBeginning}/${names.join('/')}${deleted ? ' (deleted)' : ''}`;
}

/** d_unlinked(): not in the table of names any more, and no root. */
const isDeleted = (dentry: Struct): boolean =>
  dentry.pointer('d_hash.pprev') === 0n && dentry.pointer('d_parent') !== dentry.address;

/** Undefined for files with a place in a tree. */
function nameOutsideTree(dentry: Struct): string | undefined {
  const operations = dentry.follow('d_op');
  if (operations === undefined || operations.pointer('d_dname') === 0n) return undefined;
  const type = dentry.follow('d_sb')?.follow('s_type')?.text('name') ?? '';
  const inode = dentry.follow('d_inode')?.bigint('i_ino') ?? 0n;
  switch (type) {
    case 'pipefs':
      return `pipe:[${inode}]`;
    case 'sockfs':
      return `socket:[${inode}]`;
    case 'anon_inodefs':
      return `anon_inode:${dentry.text('d_name.name')}`;
    case 'nsfs':
      return `namespace:[${inode}]`;
    default:
      // simple_dname(): memory that has only a name.
      return `/${dentry.text('d_name.name')} (deleted)`;
  }
}
