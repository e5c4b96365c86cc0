/**
 * What page frames are used for, from their struct pages: the inner loop of makedumpfile. The entry file of the module, for
 * ../memory/page-judge.ts, which says what comes in and goes out.
 *
 * The order of the tests is that of makedumpfile 1.7.9 (__exclude_unnecessary_pages), so that both leave out the same pages.
 */

/** PageKind of ../page-kind.ts. */
const kept: u32 = 0;
const free: u32 = 1;
const cache: u32 = 2;
const cachePrivate: u32 = 3;
const user: u32 = 4;
const hwpoison: u32 = 5;
const offline: u32 = 6;

/** PAGE_MAPPING_ANON of include/linux/page-flags.h: bit 0 of page.mapping. */
const mappingAnon: u32 = 1;
/** The largest order of anything we believe: 2^20 pages of 64 KiB are 64 GiB. */
const maxOrder: u32 = 20;

/** The numbers by which JavaScript names the places of a compound page's order; one more is in the flags, with a type that tells hugetlb. */
const orderInBytes: u64 = 1;
const orderInFlags: u64 = 2;

/** The layout is a row of 64-bit numbers, in the order of `layoutWords` in ../memory/page-judge.ts. */
function word(layout: usize, index: usize): u64 {
  return load<u64>(layout + (index << 3));
}

/** A run, as three 32-bit numbers: the first page frame, one past the last, their kind. */
function putRun(at: usize, start: u32, end: u32, kind: u32): usize {
  store<u32>(at, start);
  store<u32>(at, end, 4);
  store<u32>(at, kind, 8);
  return at + 12;
}

/** The order of the compound page whose second struct page is at `second`; its complement when it is a hugetlb page. */
function orderOf(layout: usize, second: usize, pfn: u32, mapcount: i64): i32 {
  const place = word(layout, 17);
  const hugetlbValue = word(layout, 18);
  let order: u32 = 0;
  let hugetlb = false;
  if (place === orderInBytes) {
    order = <u32>load<u8>(second + <usize>word(layout, 19));
    hugetlb = <u64>load<u8>(second + <usize>word(layout, 20)) === hugetlbValue;
  } else {
    const flags = load<u32>(second + <usize>word(layout, 1));
    order = flags & 0xff;
    hugetlb = place === orderInFlags ? (flags & <u32>hugetlbValue) !== 0 : mapcount === <i64>hugetlbValue;
  }
  if (order > maxOrder || (pfn & ((1 << order) - 1)) !== 0) order = 0;
  return hugetlb ? ~(<i32>order) : <i32>order;
}

/**
 * Judges the page frames [start, end), all counted from the one whose struct page is the first at `structs`; there are `count`. `firstPfn`:
 * the low bits of that one's own number. Writes the runs to `runs`, behind their number. Returns where to go on.
 */
export function judge(
  layout: usize,
  kinds: u32,
  structs: usize,
  count: u32,
  firstPfn: u32,
  start: u32,
  end: u32,
  runs: usize,
): u32 {
  const size = <usize>word(layout, 0);
  const flagsAt = <usize>word(layout, 1);
  const mappingAt = <usize>word(layout, 2);
  const mapcountAt = <usize>word(layout, 3);
  const privateAt = <usize>word(layout, 4);
  const headAt = <usize>word(layout, 5);
  const lru = <u32>word(layout, 6);
  const privateFlag = <u32>word(layout, 7);
  const swap = <u32>word(layout, 8);
  const slabFlag = <u32>word(layout, 9);
  const poisonFlag = <u32>word(layout, 10);
  const headFlag = <u32>word(layout, 11);
  const buddy = <i64>word(layout, 12);
  const slabType = <i64>word(layout, 13);
  const offlineType = <i64>word(layout, 14);
  const unaccepted = <i64>word(layout, 15);
  const maxBuddyOrder = <u32>word(layout, 16);

  let run = runs + 4;
  let runStart = start;
  let runEnd = start;
  let runKind = kept;
  let pfn = start;
  let at = structs + <usize>start * size;
  while (pfn < end) {
    const flags = load<u32>(at + flagsAt);
    const isTail = (load<u32>(at + headAt) & 1) !== 0;
    // A compound tail: its head has spoken for it. Only poison is marked on each page (the original reads such pages).
    if (isTail && (flags & poisonFlag) === 0) {
      pfn++;
      at += size;
      continue;
    }
    const mapcount = <i64>load<i32>(at + mapcountAt);
    const slab = (flags & slabFlag) !== 0 || mapcount === slabType;
    let kind = kept;
    let pages: u32 = 1;
    if (isTail) kind = hwpoison;
    else if (mapcount === buddy && !slab) {
      const order = load<u32>(at + privateAt);
      // An order the kernel cannot have: do not trust this struct page, keep the page.
      if (order <= maxBuddyOrder && load<u32>(at + privateAt, 4) === 0) {
        kind = free;
        pages = 1 << order;
      }
    } else if (mapcount === unaccepted) {
      kind = free;
      pages = 1 << maxBuddyOrder;
    } else {
      let hugetlb = false;
      if ((flags & headFlag) !== 0 && pfn + 1 < count) {
        const order = orderOf(layout, at + size, firstPfn + pfn, mapcount);
        hugetlb = order < 0;
        pages = 1 << (hugetlb ? ~order : order);
      }
      const anonymous = (load<u32>(at + mappingAt) & mappingAnon) !== 0 && !slab;
      if (!anonymous && ((flags & lru) !== 0 || (flags & swap) === swap)) {
        kind = (flags & privateFlag) === 0 ? cache : cachePrivate;
      } else if (anonymous || hugetlb) kind = user;
      else if (mapcount === offlineType && !slab) kind = offline;
    }
    if ((kinds & (1 << kind)) === 0) {
      if ((flags & poisonFlag) === 0) {
        pfn++;
        at += size;
        continue;
      }
      // The level would keep it, but reading poisoned memory can stop the machine. A free block is poisoned page by page.
      if (kind === free) pages = 1;
      kind = hwpoison;
    }
    if (kind !== runKind || pfn !== runEnd) {
      if (runEnd > runStart) run = putRun(run, runStart, runEnd, runKind);
      runStart = pfn;
      runKind = kind;
    }
    pfn += pages;
    at += size * <usize>pages;
    runEnd = pfn;
  }
  if (runEnd > runStart) run = putRun(run, runStart, runEnd, runKind);
  store<u32>(runs, <u32>((run - runs - 4) / 12));
  return pfn;
}
