import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes } from '../../../test/support/c-types.ts';
import { directMap } from '../../../test/support/synthetic-kernel.ts';
import { Missing } from '../missing.ts';
import { type OpenFile, readFiles } from './files.ts';

const types = `struct hlist_bl_node { void *next; void *pprev; };
  struct qstr { u32 len; char *name; };
  struct file_system_type { char *name; };
  struct super_block { struct file_system_type *s_type; };
  struct inode { unsigned long i_ino; struct super_block *i_sb; };
  struct dentry_operations { void *d_dname; };
  struct dentry { struct hlist_bl_node d_hash; struct dentry *d_parent; struct qstr d_name; struct inode *d_inode;
    struct dentry_operations *d_op; struct super_block *d_sb; };
  struct vfsmount { struct dentry *mnt_root; };
  struct mount { struct mount *mnt_parent; struct dentry *mnt_mountpoint; struct vfsmount mnt; };
  struct path { struct vfsmount *mnt; struct dentry *dentry; };
  struct file { struct path f_path; struct inode *f_inode; unsigned int f_flags; long f_pos; void *private_data; };
  struct fdtable { unsigned int max_fds; struct file **fd; unsigned long *close_on_exec; unsigned long *open_fds; };
  struct files_struct { int count; struct fdtable *fdt; };
  struct task_struct { struct files_struct *files; };
  struct in6_addr { u8 bytes[16]; };
  struct proto { char name[32]; };
  struct sock_common { u8 skc_daddr[4]; u8 skc_rcv_saddr[4]; u8 skc_dport[2]; u16 skc_num; u16 skc_family; struct proto *skc_prot;
    struct in6_addr skc_v6_daddr; struct in6_addr skc_v6_rcv_saddr; };
  struct sock { struct sock_common __sk_common; };
  struct sockaddr_un { u16 sun_family; char sun_path[108]; };
  struct unix_address { int refcnt; int len; struct sockaddr_un name[0]; };
  struct unix_sock { struct sock sk; struct unix_address *addr; struct sock *peer; };
  struct socket { int state; struct sock *sk; };`;

class Process {
  readonly made = new CKernel(new CTypes(types));
  readonly task: bigint;
  readonly table: bigint;
  /** The pointers of the numbers 0 to 511 have a page of their own; so have those from 512 on. */
  readonly pointers = this.made.space(8192, 4096);
  readonly open = this.made.space(128);
  private readonly closing = this.made.space(128);
  private readonly bits = new Map<bigint, bigint>();

  constructor() {
    this.table = this.made.place('fdtable', {
      max_fds: 1024,
      fd: this.pointers,
      open_fds: this.open,
      close_on_exec: this.closing,
    });
    this.task = this.made.place('task_struct', {
      files: this.made.place('files_struct', { fdt: this.table }),
    });
  }

  /** A file of a file system with d_dname, or of one without: then it is at the root. */
  file(fd: number, values: Record<string, bigint | number>, type = 'ext4', name = 'x'): bigint {
    const { made } = this;
    const superBlock = made.place('super_block', {
      s_type: made.place('file_system_type', { name: made.text(type) }),
    });
    const inode = made.place('inode', { i_ino: 4711, i_sb: superBlock });
    const inTree = type === 'ext4';
    const root = made.place('dentry', {});
    made.set('dentry', root, { d_parent: root });
    const dentry = made.place('dentry', {
      'd_hash.pprev': 1n,
      d_parent: root,
      'd_name.name': made.text(name),
      d_inode: inode,
      d_sb: superBlock,
      d_op: inTree ? 0n : made.place('dentry_operations', { d_dname: 1n }),
    });
    // In a page of its own.
    const file = made.space(4096, 4096);
    made.set('file', file, { 'f_path.dentry': dentry, f_inode: inode, ...values });
    made.kernel.memory.putU64(Number(this.pointers - directMap) + 8 * fd, file);
    this.setBit(this.open, fd);
    return file;
  }

  setBit(bitmap: bigint, fd: number): void {
    const word = bitmap + BigInt(8 * Math.floor(fd / 64));
    const bits = (this.bits.get(word) ?? 0n) | (1n << BigInt(fd % 64));
    this.bits.set(word, bits);
    this.made.kernel.memory.putU64(Number(word - directMap), bits);
  }

  closeOnExec(fd: number): void {
    this.setBit(this.closing, fd);
  }

  lose(address: bigint): void {
    this.made.kernel.memory.lose(Number(address - directMap) / 4096, 'excluded');
  }

  read(): { files: OpenFile[]; lines: readonly string[] } {
    const missing = new Missing();
    const crashed = this.made.crashed();
    const files = [...readFiles(crashed, crashed.struct('task_struct', this.task), missing)];
    return { files, lines: missing.lines };
  }
}

describe('open files', () => {
  it('have numbers, paths, flags and positions', () => {
    const process = new Process();
    process.file(0, { f_flags: 0o100002, f_pos: 17 });
    process.file(65, { f_flags: 0o2002001 }, 'pipefs');
    process.closeOnExec(65);
    const { files, lines } = process.read();
    assert.deepEqual(lines, []);
    assert.deepEqual(
      files.map(({ fd, path, flags, position }) => [fd, path, flags.join(' '), position]),
      [
        [0, '/x', 'RDWR LARGEFILE', 17],
        [65, 'pipe:[4711]', 'WRONLY APPEND CLOEXEC', 0],
      ],
    );
  });

  it('of a task without any are none', () => {
    const process = new Process();
    process.made.set('task_struct', process.task, { files: 0n });
    assert.deepEqual(process.read(), { files: [], lines: [] });
  });

  it('that are yet to come are left out', () => {
    const process = new Process();
    process.setBit(process.open, 3);
    assert.deepEqual(process.read(), { files: [], lines: [] });
  });

  it('of which the file, or the table, is not in the dump are told', () => {
    const process = new Process();
    process.file(0, {});
    process.lose(process.file(1, {}));
    process.file(600, {});
    process.lose(process.pointers + 4096n);
    const { files, lines } = process.read();
    assert.deepEqual(
      files.map(({ fd }) => fd),
      [0],
    );
    assert.match(lines[0]!, /^open file 1: physical page .* filtered out/);
    assert.match(lines[1]!, /^open file 600: physical page .* filtered out/);
  });

  it('of a table of which hardly anything is there end', () => {
    const process = new Process();
    process.file(0, {});
    process.lose(process.pointers);
    process.lose(process.pointers + 4096n);
    process.made.kernel.memory.put(Number(process.open - directMap), new Uint8Array(128).fill(0xff));
    const { files, lines } = process.read();
    assert.deepEqual(files, []);
    assert.equal(lines.length, 258);
    assert.match(lines.at(-1)!, /^the table of open files: its files from 256 on/);
  });

  it('of a table that cannot be so large are none', () => {
    const process = new Process();
    process.file(0, {});
    process.made.set('fdtable', process.table, { max_fds: 0xffff_ffffn });
    const { files, lines } = process.read();
    assert.deepEqual(files, []);
    assert.match(lines[0]!, /^the table of open files: has room for 4294967295 files/);
  });
});

describe('sockets', () => {
  const socketOf = (process: Process, sock: bigint): Record<string, bigint> => ({
    private_data: process.made.place('socket', { sk: sock }),
  });
  const endsOf = (make: (process: Process) => bigint): readonly string[] => {
    const process = new Process();
    process.file(3, socketOf(process, make(process)), 'sockfs');
    const { files, lines } = process.read();
    assert.deepEqual(lines, []);
    const { protocol, local, remote } = files[0]!.socket!;
    return [protocol, local, remote];
  };
  const prot = ({ made }: Process, name: string): bigint => made.place('proto', { name });
  const in6 = (...last: number[]): Uint8Array => {
    const bytes = new Uint8Array(16);
    bytes.set([0x20, 0x01], 0);
    bytes.set(last, 16 - last.length);
    return bytes;
  };

  it('of IPv4 have addresses and ports', () => {
    const ends = endsOf((process) =>
      process.made.place('sock', {
        '__sk_common.skc_family': 2,
        '__sk_common.skc_prot': prot(process, 'TCP'),
        '__sk_common.skc_rcv_saddr': Uint8Array.of(10, 0, 0, 1),
        '__sk_common.skc_num': 22,
        '__sk_common.skc_daddr': Uint8Array.of(10, 0, 0, 2),
        '__sk_common.skc_dport': Uint8Array.of(0x80, 0x01),
      }),
    );
    assert.deepEqual(ends, ['TCP', '10.0.0.1:22', '10.0.0.2:32769']);
  });

  it('of IPv6 have addresses and ports', () => {
    const ends = endsOf((process) =>
      process.made.place('sock', {
        '__sk_common.skc_family': 10,
        '__sk_common.skc_prot': prot(process, 'UDPv6'),
        '__sk_common.skc_v6_rcv_saddr': in6(1),
        '__sk_common.skc_num': 53,
        '__sk_common.skc_v6_daddr': new Uint8Array(16),
        '__sk_common.skc_dport': Uint8Array.of(0, 0),
      }),
    );
    assert.deepEqual(ends, ['UDPv6', '[2001::1]:53', '']);
  });

  it('of unix have names, abstract ones too', () => {
    const ends = endsOf((process) => {
      const { made } = process;
      const named = (text: string): bigint => {
        const address = made.space(128);
        made.set('unix_address', address, { len: 2 + text.length });
        made.kernel.memory.put(Number(address - directMap) + 10, new TextEncoder().encode(text));
        return address;
      };
      const peer = made.place('unix_sock', { addr: named('\0bus') });
      return made.place('unix_sock', {
        'sk.__sk_common.skc_family': 1,
        'sk.__sk_common.skc_prot': prot(process, 'UNIX-STREAM'),
        addr: named('/run/log\0'),
        peer,
      });
    });
    assert.deepEqual(ends, ['UNIX-STREAM', '/run/log', '@bus']);
  });
});
