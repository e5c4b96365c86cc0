import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes } from '../../../test/support/c-types.ts';
import { listSlabCaches } from '../../tools/crash/slab.ts';

const lists =
  'struct list_head { struct list_head *next; struct list_head *prev; }; struct cpumask { unsigned long bits[1]; };';
const order = 'struct kmem_cache_order_objects { unsigned int x; };';
const cache = 'char *name; struct list_head list; unsigned int size; unsigned int object_size;';
const node = 'struct kmem_cache_node { struct list_head partial; long nr_slabs; long total_objects; BARN };';
const slab =
  'struct slab { struct slab *next; int slabs; struct list_head slab_list; struct kmem_cache *slab_cache; u16 inuse; u16 objects; };';

const forms = {
  /** 6.1: CPUs have slabs of their own, and links are hidden. */
  'until 6.17': `${lists} ${order} ${slab} ${node.replace('BARN', '')}
    struct kmem_cache_cpu { void *freelist; struct slab *slab; struct slab *partial; };
    struct kmem_cache { ${cache} struct kmem_cache_order_objects oo; struct kmem_cache_cpu *cpu_slab; unsigned int offset;
      unsigned long random; struct kmem_cache_node *node[4]; };`,
  /** 4.18: a slab is a struct page. */
  'until 5.16': `${lists} ${order} ${node.replace('BARN', '')}
    struct page { struct page *next; int pages; struct list_head slab_list; u16 inuse; u16 objects; };
    struct kmem_cache_cpu { void *freelist; struct page *page; struct page *partial; };
    struct kmem_cache { ${cache} struct kmem_cache_order_objects oo; struct kmem_cache_cpu *cpu_slab; unsigned int offset;
      struct kmem_cache_node *node[4]; };`,
  /** 7.1: sheaves in place of slabs of CPUs. */
  'since 7.1': `${lists} ${order} ${slab} ${node.replace('BARN', '')}
    struct slab_sheaf { struct list_head barn_list; unsigned int size; };
    struct node_barn { struct list_head sheaves_full; struct list_head sheaves_empty; };
    struct slub_percpu_sheaves { struct slab_sheaf *main; struct slab_sheaf *spare; };
    struct kmem_cache_per_node_ptrs { struct node_barn *barn; struct kmem_cache_node *node; };
    struct kmem_cache { ${cache} struct kmem_cache_order_objects oo; struct slub_percpu_sheaves *cpu_sheaves;
      struct kmem_cache_per_node_ptrs per_node[4]; };`,
  /** The allocator called SLAB. */
  SLAB: `${lists}
    struct array_cache { unsigned int avail; };
    struct kmem_cache_node { unsigned long total_slabs; unsigned long free_objects; struct array_cache *shared; };
    struct kmem_cache { ${cache} unsigned int num; unsigned int gfporder; struct array_cache *cpu_cache;
      struct kmem_cache_node *node[4]; };`,
};
type Form = keyof typeof forms;

const directMap = 0xffff_8880_0000_0000n;
/** CPU 1's per-CPU memory is this far from CPU 0's. */
const perCpuStep = 0x2000n;
const random = 0x1234_5678_9abc_def0n;

interface Machine {
  readonly made: CKernel;
  /** kmem_caches: busy, idle. */
  readonly busy: bigint;
  readonly idle: bigint;
  readonly symbols: Record<string, bigint>;
  /** Objects of CPU 0's free list. */
  readonly objects: readonly bigint[];
  /** What of CPU 0 and of CPU 1 is of the cache "busy". */
  readonly perCpu: bigint;
  /** The two slabs that CPU 1 has in use in part, or the full sheaf. */
  readonly partial: readonly bigint[];
}

/** "busy" has 4 slabs of 8 objects of 64 bytes in a page, of which 5 + 3 are free on CPUs and 2 in a slab of the node; "idle" has none. */
function machine(form: Form): Machine {
  const made = new CKernel(new CTypes(forms[form]));
  const slabType = form === 'until 5.16' ? 'page' : 'slab';
  const idle = made.place('kmem_cache', { name: made.text('idle'), size: 128, object_size: 100 });
  const busy = made.place('kmem_cache', { name: made.text('busy'), size: 64, object_size: 60 });
  const head = made.place('list_head');
  made.link(
    head,
    [busy, idle].map((address) => made.member('kmem_cache', address, 'list')),
  );
  const perCpu = made.space(Number(perCpuStep) * 2);
  const symbols = {
    slab_caches: head,
    nr_node_ids: made.longs(1),
    __per_cpu_offset: made.longs(0, perCpuStep),
    __cpu_possible_mask: made.place('cpumask', { 'bits[0]': 3 }),
  };
  const machineOf = (objects: readonly bigint[], partial: readonly bigint[]): Machine => ({
    made,
    busy,
    idle,
    symbols,
    objects,
    perCpu,
    partial,
  });
  if (form === 'SLAB') {
    const shared = made.place('array_cache', { avail: 2 });
    const nodes = [
      made.place('kmem_cache_node', { total_slabs: 4, free_objects: 3, shared }),
      made.place('kmem_cache_node'),
    ];
    made.set('kmem_cache', busy, { num: 8, gfporder: 0, cpu_cache: perCpu, 'node[0]': nodes[0]! });
    made.set('kmem_cache', idle, { num: 4, gfporder: 1, cpu_cache: perCpu + 64n, 'node[0]': nodes[1]! });
    made.set('array_cache', perCpu, { avail: 4 });
    made.set('array_cache', perCpu + perCpuStep, { avail: 1 });
    return machineOf([], []);
  }
  const nodes = [busy, idle].map((address, i) => {
    const made1 = made.place('kmem_cache_node', {
      nr_slabs: i === 0 ? 4 : 0,
      total_objects: i === 0 ? 32 : 0,
    });
    made.link(made.member('kmem_cache_node', made1, 'partial'), []);
    made.set('kmem_cache', address, {
      'oo.x': i === 0 ? 8 : (1 << 16) | 4,
      [form === 'since 7.1' ? 'per_node[0].node' : 'node[0]']: made1,
      [form === 'since 7.1' ? 'cpu_sheaves' : 'cpu_slab']: perCpu + BigInt(64 * i),
    });
    return made1;
  });
  const nodeSlab = made.place(slabType, { objects: 8, inuse: 6 });
  made.link(made.member('kmem_cache_node', nodes[0]!, 'partial'), [
    made.member(slabType, nodeSlab, 'slab_list'),
  ]);
  if (form === 'since 7.1') {
    const barn = made.place('node_barn');
    made.set('kmem_cache', busy, { 'per_node[0].barn': barn });
    const sheaf = made.place('slab_sheaf', { size: 3 });
    made.link(made.member('node_barn', barn, 'sheaves_full'), [
      made.member('slab_sheaf', sheaf, 'barn_list'),
    ]);
    made.set('slub_percpu_sheaves', perCpu, {
      main: made.place('slab_sheaf', { size: 4 }),
      spare: made.place('slab_sheaf', { size: 1 }),
    });
    return machineOf([], [sheaf]);
  }
  const page = made.space(4096, 4096);
  const objects = [3, 1, 6].map((i) => page + BigInt(64 * i));
  const swap = (value: bigint): bigint => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    return bytes.readBigUInt64BE();
  };
  made.set('kmem_cache', busy, { offset: 32, ...(form === 'until 6.17' ? { random } : {}) });
  for (const [i, object] of objects.entries()) {
    const at = object + 32n;
    const next = objects[i + 1] ?? 0n;
    made.kernel.memory.putU64(
      Number(at - directMap),
      form === 'until 6.17' ? next ^ random ^ swap(at) : next,
    );
  }
  const partial = [
    made.place(slabType, { objects: 8, inuse: 7, [form === 'until 5.16' ? 'pages' : 'slabs']: 2 }),
    made.place(slabType, { objects: 8, inuse: 6, [form === 'until 5.16' ? 'pages' : 'slabs']: 1 }),
  ];
  made.set(slabType, partial[0]!, { next: partial[1]! });
  // Of the slab of CPU 0, others freed two objects.
  const own = made.place(slabType, { objects: 8, inuse: 6 });
  made.set('kmem_cache_cpu', perCpu, {
    freelist: objects[0]!,
    [form === 'until 5.16' ? 'page' : 'slab']: own,
  });
  made.set('kmem_cache_cpu', perCpu + perCpuStep, { partial: partial[0]! });
  return machineOf(objects, partial);
}

const list = (of: Machine) => listSlabCaches(of.made.crashed(of.symbols));

describe('slab caches', () => {
  for (const form of Object.keys(forms) as Form[]) {
    it(`are listed with what is free wherever it is kept (${form})`, () => {
      const of = machine(form);
      const { caches, missing } = list(of);
      assert.deepEqual(missing, []);
      assert.deepEqual(caches, [
        {
          name: 'busy',
          size: 64,
          objectSize: 60,
          objectsPerSlab: 8,
          order: 0,
          slabs: 4,
          objects: 32,
          active: 22,
          free: 10,
          memory: 16384,
          merged: [],
          address: `0x${of.busy.toString(16)}`,
        },
        {
          name: 'idle',
          size: 128,
          objectSize: 100,
          objectsPerSlab: 4,
          order: 1,
          slabs: 0,
          objects: 0,
          active: 0,
          free: 0,
          memory: 0,
          merged: [],
          address: `0x${of.idle.toString(16)}`,
        },
      ]);
    });
  }

  it('are found by name', () => {
    const of = machine('until 6.17');
    const { caches } = listSlabCaches(of.made.crashed(of.symbols), ['idle', 'none']);
    assert.deepEqual(
      caches.map(({ name }) => name),
      ['idle'],
    );
  });

  it('read links that are hidden without swapping bytes', () => {
    const of = machine('until 6.17');
    for (const [i, object] of of.objects.entries()) {
      const at = object + 32n;
      const next = of.objects[i + 1] ?? 0n;
      of.made.kernel.memory.putU64(Number(at - directMap), next ^ random ^ at);
    }
    assert.equal(list(of).caches[0]!.free, 10);
  });
});

describe('slab caches that were merged', () => {
  const types = new CTypes(`${lists}
    struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right; struct rb_node *rb_left; };
    struct rb_root { struct rb_node *rb_node; };
    struct kernfs_elem_dir { struct rb_root children; };
    struct kernfs_elem_symlink { struct kernfs_node *target_kn; };
    struct kernfs_node { char *name; struct rb_node rb; union { struct kernfs_elem_dir dir; struct kernfs_elem_symlink symlink; };
      void *priv; unsigned short flags; };
    struct kobject { char *name; struct kernfs_node *sd; };
    struct kset { struct list_head list; struct kobject kobj; };
    struct kmem_cache { ${cache} struct kobject kobj; };`);

  /** "first" has the directory ":64", to which "first", "second" and "third" are links; "own" has one of its own. */
  function machineWithLinks() {
    const made = new CKernel(types);
    const of = (name: string): bigint =>
      made.place('kmem_cache', { name: made.text(name), size: 64, object_size: 64 });
    const [first, own] = [of('first'), of('own')];
    const head = made.place('list_head');
    made.link(
      head,
      [first, own].map((address) => made.member('kmem_cache', address, 'list')),
    );
    const entry = (name: string, values: Record<string, bigint | number>): bigint =>
      made.place('kernfs_node', { name: made.text(name), ...values });
    const folderOf = (address: bigint, name: string): bigint =>
      entry(name, { flags: 1, priv: made.member('kmem_cache', address, 'kobj') });
    const merged = folderOf(first, ':64');
    const links = ['first', 'second', 'third'].map((name) =>
      entry(name, { flags: 4, 'symlink.target_kn': merged }),
    );
    const nodes = [folderOf(own, 'own'), ...links].map((node) => made.member('kernfs_node', node, 'rb'));
    // A tree that leans to one side.
    const root = entry('slab', { flags: 1, 'dir.children.rb_node': nodes[0]! });
    let parent = 0n;
    for (const [i, node] of nodes.entries()) {
      made.set('rb_node', node, { __rb_parent_color: parent, rb_right: nodes[i + 1] ?? 0n });
      parent = node;
    }
    const kset = made.place('kset', { 'kobj.sd': root });
    return { made, nodes, symbols: { slab_caches: head, slab_kset: made.longs(kset) } };
  }

  it('have the names of all, and are found by them', () => {
    const { made, symbols } = machineWithLinks();
    const crashed = made.crashed(symbols);
    const { caches, missing } = listSlabCaches(crashed);
    assert.deepEqual(
      caches.map(({ name, merged }) => [name, merged]),
      [
        ['first', ['second', 'third']],
        ['own', []],
      ],
    );
    // SLOB has neither slabs nor counts.
    assert.ok(missing.every((line) => /does not count/.test(line)));
    assert.deepEqual(
      listSlabCaches(crashed, ['third']).caches.map(({ name }) => name),
      ['first'],
    );
  });

  it('are told though the tree of their names is smashed', () => {
    const { made, nodes, symbols } = machineWithLinks();
    made.set('rb_node', nodes[2]!, { rb_right: nodes[0]! });
    const { caches, missing } = listSlabCaches(made.crashed(symbols));
    assert.deepEqual(
      caches.map(({ name, merged }) => [name, merged]),
      [
        ['first', ['second']],
        ['own', []],
      ],
    );
    assert.match(missing.join('\n'), /^the names of merged slab caches: /m);
  });
});

describe('slab caches that were smashed', () => {
  /** The free objects are not known, all else is, and the reason is given. */
  const unknownFree = (of: Machine, why: RegExp): void => {
    const { caches, missing } = list(of);
    assert.deepEqual(
      caches.map(({ name, slabs, objects, active, free }) => [name, slabs, objects, active, free]),
      [
        ['busy', 4, 32, null, null],
        ['idle', 0, 0, 0, 0],
      ],
    );
    assert.equal(missing.length, 1);
    assert.match(missing[0]!, why);
  };

  it('have a free list that leads out of its slab', () => {
    const of = machine('until 5.16');
    of.made.kernel.memory.putU64(Number(of.objects[1]! + 32n - directMap), of.objects[0]! + 0x5000n);
    unknownFree(
      of,
      /^the free objects of busy: the free list from 0x\w+ of busy leads from 0x\w+ out of its slab$/,
    );
  });

  it('have a free list that goes round', () => {
    const of = machine('until 5.16');
    of.made.kernel.memory.putU64(Number(of.objects[2]! + 32n - directMap), of.objects[0]!);
    unknownFree(of, /has more than the 8 objects of a slab$/);
  });

  it('have slabs of a CPU that go round', () => {
    const of = machine('until 6.17');
    of.made.set('slab', of.partial[1]!, { next: of.partial[0]! });
    unknownFree(of, /the partly used slabs of busy go round$/);
  });

  it('have a sheaf that leads to itself', () => {
    const of = machine('since 7.1');
    of.made.set('slab_sheaf', of.partial[0]!, { 'barn_list.next': of.partial[0]! });
    unknownFree(of, /goes round without coming back to its head$/);
  });

  it('have a slab with more objects in use than it has', () => {
    const of = machine('until 6.17');
    of.made.set('slab', of.partial[1]!, { inuse: 9 });
    unknownFree(of, /the slab at 0x\w+ has 9 of 8 objects in use$/);
  });

  it('have counters that cannot be', () => {
    for (const counters of [{ nr_slabs: -1 }, { nr_slabs: 1n << 40n }, { total_objects: 1n << 50n }]) {
      const of = machine('until 6.17');
      const node = of.made.crashed(of.symbols).struct('kmem_cache', of.busy).pointer('node');
      of.made.set('kmem_cache_node', node, counters);
      const { caches, missing } = list(of);
      assert.deepEqual([caches[0]!.slabs, caches[0]!.free, caches[1]!.slabs], [null, null, 0]);
      assert.match(missing.join('\n'), /^the slabs of busy: busy counts -?\d+ slabs and \d+ objects$/);
    }
  });

  it('lie partly in pages that are not in the dump', () => {
    const of = machine('until 6.17');
    of.made.kernel.memory.lose(Number((of.objects[0]! - directMap) / 4096n), 'excluded');
    unknownFree(of, /^the free objects of busy: physical page 0x\w+ was filtered out/);
  });

  it('have a list that goes round, of which each is told once', () => {
    const of = machine('until 6.17');
    of.made.set('kmem_cache', of.idle, { 'list.next': of.made.member('kmem_cache', of.busy, 'list') });
    const { caches, missing } = list(of);
    assert.deepEqual(
      caches.map(({ name }) => name),
      ['busy', 'idle'],
    );
    assert.match(missing.join('\n'), /^the list of slab caches: the list goes round/);
  });

  it('cannot be counted by kernels that do not count', () => {
    const made = new CKernel(
      new CTypes(`${lists} ${order} struct kmem_cache_node { struct list_head partial; };
        struct kmem_cache { ${cache} struct kmem_cache_order_objects oo; struct kmem_cache_node *node[1]; };`),
    );
    const head = made.place('list_head');
    const only = made.place('kmem_cache', {
      name: made.text('only'),
      size: 8,
      object_size: 8,
      'node[0]': made.place('kmem_cache_node'),
    });
    made.link(head, [made.member('kmem_cache', only, 'list')]);
    const { caches, missing } = listSlabCaches(made.crashed({ slab_caches: head }));
    assert.deepEqual([caches[0]!.name, caches[0]!.slabs, caches[0]!.free], ['only', null, null]);
    assert.match(missing[0]!, /this kernel does not count its slabs/);
  });
});
