import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { asPaddr } from '../../src/base/units.ts';
import { describedKernel } from './described-kernel.ts';
import { parseKernel } from './kernel-description.ts';

const head = `
  release 6.12.0          # what decides the rest
  arch    x86_64, 4 levels
  memory  0x0-0xffffff
`;

describe('a described kernel', () => {
  it('is what its lines say', () => {
    const { pages, log, ...rest } = parseKernel(`
      release 6.12.3-test
      arch    arm64, 64K pages, va 52 on 48
      kaslr   0x1000000
      memory  0x40000000-0x40ffffff, 0x50000000-0x50ffffff
      mem_map sparse, sections of 2^24
      page    +16-17  cache private   -> out at 4
      page    0x4020  anonymous order 2 -> out at 8
      log     <6>[    1.500000][   C3] a: b
      dict    SUBSYSTEM=a DEVICE=+a:b
      vmcoreinfo NUMBER(x)=1
      vmcoreinfo !KERNELOFFSET
      symbol  T start = image+0x10
      symbol  A counter = 0x40
    `);
    assert.deepEqual(rest, {
      release: '6.12.3-test',
      machine: { arch: 'arm64', pageSize: 65536, vaBits: 52, cpuVaBits: 48, kaslr: 0x1000000n },
      ram: [
        { start: 0x4000_0000, end: 0x4100_0000 },
        { start: 0x5000_0000, end: 0x5100_0000 },
      ],
      model: 'static',
      sectionBits: 24,
      vmcoreinfo: new Map([
        ['NUMBER(x)', '1'],
        ['KERNELOFFSET', undefined],
      ]),
      symbols: [
        { type: 'T', name: 'start', address: 0x10n, inImage: true },
        { type: 'A', name: 'counter', address: 0x40n, inImage: false },
      ],
    });
    assert.deepEqual(
      pages.map(({ first, count, order, kind, expected }) => ({ first, count, order, kind, expected })),
      [
        { first: 0x4010, count: 2, order: undefined, kind: 'pages', expected: [4] },
        { first: 0x4020, count: 4, order: 2, kind: 'compound', expected: [8] },
      ],
    );
    assert.deepEqual(log, [
      {
        text: 'a: b',
        time: 1_500_000_000n,
        caller: 0x8000_0003,
        dictionary: ['SUBSYSTEM=a', 'DEVICE=+a:b'],
        shown: '[    1.500000] a: b',
      },
    ]);
  });

  it('has the last word of several that speak of a page', () => {
    const described = describedKernel(`${head}
      page 32 buddy order 3 -> out at 16
      page 33 hwpoison      -> never read
      page 34 kernel        -> kept
    `);
    assert.deepEqual(described.leftOut(0), [33]);
    assert.deepEqual(described.leftOut(31), [32, 33, 35, 36, 37, 38, 39]);
  });

  it('fails to read what must never be read, and still has it as a file', () => {
    const described = describedKernel(`${head} page 7 offline -> never read`);
    const page = new Uint8Array(4096);
    assert.throws(() => described.kernel.memory.read(asPaddr(7 * 4096), page), /cannot read page frame 7/);
    assert.ok(described.kernel.elf().length > 0x100_0000);
  });

  it('lacks the vmcoreinfo that is taken away', () => {
    const { kernel } = describedKernel(`${head} vmcoreinfo !NUMBER(PG_lru)\n vmcoreinfo NUMBER(mine)=7`);
    const text = kernel.dump().vmcoreinfo ?? '';
    assert.doesNotMatch(text, /PG_lru/);
    assert.match(text, /^NUMBER\(mine\)=7$/m);
  });
});

describe('docs/synthetic-kernels.md', () => {
  it('shows a description that can be built', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/synthetic-kernels.md'), 'utf8');
    const example = page.split('\n').filter((line) => line.startsWith('    '));
    const { dmesg, leftOut } = describedKernel(example.join('\n'));
    assert.match(dmesg, /Kernel panic - not syncing: test\n$/);
    assert.equal(leftOut(31).length, 2 + 16 + 16);
  });
});

describe('a mistake in a description', () => {
  const mistakes: readonly [text: string, complaint: RegExp][] = [
    ['relase 6.1.0', /^Error: line 1: no such line: "relase"/],
    ['release six', /line 1: not a release: "six"/],
    ['release 6.1.0', /there is no line "memory" yet/],
    ['arch mips', /line 1: no such architecture: "mips"/],
    ['arch x86_64, 3 levels', /line 1: no such detail of x86_64: "3 levels"/],
    ['arch x86_64\nmemory 0x0-0x1000', /line 2: not whole pages of 4096 bytes: "0x0-0x1000"/],
    ['memory 0x0-0xfff', /line 1: there is no line "arch" yet/],
    [`${head}mem_map sparsely`, /line 5: no such mem_map: "sparsely"; flat, sparse, sparse-extreme/],
    ['release 6.1.0\narch arm64\nphys_base 0x0\nmemory 0x0-0xfff', /arm64 has no phys_base/],
    [`${head}page 1 cache`, /line 5: ends in "-> out at N"/],
    [`${head}page 1 cash -> kept`, /line 5: no such word of a page: "cash"/],
    [`${head}page 1 cache -> gone`, /line 5: not an answer: "gone"/],
    [`${head}page 1 cache -> out at 3`, /line 5: not an answer: "out at 3"/],
    [`${head}page 1 buddy -> out at 16`, /line 5: needs "order N"/],
    [`${head}page 1 buddy order 3 -> out at 16`, /line 5: order 3 cannot begin at page frame 1/],
    [
      `${head}page 1-4 hugetlb order 0 -> out at 8`,
      /line 5: has an order or a range of page frames, not both/,
    ],
    [`${head}page 4-1 cache -> kept`, /line 5: ends before it begins: "4-1"/],
    [`${head}page 0x1000 cache -> kept`, /line 5: page frame 4096 is not in memory/],
    [`${head}page one cache -> kept`, /line 5: not a page frame or a range of them: "one"/],
    [`${head}dict A=b`, /line 5: "dict" follows a "log" line/],
    [`${head}log hello`, /line 5: not <level>\[seconds\.micros\] text: "hello"/],
    [`${head}symbol main`, /line 5: not "T name = image\+0x10": "main"/],
  ];
  for (const [text, complaint] of mistakes) {
    it(`is named with its line: ${text.replace(head, '')}`, () => {
      assert.throws(() => parseKernel(text), complaint);
    });
  }

  it('that only its memory shows is named too', () => {
    assert.throws(
      () => describedKernel(`${head}page 0xc00 cache -> kept`),
      /own structures are, from 2048 on/,
    );
    assert.throws(() => describedKernel(`${head}page 1 unaccepted -> kept`), /order 10 cannot begin/);
    assert.throws(
      () => describedKernel(`${head}page 0x400 unaccepted -> out at 16`),
      /Linux 6\.12 has no page type unaccepted/,
    );
    assert.throws(
      () => describedKernel('release 6.1.0\narch x86_64\nmemory 0x0-0xffff\n'),
      /need \d+ more bytes of memory|no RAM at/,
    );
  });
});
