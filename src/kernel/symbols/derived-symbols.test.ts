import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes } from '../../../test/support/c-types.ts';
import { directMap } from '../../../test/support/synthetic-kernel.ts';
import { deriveSymbol } from './derived-symbols.ts';

const types = `struct list_head { struct list_head *next; struct list_head *prev; };
  struct rq { unsigned int cpu; struct task_struct *idle; };
  struct cfs_rq { int load; struct rq *rq; };
  struct sched_entity { int weight; struct cfs_rq *cfs_rq; };
  struct module { int state; struct list_head list; };
  struct file_system_type { char *name; struct module *owner; struct file_system_type *next; };
  struct super_block { struct list_head s_list; struct file_system_type *s_type; };
  struct vfsmount { void *mnt_root; struct super_block *mnt_sb; };
  struct path { struct vfsmount *mnt; void *dentry; };
  struct fs_struct { int users; struct path root; };
  struct kmem_cache { int size; struct list_head list; };
  struct task_struct { int pid; struct fs_struct *fs; struct sched_entity se; };`;

const perCpu = 0x3000n;

/** Two file systems are mounted; the second was registered before one that a module made. */
function machine() {
  const made = new CKernel(new CTypes(types));
  const { kernel } = made;
  const image = kernel.placeVariable(new Uint8Array(4096));
  /** A list's head in the image, around nodes elsewhere. */
  const ring = (at: bigint, nodes: readonly bigint[]): bigint => {
    const head = image + at;
    const paddr = (node: bigint): number =>
      Number(node - (node >= image ? BigInt.asUintN(64, kernel.space.imageOffset) : directMap));
    const all = [head, ...nodes];
    all.forEach((node, i) => {
      kernel.memory.putU64(paddr(node), all[(i + 1) % all.length]!);
      kernel.memory.putU64(paddr(node) + 8, all.at(i - 1)!);
    });
    return head;
  };
  const init = made.place('task_struct');
  const queue = made.place('rq', { cpu: 1, idle: init });
  const cfs = made.place('cfs_rq', { rq: queue });
  const module = made.place('module');
  const modules = ring(
    64n,
    [made.place('module'), module].map((at) => made.member('module', at, 'list')),
  );
  const late = made.place('file_system_type', { owner: module });
  const blocks = [made.place('file_system_type'), made.place('file_system_type', { next: late })].map(
    (s_type) => made.place('super_block', { s_type }),
  );
  ring(
    128n,
    blocks.map((at) => made.member('super_block', at, 's_list')),
  );
  const mnt = made.place('vfsmount', { mnt_sb: blocks[0]! });
  made.set('task_struct', init, { fs: made.place('fs_struct', { 'root.mnt': mnt }), 'se.cfs_rq': cfs });
  const caches = [made.place('kmem_cache'), made.place('kmem_cache')];
  const slabCaches = ring(
    192n,
    caches.map((at) => made.member('kmem_cache', at, 'list')),
  );
  const symbols = new Map([
    ['init_task', init],
    ['__per_cpu_offset', made.longs(0x1000n, perCpu)],
    ['kmalloc_caches', made.longs(0, 0, caches[1]!)],
  ]);
  const derive = (name: string): bigint | undefined => {
    const crashed = made.crashed({ _stext: image });
    return deriveSymbol(name, {
      kernel: crashed.kernel,
      layouts: crashed.layouts,
      structLayout: (type) => crashed.structLayout(type),
      symbol: (wanted) => symbols.get(wanted) as ReturnType<typeof crashed.symbols.address>,
    });
  };
  return { made, derive, symbols, init, queue, cfs, module, modules, late, slabCaches };
}

describe('static variables that exported ones lead to', () => {
  it('are the run queues, by the first task', () => {
    const { derive, queue } = machine();
    assert.equal(derive('runqueues'), queue - perCpu);
  });

  it('are no run queues when the first task is not idle there', () => {
    const { made, derive, queue, module } = machine();
    made.set('rq', queue, { idle: module });
    assert.equal(derive('runqueues'), undefined);
  });

  it('are the modules, by the owner of a file system', () => {
    const { derive, modules } = machine();
    assert.equal(derive('modules'), modules);
  });

  it('are no modules when no file system has an owner, or their list does not pass the image once', () => {
    const without = machine();
    without.made.set('file_system_type', without.late, { owner: 0n });
    assert.equal(without.derive('modules'), undefined);
    const { made, derive, module } = machine();
    made.set('module', module, { 'list.next': made.member('module', module, 'list') });
    assert.equal(derive('modules'), undefined);
  });

  it('are the slab caches, by one of kmalloc', () => {
    const { derive, slabCaches } = machine();
    assert.equal(derive('slab_caches'), slabCaches);
  });

  it('are none without what leads there', () => {
    const { derive, symbols } = machine();
    symbols.clear();
    for (const name of ['runqueues', 'modules', 'slab_caches', 'tk_core'])
      assert.equal(derive(name), undefined);
  });
});
