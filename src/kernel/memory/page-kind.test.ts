import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import {
  compoundPages,
  type PageRelease,
  type PageSpec,
  pageReleaseOf,
  pageReleases,
  structPage,
} from '../../../test/support/page-releases.ts';
import { SyntheticKernel } from '../../../test/support/synthetic-kernel.ts';
import type { InfoLines } from '../../../test/support/vmcoreinfo-text.ts';
import { PageJudge } from './page-judge.ts';
import { PageKind, type PageLayout, pageKindNames, pageLayoutOf } from './page-kind.ts';

type KindName = keyof typeof PageKind;
const every: readonly KindName[] = ['free', 'cache', 'cachePrivate', 'user', 'hwpoison', 'offline'];
/** What no level ever keeps. */
const always: readonly KindName[] = ['hwpoison', 'offline'];

function layoutOf(release: PageRelease, changed: InfoLines = {}): PageLayout {
  const kernel = new SyntheticKernel();
  kernel.addInfo(release.info, changed);
  return pageLayoutOf(kernel.kernel());
}

/** Runs of page frames of the wanted kinds, as "0-7 free". `pages` are the page frames from `first` on. */
function judge(
  release: PageRelease,
  pages: readonly PageSpec[],
  wanted: readonly KindName[] = every,
  first = 0,
): string[] {
  const kinds = wanted.reduce((bits, name) => bits | (1 << PageKind[name]), 0);
  const judgeAll = new PageJudge(layoutOf(release), kinds, 64 * pages.length);
  pages.forEach((spec, i) => {
    judgeAll.room.set(structPage(release, spec), 64 * i);
  });
  const found: string[] = [];
  judgeAll.judge(
    judgeAll.room.subarray(0, 64 * pages.length),
    first,
    first,
    first + pages.length,
    (from, to, kind) => found.push(`${from}-${to - 1} ${pageKindNames[kind]}`),
  );
  return found;
}

/** The kind of one page, of all kinds that there are. */
const kindOf = (release: PageRelease, spec: PageSpec): string =>
  judge(release, [spec, {}])[0]?.replace('0-0 ', '') ?? 'kept';

const cases: readonly [what: string, page: PageSpec, kind: string][] = [
  ['a page of the kernel', {}, 'kept'],
  ['page cache', { flags: ['lru'], mapping: 0xffff_8880_0000_1000n }, 'cache'],
  ['page cache with buffers', { flags: ['lru', 'private'], mapping: 0xffff_8880_0000_1000n }, 'cachePrivate'],
  ['mapped page cache', { flags: ['lru'], mapcount: 3 }, 'cache'],
  ['anonymous memory', { flags: ['lru', 'swapbacked'], mapping: 0xffff_8880_0000_1001n }, 'user'],
  ['anonymous memory on no list', { mapping: 0xffff_8880_0000_1001n }, 'user'],
  ['anonymous memory with private data', { flags: ['lru', 'private'], mapping: 1n }, 'user'],
  ['swap cache', { flags: ['swapcache', 'swapbacked'] }, 'cache'],
  ['swap cache with private data', { flags: ['swapcache', 'swapbacked', 'private'] }, 'cachePrivate'],
  ['one flag of the two that make swap cache', { flags: ['swapcache'] }, 'kept'],
  ['the other one', { flags: ['swapbacked'] }, 'kept'],
  ['private data, but no cache', { flags: ['private'] }, 'kept'],
  ['an offline page', { type: 'offline' }, 'offline'],
  ['a poisoned page', { flags: ['hwpoison'] }, 'hwpoison'],
  ['a poisoned page of the cache', { flags: ['hwpoison', 'lru'] }, 'cache'],
  ['a compound tail', { tail: true, flags: ['lru'] }, 'kept'],
];

for (const release of pageReleases) {
  describe(`struct page since ${release.name}`, () => {
    const known = cases.filter(([, { type }]) => type === undefined || release.types[type] !== undefined);
    for (const [what, page, kind] of known) {
      it(`${what} is ${kind}`, () => assert.equal(kindOf(release, page), kind));
    }

    it('a free block counts as a whole, up to the largest order there is', () => {
      const block = (order: bigint): PageSpec => ({ type: 'buddy', private: order });
      assert.deepEqual(judge(release, [block(3n)]), ['0-7 free']);
      assert.deepEqual(judge(release, [block(0n)]), ['0-0 free']);
      assert.deepEqual(judge(release, [block(10n)]), ['0-1023 free']);
      // Not orders of a free block: the struct page is not to be trusted.
      for (const order of [11n, 0x8000_0000n, 0xffff_ffffn, 0x1_0000_0003n]) {
        assert.deepEqual(judge(release, [block(order)]), [], `order ${order}`);
      }
    });

    it('page types are compared whole: a value beside one is a mapcount', () => {
      for (const type of ['buddy', 'offline'] as const) {
        const value = release.types[type];
        if (value === undefined) continue;
        for (const mapcount of [value - 1, value + 1]) assert.equal(kindOf(release, { mapcount }), 'kept');
      }
    });

    it('slab pages use `mapping` for their own ends', () => {
      const slab: PageSpec = release.types.slab === undefined ? { flags: ['slab'] } : { type: 'slab' };
      assert.equal(kindOf(release, { ...slab, mapping: 0xffff_8880_0000_1001n }), 'kept');
    });

    it('a hugetlb page is user data, all of it', () => {
      assert.deepEqual(judge(release, compoundPages(release, 9, {}, true)), ['0-511 user']);
      assert.deepEqual(judge(release, compoundPages(release, 9, {}, true), always), []);
    });

    it('a large folio of the cache or of anonymous memory is what its head is, all of it', () => {
      assert.deepEqual(judge(release, compoundPages(release, 4, { flags: ['lru'] })), ['0-15 cache']);
      assert.deepEqual(judge(release, compoundPages(release, 9, { flags: ['lru'], mapping: 1n })), [
        '0-511 user',
      ]);
    });

    it('a compound page of the kernel is kept, and only an order that fits its place is believed', () => {
      assert.deepEqual(judge(release, compoundPages(release, 3, {})), []);
      const misplaced = compoundPages(release, 3, { flags: ['lru'] });
      assert.deepEqual(judge(release, misplaced, every, 4), ['4-4 cache']);
      const absurd = compoundPages(release, 3, { flags: ['lru'] });
      absurd[1] = { tail: true, compound: { order: 200, hugetlb: false } };
      assert.deepEqual(judge(release, absurd), ['0-0 cache']);
    });

    it('a poisoned page is left out although its kind is kept: alone, in a free block, with its huge page', () => {
      const poisoned: PageSpec = { flags: ['hwpoison'] };
      assert.deepEqual(judge(release, [{ flags: ['lru', 'hwpoison'] }], always), ['0-0 hwpoison']);
      const block: PageSpec[] = [{ type: 'buddy', private: 2n }, {}, poisoned, {}];
      assert.deepEqual(judge(release, block, always), ['2-2 hwpoison']);
      assert.deepEqual(judge(release, block), ['0-3 free']);
      const first: PageSpec = { type: 'buddy', private: 2n, flags: ['hwpoison'] };
      assert.deepEqual(judge(release, [first, {}, {}, {}], always), ['0-0 hwpoison'], 'page by page');
      // The kernel marks the head of a hugetlb page, and does not say which of its pages it was.
      assert.deepEqual(judge(release, compoundPages(release, 9, poisoned, true), always), ['0-511 hwpoison']);
    });

    it('a poisoned page within a large folio that is kept is left out', () => {
      const folio = compoundPages(release, 3, { flags: ['lru'] });
      folio[5] = { tail: true, flags: ['hwpoison'] };
      assert.deepEqual(judge(release, folio, always), ['5-5 hwpoison']);
      assert.deepEqual(judge(release, folio), ['0-7 cache']);
    });
  });
}

describe('struct page of confidential guests (since 6.16)', () => {
  it('a block that was not accepted yet is free', () => {
    assert.deepEqual(judge(pageReleaseOf('7.1'), [{ type: 'unaccepted' }]), ['0-1023 free']);
  });
});

describe('struct page of 6.1', () => {
  it('a slab page with the mapcount of a free block is no free block', () => {
    const release = pageReleaseOf('6.1');
    assert.equal(kindOf(release, { type: 'buddy', flags: ['slab'], private: 3n }), 'kept');
  });
});

describe('runs of page frames', () => {
  const release = pageReleaseOf('6.1');
  const cache: PageSpec = { flags: ['lru'] };

  it('are joined when they touch and are of one kind', () => {
    const pages = [{}, cache, cache, { mapping: 1n }, cache, {}, { type: 'offline' } as const];
    assert.deepEqual(judge(release, pages), ['1-2 cache', '3-3 user', '4-4 cache', '6-6 offline']);
  });

  it('are as many as there are, also more than one call of the module writes', () => {
    const pages = Array.from({ length: 10_000 }, (_, i): PageSpec => (i % 2 === 0 ? cache : {}));
    const expected = Array.from({ length: 5000 }, (_, i) => `${2 * i}-${2 * i} cache`);
    assert.deepEqual(judge(release, pages), expected);
  });

  it('lie anywhere in 64 bits of physical memory', () => {
    const first = 2 ** 40;
    const block = judge(release, [{ type: 'buddy', private: 3n }], every, first);
    assert.deepEqual(block, [`${first}-${first + 7} free`]);
    const folio = compoundPages(release, 3, cache);
    assert.deepEqual(judge(release, folio, every, first), [`${first}-${first + 7} cache`]);
    assert.deepEqual(
      judge(release, folio, every, first + 4),
      [`${first + 4}-${first + 4} cache`],
      'misplaced',
    );
  });

  it('tell where to go on when a block reaches beyond what was asked for', () => {
    const judgeBlock = new PageJudge(layoutOf(release), 1 << PageKind.free, 64);
    judgeBlock.room.set(structPage(release, { type: 'buddy', private: 5n }));
    assert.equal(
      judgeBlock.judge(judgeBlock.room.subarray(0, 64), 64, 64, 65, () => {}),
      96,
    );
  });
});

describe('a layout that vmcoreinfo does not give', () => {
  const release = pageReleaseOf('6.12');

  it('is an error that names the key', () => {
    for (const key of Object.keys(release.info)) {
      const optional = /MAPCOUNT|hwpoison|free_area|_refcount|page\.lru|PG_hugetlb/.test(key);
      if (optional) continue;
      const info: Record<string, unknown> = { ...release.info };
      delete info[key];
      const without = { ...release, info: info as InfoLines };
      // compound_head became compound_info in 7.1: the newer name is the one that is missed.
      const named = key.replace(/[().]/g, '\\$&').replace('compound_head', 'compound_info');
      assert.throws(() => layoutOf(without), failsWith('E_NO_INFO', new RegExp(named)), key);
    }
  });

  it('is an error when it cannot be', () => {
    const absurd: InfoLines[] = [
      { 'OFFSET(page.flags)': 64 },
      { 'OFFSET(page._mapcount)': 50 },
      { 'SIZE(page)': 62 },
      { 'SIZE(page)': 0 },
      { 'SIZE(page)': 999_999_999_999_996 },
      { 'NUMBER(PG_lru)': 40 },
      { 'NUMBER(PG_lru)': -1 },
      { 'LENGTH(zone.free_area)': 5000 },
    ];
    for (const lines of absurd) {
      assert.throws(() => layoutOf(release, lines), failsWith('E_NO_INFO'), JSON.stringify(lines));
    }
    const older = pageReleaseOf('6.1');
    for (const offset of [64, 999_999_999]) {
      assert.throws(() => layoutOf(older, { 'OFFSET(page.compound_order)': offset }), failsWith('E_NO_INFO'));
      assert.throws(() => layoutOf(older, { 'OFFSET(page.compound_dtor)': offset }), failsWith('E_NO_INFO'));
    }
  });
});
