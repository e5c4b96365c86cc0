import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asPfn } from '../base/units.ts';
import type { PageUse } from '../kernel/memory/page-use.ts';
import type { PageInfo } from '../tools/crash/pages.ts';
import { pageFields, useText } from './pages.ts';

const page: PageInfo = {
  asked: '0xffff88db81203090',
  pfn: 4611,
  physical: '0x1203000',
  inDump: 'present',
  page: '0xfffff3d6c00480c0',
  node: 0,
  zone: 'DMA32',
  flags: '0xfffffc0000000',
  flagNames: [],
  refcount: 0,
  mapcount: 0,
  mapping: null,
  index: null,
  compound: { head: 4608, order: 3, flagNames: ['slab', 'head'], refcount: 1 },
  use: {
    kind: 'slab',
    slab: { cache: 'task_struct', address: '0x1', objectSize: 6208, objects: 5, inUse: 4 },
  },
  object: { address: '0xffff88db81203080', offset: 16, free: true },
};

describe('what vmcore pages prints', () => {
  it('is a line for each thing', () => {
    assert.deepEqual(Object.fromEntries(pageFields(page)), {
      'Page frame': '4611 (0x1203), node 0, zone DMA32',
      Physical: '0x1203000',
      'In the dump': 'yes',
      'Used for': 'slab cache task_struct: 4 of 5 objects of 6208 bytes in use',
      Object: '0xffff88db81203080, free; the address is 16 bytes into it',
      'struct page': '0xfffff3d6c00480c0',
      Flags: '0xfffffc0000000',
      Count: '0, mapped 0 times',
      Compound: 'order 3 (8 pages) from page frame 4608 on',
      Head: 'count 1, slab head',
    });
  });

  it('says why a page is not in the dump, and what has no struct page', () => {
    const none = pageFields({
      ...page,
      inDump: 'absent',
      page: null,
      zone: null,
      node: null,
      flags: null,
      use: null,
      object: null,
      compound: null,
    });
    assert.deepEqual(Object.fromEntries(none), {
      'Page frame': '4611 (0x1203), in no zone',
      Physical: '0x1203000',
      'In the dump': 'no: absent',
      'Used for': 'unknown',
      'struct page': 'none: no memory that the kernel knows',
    });
  });

  it('has words for every use', () => {
    const file = { mapping: '0x1', inode: 42, fileSystem: 'ext4', device: 'vda', path: '/etc/passwd' };
    const uses: [PageUse, string][] = [
      [
        { kind: 'free', block: { head: asPfn(64), order: 3 } },
        'free, in a block of order 3 from page frame 64 on',
      ],
      [{ kind: 'free', block: null }, 'free, in no list of the page allocator: a CPU keeps it at hand'],
      [{ kind: 'file', file }, 'page cache: ext4 vda, inode 42, /etc/passwd'],
      [{ kind: 'file', file: { ...file, path: null } }, 'page cache: ext4 vda, inode 42'],
      [
        { kind: 'anonymous', anonVma: '0x1', swapCache: true, ksm: true },
        'memory of processes (KSM), in the swap cache',
      ],
      [{ kind: 'typed', type: 'table' }, 'page tables'],
      [{ kind: 'typed', type: 'something_new' }, 'something_new'],
      [{ kind: 'kernel image', part: 'text' }, "the kernel's image (text)"],
      [{ kind: 'crash kernel' }, 'set aside for the crash kernel'],
      [{ kind: 'reserved' }, 'reserved: not for the page allocator'],
      [{ kind: 'movable' }, 'a driver, that can move it'],
      [{ kind: 'kernel' }, 'the kernel: allocated, for what is not recorded'],
    ];
    for (const [use, text] of uses) assert.equal(useText(use), text);
  });
});
