import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes } from '../../../test/support/c-types.ts';
import { directMap } from '../../../test/support/synthetic-kernel.ts';
import { Missing } from '../missing.ts';
import { type Mount, readMounts } from './mounts.ts';
import { pathText } from './paths.ts';

const common = `struct list_head { struct list_head *next; struct list_head *prev; };
  struct hlist_bl_node { void *next; void *pprev; };
  struct qstr { u32 hash; u32 len; char *name; };
  struct file_system_type { char *name; };
  struct super_block { unsigned long s_flags; struct file_system_type *s_type; char *s_subtype; };
  struct inode { unsigned long i_ino; };
  struct dentry_operations { void *d_dname; };
  struct dentry { struct hlist_bl_node d_hash; struct dentry *d_parent; struct qstr d_name; struct inode *d_inode;
    struct dentry_operations *d_op; struct super_block *d_sb; };
  struct vfsmount { struct dentry *mnt_root; struct super_block *mnt_sb; int mnt_flags; };
  struct path { struct vfsmount *mnt; struct dentry *dentry; };`;
const mount = (link: string): string =>
  `struct mount { struct mount *mnt_parent; struct dentry *mnt_mountpoint; struct vfsmount mnt; char *mnt_devname; ${link} struct mnt_namespace *mnt_ns; int mnt_id; };`;

const forms = {
  'before 6.8': `${common} ${mount('struct list_head mnt_list;')}
    struct mnt_namespace { struct mount *root; struct list_head list; unsigned int mounts; };`,
  'since 6.8': `${common} struct rb_node { unsigned long parent; void *right; void *left; }; struct rb_root { void *rb_node; };
    ${mount('struct rb_node mnt_node;')}
    struct mnt_namespace { struct mount *root; struct rb_root mounts; };`,
} as const;
type Form = keyof typeof forms;

/** rootfs at /, of which /usr/share is a directory; ext4 at /usr/share, read-only; a FUSE file system at /usr/share/doc. */
class MountKernel {
  readonly made: CKernel;
  readonly form: Form;
  readonly namespace: bigint;
  readonly mounts: bigint[] = [];
  readonly roots: bigint[] = [];
  readonly usr: bigint;
  readonly share: bigint;
  readonly doc: bigint;
  readonly superBlocks: bigint[] = [];

  constructor(form: Form) {
    this.form = form;
    this.made = new CKernel(new CTypes(forms[form]));
    this.namespace = this.made.place('mnt_namespace', form === 'before 6.8' ? { mounts: 3 } : {}, 4096);
    this.superBlocks.push(
      this.superBlock('rootfs'),
      this.superBlock('ext4', { s_flags: 1 }),
      this.superBlock('fuse', { s_subtype: this.made.text('sshfs') }),
    );
    const [rootfs, ext4, fuse] = this.superBlocks;
    this.roots.push(this.dentry('/', 0n, rootfs!), this.dentry('/', 0n, ext4!), this.dentry('/', 0n, fuse!));
    this.usr = this.dentry('usr', this.roots[0]!, rootfs!);
    this.share = this.dentry('share', this.usr, rootfs!);
    this.doc = this.dentry('doc', this.roots[1]!, ext4!);
    this.mount(0, 'rootfs', { mnt_id: 1 });
    this.mount(1, '/dev/vda1', {
      mnt_id: 20,
      mnt_parent: this.mounts[0]!,
      mnt_mountpoint: this.share,
      'mnt.mnt_flags': 0x1 | 0x20,
    });
    this.mount(2, 'host:/', {
      mnt_id: 30,
      mnt_parent: this.mounts[1]!,
      mnt_mountpoint: this.doc,
      'mnt.mnt_flags': 0x4,
    });
    this.link();
  }

  dentry(name: string, parent: bigint, superBlock: bigint, values: Record<string, bigint> = {}): bigint {
    // A page each, so that a test can lose one.
    const dentry = this.made.place('dentry', {}, 4096);
    this.made.set('dentry', dentry, {
      d_parent: parent === 0n ? dentry : parent,
      'd_name.name': this.made.text(name),
      'd_hash.pprev': 1n,
      d_sb: superBlock,
      ...values,
    });
    return dentry;
  }

  superBlock(type: string, values: Record<string, bigint | number> = {}): bigint {
    const fileSystem = this.made.place('file_system_type', { name: this.made.text(type) });
    return this.made.place('super_block', { s_type: fileSystem, ...values });
  }

  mountNode(i: number): bigint {
    return this.made.member('mount', this.mounts[i]!, this.form === 'before 6.8' ? 'mnt_list' : 'mnt_node');
  }

  private mount(i: number, source: string, values: Record<string, bigint | number>): void {
    const mount = this.made.place('mount', {}, 4096);
    this.made.set('mount', mount, {
      mnt_parent: mount,
      mnt_ns: this.namespace,
      mnt_mountpoint: this.roots[i]!,
      mnt_devname: this.made.text(source),
      'mnt.mnt_root': this.roots[i]!,
      'mnt.mnt_sb': this.superBlocks[i]!,
      ...values,
    });
    this.mounts.push(mount);
  }

  private link(): void {
    const nodes = this.mounts.map((_, i) => this.mountNode(i));
    if (this.form === 'before 6.8') {
      this.made.link(this.made.member('mnt_namespace', this.namespace, 'list'), nodes);
      return;
    }
    const [low, middle, high] = nodes;
    this.made.set('mnt_namespace', this.namespace, { 'mounts.rb_node': middle! });
    this.made.set('rb_node', middle!, { left: low!, right: high!, parent: 1n });
    this.made.set('rb_node', low!, { parent: middle! });
    this.made.set('rb_node', high!, { parent: middle! });
  }

  read(): { mounts: Mount[]; lines: readonly string[] } {
    const missing = new Missing();
    const crashed = this.made.crashed();
    const mounts = [...readMounts(crashed, crashed.struct('mnt_namespace', this.namespace), missing)];
    return { mounts, lines: missing.lines };
  }

  /** Of a dentry on the first mount, or on another. */
  path(dentry: bigint, mount = 0): { text: string; lines: readonly string[] } {
    const missing = new Missing();
    const crashed = this.made.crashed();
    const path = this.made.place('path', {
      mnt: this.made.member('mount', this.mounts[mount]!, 'mnt'),
      dentry,
    });
    return { text: pathText(crashed, crashed.struct('path', path), missing), lines: missing.lines };
  }

  lose(address: bigint): void {
    this.made.kernel.memory.lose(Number(address - directMap) / 4096, 'excluded');
  }
}

for (const form of ['before 6.8', 'since 6.8'] as const) {
  describe(`mounts, ${form}`, () => {
    it('have source, target, type and options', () => {
      const { mounts, lines } = new MountKernel(form).read();
      assert.deepEqual(lines, []);
      assert.deepEqual(
        mounts.map(({ source, target, type, options, id, parentId }) => [
          ...[source, target, type, options.join(',')],
          ...[id, parentId],
        ]),
        [
          ['rootfs', '/', 'rootfs', 'rw', 1, undefined],
          ['/dev/vda1', '/usr/share', 'ext4', 'ro,nosuid,relatime', 20, 1],
          ['host:/', '/usr/share/doc', 'fuse.sshfs', 'rw,noexec', 30, 20],
        ],
      );
    });

    it('do not show the marks of who reads them', () => {
      const kernel = new MountKernel(form);
      kernel.made.set('mount', kernel.mounts[1]!, { 'mnt.mnt_flags': 0x1000_0000 });
      assert.deepEqual(
        kernel.read().mounts.map(({ id }) => id),
        [1, 30],
      );
    });

    it('of another namespace are not shown', () => {
      const kernel = new MountKernel(form);
      kernel.made.set('mount', kernel.mounts[0]!, { mnt_ns: 0x1234n });
      const { mounts, lines } = kernel.read();
      assert.deepEqual(
        mounts.map(({ id }) => id),
        [20, 30],
      );
      assert.match(lines[0]!, /^a mount: what is at 0x\w+ is none of this namespace$/);
    });

    it('of which one is not in the dump are told, and the others are there', () => {
      const kernel = new MountKernel(form);
      kernel.lose(kernel.mounts[2]!);
      const { mounts, lines } = kernel.read();
      assert.deepEqual(
        mounts.map(({ id }) => id),
        [1, 20],
      );
      assert.match(lines[0]!, /^the (list|tree) of mounts: physical page .* filtered out/);
    });

    it('that are mounted on each other in a circle end', () => {
      const kernel = new MountKernel(form);
      kernel.made.set('mount', kernel.mounts[1]!, {
        mnt_parent: kernel.mounts[2]!,
        mnt_mountpoint: kernel.roots[2]!,
      });
      const { mounts, lines } = kernel.read();
      assert.deepEqual(
        mounts.map(({ target }) => target[0]),
        ['/', '…', '…'],
      );
      assert.ok(lines.includes('a path: its directories go round in a circle'));
    });
  });
}

describe('a path', () => {
  it('goes through mount points', () => {
    const kernel = new MountKernel('since 6.8');
    const file = kernel.dentry('a file', kernel.doc, kernel.superBlocks[1]!);
    assert.deepEqual(kernel.path(file, 1), { text: '/usr/share/doc/a file', lines: [] });
    assert.equal(kernel.path(kernel.roots[0]!).text, '/');
    assert.equal(kernel.path(0n).text, '');
  });

  it('of a file that was deleted says so', () => {
    const kernel = new MountKernel('since 6.8');
    const file = kernel.dentry('gone', kernel.usr, kernel.superBlocks[0]!, { 'd_hash.pprev': 0n });
    assert.equal(kernel.path(file).text, '/usr/gone (deleted)');
  });

  it('of what is in no tree is its name', () => {
    const kernel = new MountKernel('since 6.8');
    const { made } = kernel;
    const named = (type: string, name: string): string => {
      const inode = made.place('inode', { i_ino: 4711 });
      const operations = made.place('dentry_operations', { d_dname: 1n });
      return kernel.path(
        kernel.dentry(name, 0n, kernel.superBlock(type), { d_inode: inode, d_op: operations }),
      ).text;
    };
    assert.equal(named('pipefs', ''), 'pipe:[4711]');
    assert.equal(named('sockfs', 'TCP'), 'socket:[4711]');
    assert.equal(named('anon_inodefs', '[eventpoll]'), 'anon_inode:[eventpoll]');
    assert.equal(named('tmpfs', 'SYSV00000000'), '/SYSV00000000 (deleted)');
  });

  it('whose directories are a circle, or without end, ends', () => {
    const kernel = new MountKernel('since 6.8');
    const file = kernel.dentry('x', kernel.share, kernel.superBlocks[0]!);
    kernel.made.set('dentry', kernel.usr, { d_parent: file });
    const { text, lines } = kernel.path(file);
    assert.equal(text, '…/usr/share/x');
    assert.deepEqual(lines, ['a path: its directories go round in a circle']);
  });

  it('of which a directory is not in the dump says where it breaks off', () => {
    const kernel = new MountKernel('since 6.8');
    const file = kernel.dentry('x', kernel.share, kernel.superBlocks[0]!);
    kernel.lose(kernel.usr);
    const { text, lines } = kernel.path(file);
    assert.equal(text, '…/share/x');
    assert.match(lines[0]!, /^a path: physical page .* filtered out/);
  });
});
