/**
 * Maple trees: ranges of numbers, each with a pointer. What a process's areas of memory are in since 6.1.
 *
 * Source of truth: include/linux/maple_tree.h and lib/maple_tree.c (Linux 6.1, 6.12, 7.2). A link to a node carries the node's kind in bits 3 to 6; nodes
 * are aligned to 256 bytes, and begin with a link to their parent. Then come pivots (the last number of each slot) and slots; the last slot in use has
 * the node's maximum or a pivot of 0.
 */
import { viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, hex } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import type { Missing } from '../missing.ts';
import type { Struct } from '../struct.ts';

/** `last` is included. */
export interface MapleRange {
  readonly first: bigint;
  readonly last: bigint;
  readonly entry: bigint;
}

const nodeMask = 0xffn;
/** xa_is_internal() of include/linux/xarray.h: the lowest bits are 10. Small ones are marks (XA_ZERO_ENTRY and so on), larger ones nodes. */
const internalBits = 3n;
const internal = 2n;
const largestMark = 4096n;
/** MAPLE_HEIGHT_MAX. */
const maxHeight = 31;
const maxNumber = 2n ** 64n - 1n;

interface NodeForm {
  /** Bytes from the beginning of the node. */
  readonly pivots: number;
  readonly slots: number;
  readonly count: number;
  readonly isLeaf: boolean;
}

/**
 * The ranges of a struct maple_tree that have an entry, ascending. A node that is damaged or missing is noted as "WHAT: why" and left out, the rest comes.
 * E_NO_INFO when types do not describe its nodes.
 */
export function* walkMapleTree(
  crashed: CrashedKernel,
  tree: Struct,
  what: string,
  missing: Missing,
): Generator<MapleRange> {
  const walker = new MapleWalker(crashed, what, missing);
  const root = missing.attempt(what, () => tree.pointer('ma_root'));
  if (root === undefined || root === 0n) return;
  if (isRootNode(root)) yield* walker.walk({ link: root, parent: undefined, height: 0 }, 0n, maxNumber);
  // A single entry at 0 needs no node.
  else if ((root & internalBits) !== internal) yield { first: 0n, last: 0n, entry: root };
}

const isRootNode = (entry: bigint): boolean => (entry & internalBits) === internal && entry > largestMark;

/** A link to a node, from the node at `parent`; the root has none. */
interface Link {
  readonly link: bigint;
  readonly parent: bigint | undefined;
  readonly height: number;
}

class MapleWalker {
  private readonly crashed: CrashedKernel;
  private readonly what: string;
  private readonly missing: Missing;
  private readonly forms: ReadonlyMap<number, NodeForm>;
  private readonly seen = new Set<bigint>();

  constructor(crashed: CrashedKernel, what: string, missing: Missing) {
    this.crashed = crashed;
    this.what = what;
    this.missing = missing;
    this.forms = nodeForms(crashed);
  }

  /** `first` and `last`: what the link's slot stands for. */
  *walk(at: Link, first: bigint, last: bigint): Generator<MapleRange> {
    const slots = this.missing.attempt(this.what, () => this.slotsOf(at, first, last));
    if (slots === undefined) return;
    const parent = at.link & ~nodeMask;
    for (const { isLeaf, ...range } of slots) {
      if (range.entry === 0n) continue;
      if (!isLeaf)
        yield* this.walk({ link: range.entry, parent, height: at.height + 1 }, range.first, range.last);
      else if ((range.entry & internalBits) !== internal) yield range;
    }
  }

  private slotsOf(
    { link, parent, height }: Link,
    first: bigint,
    last: bigint,
  ): (MapleRange & { readonly isLeaf: boolean })[] {
    const { kernel } = this.crashed;
    const address = link & ~nodeMask;
    const form = this.forms.get(Number((link >> 3n) & 0xfn));
    if (form === undefined) throw damage(`leads to ${hex(link)}, which is no node`);
    if (this.seen.has(address)) throw damage(`comes to ${hex(address)} twice`);
    if (height > maxHeight) throw damage('is higher than any');
    this.seen.add(address);
    const node = viewOf(kernel.read(asVaddr(address), Number(nodeMask) + 1));
    const word = (at: number): bigint => node.getBigUint64(at, kernel.dump.littleEndian);
    if (parent !== undefined && (word(0) & ~nodeMask) !== parent)
      throw damage(`leads from ${hex(parent)} to ${hex(address)}, which has another parent`);
    const slots: (MapleRange & { readonly isLeaf: boolean })[] = [];
    let begin = first;
    for (let i = 0; i < form.count && begin <= last; i++) {
      const pivot = i < form.count - 1 ? word(form.pivots + 8 * i) : last;
      // Pivots behind the last slot in use are 0.
      const end = pivot === 0n && i > 0 ? last : pivot;
      if (end < begin || end > last)
        throw damage(`has a node at ${hex(address)} whose ranges are out of order`);
      slots.push({ first: begin, last: end, entry: word(form.slots + 8 * i), isLeaf: form.isLeaf });
      if (end === last) break;
      begin = end + 1n;
    }
    return slots;
  }
}

function nodeForms(crashed: CrashedKernel): Map<number, NodeForm> {
  const { layouts } = crashed;
  const form = (struct: string, isLeaf: boolean): NodeForm => ({
    pivots: layouts.requireOffset(`${struct}.pivot`),
    slots: layouts.requireOffset(`${struct}.slot`),
    count: layouts.length(`${struct}.slot`) ?? 0,
    isLeaf,
  });
  const kinds = [
    ['maple_leaf_64', form('maple_range_64', true)],
    ['maple_range_64', form('maple_range_64', false)],
    ['maple_arange_64', form('maple_arange_64', false)],
  ] as const;
  const forms = new Map<number, NodeForm>();
  for (const [name, kind] of kinds) {
    const number = layouts.enumValue('maple_type', name);
    if (number !== undefined) forms.set(number, kind);
  }
  return forms;
}

const damage = (what: string): VmcoreError => new VmcoreError('E_CORRUPT', `the tree ${what}`);
