/**
 * What a `page` line of a kernel description says: which page frames, what is in their struct pages, and what a filter must do with them.
 *
 *   page +16       buddy order 4       -> out at 16
 *   page 0x100     cache private       -> out at 4
 *   page +32-35    offline             -> never read
 *
 * Words are the field's own. What they become in the memory of a release is page-releases.ts' to know.
 */
import { type PageFlag, type PageSpec, pageReleaseOf } from './page-releases.ts';

/** Page frames [first, first + count). */
export interface DescribedPages {
  readonly first: number;
  readonly count: number;
  /** Of a compound page or a free block: 2^order is `count`. */
  readonly order: number | undefined;
  readonly kind: 'pages' | 'buddy' | 'compound' | 'hugetlb';
  /** Of every page, or of the head. */
  readonly spec: PageSpec;
  readonly isZero: boolean;
  readonly expected: Expected;
}

/** What becomes of pages: dump level bits any of which leaves them out (none: kept always); or they are left out always, and never read. */
export type Expected = readonly number[] | 'never read';

const flagWords: Readonly<Record<string, readonly PageFlag[]>> = {
  kernel: [],
  cache: ['lru'],
  shmem: ['lru', 'swapbacked'],
  swapcache: ['swapcache', 'swapbacked'],
  anonymous: ['lru', 'swapbacked'],
  private: ['private'],
  reserved: ['reserved'],
  hwpoison: ['hwpoison'],
};
/** Words without flags, and those whose flags depend on the release. */
const otherWords: ReadonlySet<string> = new Set([
  'buddy',
  'hugetlb',
  'slab',
  'offline',
  'unaccepted',
  'folio',
  'tail',
  'mapped',
  'zero',
]);

const levelBits: readonly number[] = [1, 2, 4, 8, 16];
/** Some struct address_space, and the same with PAGE_MAPPING_ANON. Slab pages keep anything there. */
const mapping = 0xffff_8880_0000_1000n;

/** `firstPfn`: what "+" counts from. `maxOrder`: of the largest free block. Throws an Error that says what is wrong. */
export function parsePages(
  rest: string,
  release: string,
  firstPfn: number,
  maxOrder: number,
): DescribedPages {
  const [what = '', answer, ...more] = rest.split('->').map((part) => part.trim());
  if (answer === undefined || more.length > 0)
    throw new Error('ends in "-> out at N", "-> kept" or "-> never read"');
  const [frames = '', ...words] = what.split(/\s+/);
  const { first, last } = parseFrames(frames, firstPfn);
  const at = words.indexOf('order');
  const told = at < 0 ? undefined : parseOrder(words.splice(at, 2)[1]);
  const unknown = words.find((word) => flagWords[word] === undefined && !otherWords.has(word));
  if (unknown !== undefined) throw new Error(`no such word of a page: "${unknown}"`);
  if (words.length === 0) throw new Error('says nothing of the page');
  const has = (word: string): boolean => words.includes(word);

  const order = told ?? (has('unaccepted') ? maxOrder : undefined);
  const needsOrder = has('buddy') || has('hugetlb') || has('folio');
  if (needsOrder && order === undefined) throw new Error('needs "order N"');
  if (order !== undefined && last !== undefined)
    throw new Error('has an order or a range of page frames, not both');
  if (order !== undefined && first % 2 ** order !== 0)
    throw new Error(`order ${order} cannot begin at page frame ${first}`);
  const isBlock = has('buddy') || has('unaccepted');
  const kind = isBlock ? 'buddy' : has('hugetlb') ? 'hugetlb' : order !== undefined ? 'compound' : 'pages';
  return {
    first,
    count: order === undefined ? (last ?? first) - first + 1 : 2 ** order,
    order,
    kind,
    spec: specOf(words, release, has('buddy') ? order : undefined),
    isZero: has('zero'),
    expected: parseExpected(answer),
  };
}

function specOf(words: readonly string[], release: string, buddyOrder: number | undefined): PageSpec {
  const has = (word: string): boolean => words.includes(word);
  const isTyped = has('slab') && pageReleaseOf(release).types.slab !== undefined;
  const flags = new Set(words.flatMap((word) => flagWords[word] ?? []));
  if (has('slab') && !isTyped) flags.add('slab');
  const type = isTyped ? 'slab' : (['buddy', 'offline', 'unaccepted'] as const).find(has);
  return {
    flags: [...flags],
    ...(type === undefined ? {} : { type }),
    ...(buddyOrder === undefined ? {} : { private: BigInt(buddyOrder) }),
    ...(has('mapped') ? { mapcount: 0 } : {}),
    ...(has('tail') ? { tail: true as const } : {}),
    ...(has('anonymous') || has('slab')
      ? { mapping: mapping | 1n }
      : has('cache') || has('shmem')
        ? { mapping }
        : {}),
  };
}

function parseFrames(text: string, firstPfn: number): { first: number; last: number | undefined } {
  const match = /^(\+?)(0x[0-9a-f]+|\d+)(?:-(0x[0-9a-f]+|\d+))?$/i.exec(text);
  if (match === null) throw new Error(`not a page frame or a range of them: "${text}"`);
  const base = match[1] === '+' ? firstPfn : 0;
  const first = base + Number(match[2]);
  const last = match[3] === undefined ? undefined : base + Number(match[3]);
  if (last !== undefined && last < first) throw new Error(`ends before it begins: "${text}"`);
  return { first, last };
}

function parseOrder(text: string | undefined): number {
  if (text !== undefined && /^\d{1,2}$/.test(text)) return Number(text);
  throw new Error(`not an order: "${text ?? ''}"`);
}

function parseExpected(text: string): Expected {
  if (text === 'kept') return [];
  if (text === 'never read') return 'never read';
  const bits = /^out at (\d+(?: \d+)*)$/.exec(text)?.[1]?.split(' ').map(Number) ?? [];
  if (bits.length > 0 && bits.every((bit) => levelBits.includes(bit))) return bits;
  throw new Error(`not an answer: "${text}"; "out at" names bits of a dump level, 1 2 4 8 16`);
}
