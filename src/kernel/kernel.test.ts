import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describedKernel } from '../../test/support/described-kernel.ts';
import { failsWith } from '../../test/support/expect-error.ts';
import { fakeDump } from '../../test/support/fake-dump.ts';
import { numberedPage } from '../../test/support/pages.ts';
import { SparseMemory } from '../../test/support/sparse-memory.ts';
import { directMap, SyntheticKernel } from '../../test/support/synthetic-kernel.ts';
import { asPaddr, asVaddr, type Paddr } from '../base/units.ts';
import { Kernel } from './kernel.ts';
import { PageCache } from './page-cache.ts';
import { readUtsname } from './utsname.ts';

const at = (paddr: number): ReturnType<typeof asVaddr> => asVaddr(directMap + BigInt(paddr));
/** vmalloc space, mapped page by page by the tests. */
const vmalloc = 0xffff_c900_0000_0000n;

/** Page frames 0x10, 0x11, ... are numbered; 0x14 was filtered out, 0x16 lost, 0x18 damaged. */
function makeKernel(): SyntheticKernel {
  const kernel = new SyntheticKernel();
  for (let pfn = 0x10; pfn < 0x20; pfn++) kernel.memory.put(pfn * 4096, numberedPage(pfn));
  kernel.memory.lose(0x14, 'excluded');
  kernel.memory.lose(0x16, 'lost');
  kernel.memory.lose(0x18, 'corrupt');
  // Three pages that lie in memory in another order; a hole; one more.
  kernel.tables.map(vmalloc, 0x12000, 0x1000);
  kernel.tables.map(vmalloc + 0x1000n, 0x10000, 0x1000);
  kernel.tables.map(vmalloc + 0x2000n, 0x11000, 0x1000);
  kernel.tables.map(vmalloc + 0x4000n, 0x13000, 0x1000);
  return kernel;
}

/** Both ways to read must answer the same. */
const readers: readonly [name: string, (kernel: Kernel, vaddr: bigint, length: number) => Uint8Array][] = [
  ['read', (kernel, vaddr, length) => kernel.read(asVaddr(vaddr), length)],
  [
    'readBulk',
    (kernel, vaddr, length) => {
      const into = new Uint8Array(length);
      kernel.readBulk(asVaddr(vaddr), into);
      return into;
    },
  ],
];

for (const [name, read] of readers) {
  describe(`Kernel.${name}`, () => {
    const kernel = makeKernel().kernel();

    it('reads over pages that lie together', () => {
      const bytes = read(kernel, at(0x10ff0), 0x2020);
      assert.deepEqual(bytes.subarray(0x10, 0x1010), numberedPage(0x11));
      assert.deepEqual(bytes.subarray(0x1010, 0x2010), numberedPage(0x12));
      assert.equal(bytes.length, 0x2020);
    });

    it('follows a mapping that jumps', () => {
      const bytes = read(kernel, vmalloc, 0x3000);
      assert.deepEqual(bytes.subarray(0, 0x1000), numberedPage(0x12));
      assert.deepEqual(bytes.subarray(0x1000, 0x2000), numberedPage(0x10));
      assert.deepEqual(bytes.subarray(0x2000), numberedPage(0x11));
    });

    it('reads nothing at all', () => {
      assert.equal(read(kernel, vmalloc + 0x3000n, 0).length, 0);
    });

    it('says which address is not mapped', () => {
      assert.throws(
        () => read(kernel, vmalloc + 0x2ff0n, 0x20),
        failsWith('E_UNREADABLE', /kernel address 0xffffc90000003000 is not mapped/),
      );
    });

    it('says which page is missing, and why', () => {
      const missing: [pfn: number, why: RegExp][] = [
        [0x14, /physical page 0x14000 was filtered out/],
        [0x16, /physical page 0x16000 was lost: the dump was cut short/],
        [0x18, /physical page 0x18000 is damaged in the file/],
      ];
      for (const [pfn, why] of missing) {
        assert.throws(() => read(kernel, at(pfn * 4096 - 8), 16), failsWith('E_UNREADABLE', why));
      }
      const beyond = makeKernel();
      beyond.tables.map(vmalloc + 0x8000n, 0x7000_0000, 0x1000);
      const why = /physical page 0x70000000 is not in the dump/;
      assert.throws(() => read(beyond.kernel(), vmalloc + 0x8000n, 8), failsWith('E_UNREADABLE', why));
    });
  });
}

describe('a kernel', () => {
  it('reads pointers', () => {
    const synthetic = new SyntheticKernel();
    synthetic.memory.putU64(0x5008, 0xffff_8880_1234_5678n);
    assert.equal(synthetic.kernel().readPointer(at(0x5008)), 0xffff_8880_1234_5678n);
  });

  it('tells mapped from not mapped without an error, when asked so', () => {
    const kernel = makeKernel().kernel();
    assert.equal(kernel.tryTranslate(asVaddr(vmalloc + 8n))?.paddr, 0x12008);
    assert.equal(kernel.tryTranslate(asVaddr(vmalloc + 0x3000n)), undefined);
    assert.throws(() => kernel.translate(asVaddr(vmalloc + 0x3000n)), failsWith('E_UNREADABLE'));
  });

  it('needs vmcoreinfo, and page tables that vmcoreinfo leads to', () => {
    const memory = new SparseMemory([{ start: 0, end: 4096 }]);
    assert.throws(() => new Kernel(fakeDump({ memory })), failsWith('E_NO_INFO', /no VMCOREINFO note/));
    assert.throws(
      () => new Kernel(fakeDump({ memory, vmcoreinfo: 'OSRELEASE=6.1.0\n' })),
      failsWith('E_NO_INFO', /SYMBOL/),
    );
    const lost = new Kernel(fakeDump({ memory, vmcoreinfo: 'SYMBOL(swapper_pg_dir)=ffffffff90000000\n' }));
    assert.throws(
      () => lost.read(at(0), 8),
      failsWith('E_UNREADABLE', /physical page 0x10000000 is not in the dump/),
    );
    // A root below physical address 0 wraps to far beyond any memory.
    const below = new Kernel(fakeDump({ memory, vmcoreinfo: 'SYMBOL(swapper_pg_dir)=ffffffff7ffff000\n' }));
    assert.throws(() => below.read(at(0), 8), failsWith('E_UNREADABLE', /is not in the dump/));
  });

  it('knows its name', () => {
    const described = describedKernel('release 5.4.0-test\narch arm64\nmemory 0x0-0x3fffff\n');
    const names = ['Linux', 'synthetic', '5.4.0-test', '#1 SMP', 'aarch64', '(none)'];
    assert.deepEqual(Object.values(readUtsname(described.kernel.kernel())), names);
    assert.throws(() => readUtsname(new SyntheticKernel().kernel()), failsWith('E_NO_INFO', /init_uts_ns/));
  });
});

describe('the page cache', () => {
  const pageSize = 4096;
  /** Memory that counts how often each page is read. */
  class CountingMemory extends SparseMemory {
    readonly reads = new Map<number, number>();
    override read(paddr: Paddr, into: Uint8Array): number {
      const pfn = Math.floor(paddr / pageSize);
      this.reads.set(pfn, (this.reads.get(pfn) ?? 0) + 1);
      return super.read(paddr, into);
    }
  }
  const setUp = () => {
    const memory = new CountingMemory([{ start: 0, end: 2000 * pageSize }]);
    const cache = new PageCache(fakeDump({ memory }));
    const word = new Uint8Array(8);
    const touch = (pfn: number): void => cache.read(asPaddr(pfn * pageSize + 16), word);
    return { memory, cache, touch };
  };

  it('reads a page once, however often it is asked for', () => {
    const { memory, touch } = setUp();
    for (let i = 0; i < 10; i++) touch(7);
    assert.equal(memory.reads.get(7), 1);
  });

  it('keeps the pages that were used last, and lets the others go', () => {
    const { memory, touch } = setUp();
    for (let pfn = 0; pfn < 1024; pfn++) touch(pfn);
    touch(0);
    for (let pfn = 1024; pfn < 1124; pfn++) touch(pfn);
    touch(0);
    assert.equal(memory.reads.get(0), 1, 'page 0 was used all the time');
    touch(1);
    assert.equal(memory.reads.get(1), 2, 'page 1 was the oldest');
    touch(1123);
    assert.equal(memory.reads.get(1123), 1);
  });

  it('gives the bytes of both pages where a read lies over two', () => {
    const { memory, cache } = setUp();
    memory.put(pageSize - 2, Uint8Array.of(1, 2, 3, 4));
    const into = new Uint8Array(4);
    cache.read(asPaddr(pageSize - 2), into);
    assert.deepEqual([...into], [1, 2, 3, 4]);
  });

  it('does not remember a page that could not be read', () => {
    const { memory, touch } = setUp();
    memory.lose(3, 'lost');
    for (let i = 0; i < 2; i++) assert.throws(() => touch(3), failsWith('E_UNREADABLE', /was lost/));
    assert.equal(memory.reads.get(3), 2);
  });
});
