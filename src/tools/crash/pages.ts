/** The `pages` view: what a physical page is: whose, in what state, whether the dump has it. Addresses are "0x…". */
import { VmcoreError } from '../../base/errors.ts';
import { asPfn, asVaddr, hex, type Pfn, type Vaddr } from '../../base/units.ts';
import type { PageState } from '../../formats/dump.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import { type MemoryNode, readNodes } from '../../kernel/memory/memory-nodes.ts';
import { PageStructs } from '../../kernel/memory/page-struct.ts';
import { type PageUse, pageUse } from '../../kernel/memory/page-use.ts';
import { readSlabCache } from '../../kernel/memory/slab.ts';
import { slabAt, slabObjectAt } from '../../kernel/memory/slab-objects.ts';
import { Missing } from '../../kernel/missing.ts';
import type { Struct } from '../../kernel/struct.ts';
import { addressFrom } from './address.ts';

export interface PageInfo {
  /** What was asked for, as it was written. */
  readonly asked: string;
  readonly pfn: number;
  /** Of its first byte. */
  readonly physical: string;
  /** Has the dump its bytes? */
  readonly inDump: PageState;
  /** Of its struct page; null for a page frame that has none. */
  readonly page: string | null;
  readonly node: number | null;
  readonly zone: string | null;
  /** All of page.flags. */
  readonly flags: string | null;
  readonly flagNames: readonly string[];
  readonly refcount: number | null;
  /** How often page tables of processes have it; null for a page with a type, whose count that is not. */
  readonly mapcount: number | null;
  /** Of the page cache and of processes' memory: as it stands in memory, with its low bits, and the place there in pages. */
  readonly mapping: string | null;
  readonly index: number | null;
  /** What it is a part of: 2^order pages, whose first has flags and count of all. */
  readonly compound: {
    readonly head: number;
    readonly order: number;
    readonly flagNames: readonly string[];
    readonly refcount: number;
  } | null;
  /** Null when it could not be read. */
  readonly use: PageUse | null;
  /** Of a slab, when an address in it was asked for: the object it is in. */
  readonly object: { readonly address: string; readonly offset: number; readonly free: boolean } | null;
}

export interface PageList {
  readonly pages: readonly PageInfo[];
  readonly missing: readonly string[];
}

/**
 * `what`: a page frame number (decimal), a physical address ("0x…"), an address of the kernel, of a struct page, or a symbol. E_USAGE when it is none of
 * these, E_UNREADABLE when an address of the kernel is not mapped.
 */
export function describePages(crashed: CrashedKernel, what: readonly string[]): PageList {
  const missing = new Missing();
  const structs = missing.attempt('the struct pages', () => new PageStructs(crashed));
  const nodes = readNodes(crashed, missing);
  const pages = what.map((asked) => {
    const place = placeOf(crashed, structs, asked);
    const { pfn } = place;
    const noted = new Missing();
    const page = describe(crashed, structs, nodes, place, noted);
    for (const line of noted.lines) missing.note(`page frame ${pfn}: ${line}`);
    return { asked, ...page };
  });
  return { pages, missing: missing.lines };
}

/** The upper half of the address space is the kernel's on both architectures. */
const kernelHalf = 1n << 63n;

/** `address`: of the kernel, when what was asked for is one, and not that of a struct page. */
interface Place {
  readonly pfn: Pfn;
  readonly address: Vaddr | undefined;
}

function placeOf(crashed: CrashedKernel, structs: PageStructs | undefined, asked: string): Place {
  const { pageSize } = crashed.dump.memory;
  const decimal = /^\d{1,15}$/.test(asked) ? Number(asked) : undefined;
  if (decimal !== undefined) return { pfn: inRange(crashed, decimal, asked), address: undefined };
  const address = addressFrom(crashed, asked);
  if (address < kernelHalf)
    return { pfn: inRange(crashed, Math.floor(Number(address) / pageSize), asked), address: undefined };
  const pfn = structs?.pfnOf(address);
  if (pfn !== undefined) return { pfn, address: undefined };
  return { pfn: asPfn(Math.floor(crashed.kernel.translate(address).paddr / pageSize)), address };
}

/** 52 bits of physical address are the most there are. */
const maxPhysical = 2 ** 52;

function inRange(crashed: CrashedKernel, pfn: number, asked: string): Pfn {
  if (pfn * crashed.dump.memory.pageSize < maxPhysical) return asPfn(pfn);
  throw new VmcoreError('E_USAGE', `${asked} is beyond all physical memory`, {
    hint: 'a decimal number is a page frame, 0x… a physical address or an address of the kernel',
  });
}

function describe(
  crashed: CrashedKernel,
  structs: PageStructs | undefined,
  nodes: readonly MemoryNode[],
  { pfn, address }: Place,
  missing: Missing,
): Omit<PageInfo, 'asked'> {
  const { memory } = crashed.dump;
  const node = nodes.find(({ startPfn, spannedPages }) => pfn >= startPfn && pfn < startPfn + spannedPages);
  const zone = node?.zones.find(
    ({ startPfn, spannedPages }) => pfn >= startPfn && pfn < startPfn + spannedPages,
  );
  const place = {
    pfn,
    physical: hex(pfn * memory.pageSize),
    inDump: memory.state(pfn),
    node: node?.node ?? null,
    zone: zone?.name ?? null,
  };
  const page = structs?.at(pfn);
  if (structs === undefined || page === undefined) return { ...place, ...unknown, page: null };
  const known = missing.attempt('its struct page', () => ({
    flags: hex(asVaddr(page.bigint('flags'))),
    flagNames: structs.flags(page),
    refcount: page.number('_refcount'),
    mapcount: structs.type(page) === undefined ? page.number('_mapcount') + 1 : null,
  }));
  if (known === undefined) return { ...place, ...unknown, page: hex(page.address) };
  const block = missing.attempt('its compound page', () => structs.compound(pfn, page));
  const head = (block === undefined ? undefined : structs.at(block.head)) ?? page;
  const use =
    missing.attempt('its use', () => pageUse(crashed, structs, { pfn, page, head }, missing)) ?? null;
  const isMapped = use?.kind === 'file' || use?.kind === 'anonymous';
  const mapped = isMapped
    ? missing.attempt('its mapping', () => mappingOf(head, pfn - (block?.head ?? pfn)))
    : undefined;
  const compound =
    block === undefined
      ? null
      : (missing.attempt('its head', () => ({
          ...block,
          flagNames: structs.flags(head),
          refcount: head.number('_refcount'),
        })) ?? null);
  return {
    ...place,
    ...known,
    page: hex(page.address),
    mapping: mapped?.mapping ?? null,
    index: mapped?.index ?? null,
    compound,
    use,
    object:
      address === undefined || use?.kind !== 'slab'
        ? null
        : (missing.attempt('its object', () =>
            objectAt(crashed, head, pfn - (block?.head ?? pfn), address, missing),
          ) ?? null),
  };
}

/** The first byte of a slab is in the same mapping as the address: the linear one. `behindHead`: pages. */
function objectAt(
  crashed: CrashedKernel,
  head: Struct,
  behindHead: number,
  address: Vaddr,
  missing: Missing,
): PageInfo['object'] {
  const { pageSize } = crashed.dump.memory;
  const slab = slabAt(crashed, head.address);
  const cache = readSlabCache(crashed, slab.pointer('slab_cache'), missing);
  const start = asVaddr(address - (address % BigInt(pageSize)) - BigInt(behindHead * pageSize));
  const object = slabObjectAt(crashed, cache, { slab, start }, address);
  return object === undefined ? null : { ...object, address: hex(object.address) };
}

/** What a page frame is that has no struct page, or none that can be read. */
const unknown = {
  flags: null,
  flagNames: [],
  refcount: null,
  mapcount: null,
  mapping: null,
  index: null,
  compound: null,
  use: null,
  object: null,
} as const;

/** Only the head of a compound page has them; it is called __folio_index since 7.0, for folios have it. */
const mappingOf = (head: Struct, behindHead: number): { mapping: string; index: number } => ({
  mapping: hex(head.pointer('mapping')),
  index: head.number(head.has('index') ? 'index' : '__folio_index') + behindHead,
});
