/**
 * The mounts of a mount namespace.
 *
 * Source of truth: fs/mount.h and fs/namespace.c (Linux 4.18, 6.1, 6.12, 7.2). mnt_namespace.list before 6.8, in the order in which they were mounted; the
 * tree mnt_namespace.mounts since (2eea9ce4310d), by their unique numbers. Between 5.8 and 6.8 readers of /proc/mounts have a marker in the list
 * (MNT_CURSOR, 9f6c61f96f2d).
 */
import { hex, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import { walkDamagedList } from '../lists/damaged-list.ts';
import { walkRbtree } from '../lists/rbtree.ts';
import type { Missing } from '../missing.ts';
import type { Struct } from '../struct.ts';
import { treePath } from './paths.ts';

const cursor = 0x1000_0000;
/** MNT_NOSUID and so on, macros before 6.17: the same numbers since 4.18, MNT_NOSYMFOLLOW since 5.10. */
const flagNames = [
  [0x1, 'nosuid'],
  [0x2, 'nodev'],
  [0x4, 'noexec'],
  [0x8, 'noatime'],
  [0x10, 'nodiratime'],
  [0x20, 'relatime'],
  [0x80, 'nosymfollow'],
] as const;
const readOnly = 0x40;
/** SB_RDONLY. */
const readOnlyFileSystem = 1n;

export interface Mount {
  /** Of its struct mount. */
  readonly address: Vaddr;
  /** What was mounted, as it was named: a device, or any word. */
  readonly source: string;
  /** Where, from the root of the mount tree. */
  readonly target: string;
  /** "ext4", "fuse.sshfs". */
  readonly type: string;
  /** As in /proc/mounts, without those of the file system itself: "rw", "nosuid". */
  readonly options: readonly string[];
  readonly id: number;
  /** Undefined for the root of the tree. */
  readonly parentId: number | undefined;
}

/** The mnt_namespace of a task; undefined when it has none any more (it is exiting). */
export const mountNamespace = (task: Struct): Struct | undefined => task.follow('nsproxy')?.follow('mnt_ns');

/** The mounts of a mnt_namespace, in the kernel's order. What is damaged is noted in `missing`. E_NO_INFO when types do not describe them. */
export function* readMounts(crashed: CrashedKernel, namespace: Struct, missing: Missing): Generator<Mount> {
  for (const address of mountAddresses(crashed, namespace, missing)) {
    const mount = crashed.struct('mount', address);
    const isCursor = missing.attempt('a mount', () => (mount.number('mnt.mnt_flags') & cursor) !== 0);
    if (isCursor !== false) continue;
    const ofOthers = missing.attempt('a mount', () => mount.pointer('mnt_ns') !== namespace.address);
    if (ofOthers === true) missing.note(`a mount: what is at ${hex(address)} is none of this namespace`);
    if (ofOthers !== false) continue;
    const read = missing.attempt('a mount', () => readMount(crashed, mount, missing));
    if (read !== undefined) yield read;
  }
}

function* mountAddresses(crashed: CrashedKernel, namespace: Struct, missing: Missing): Generator<bigint> {
  const { kernel, layouts } = crashed;
  const isList = namespace.has('list');
  const inMount = BigInt(layouts.requireOffset(isList ? 'mount.mnt_list' : 'mount.mnt_node'));
  const nodes = isList
    ? walkDamagedList(kernel, namespace.addressOf('list'), 'the list of mounts', missing)
    : walkRbtree(kernel, namespace.addressOf('mounts'), 'the tree of mounts', missing);
  for (const node of nodes) yield node - inMount;
}

function readMount(crashed: CrashedKernel, mount: Struct, missing: Missing): Mount {
  const superBlock = mount.follow('mnt.mnt_sb');
  const type = superBlock?.follow('s_type')?.text('name') ?? '';
  const subtype = superBlock?.has('s_subtype') ? superBlock.text('s_subtype') : '';
  const flags = mount.number('mnt.mnt_flags');
  const isReadOnly =
    (flags & readOnly) !== 0 || ((superBlock?.bigint('s_flags') ?? 0n) & readOnlyFileSystem) !== 0n;
  const root = mount.follow('mnt.mnt_root');
  const parent = mount.follow('mnt_parent');
  return {
    address: mount.address,
    source: mount.text('mnt_devname'),
    target: root === undefined ? '' : treePath(crashed, mount.addressOf('mnt'), root, missing),
    type: subtype === '' ? type : `${type}.${subtype}`,
    options: [
      isReadOnly ? 'ro' : 'rw',
      ...flagNames.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name),
    ],
    id: mount.number('mnt_id'),
    parentId: parent === undefined || parent.address === mount.address ? undefined : parent.number('mnt_id'),
  };
}
