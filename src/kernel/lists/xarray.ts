/**
 * XArrays: pointers by number. What pids and the pages of files are in.
 *
 * Source of truth: include/linux/xarray.h and lib/xarray.c (Linux 4.20, 6.1, 7.2), radix-tree.h before (4.18). struct xarray { xa_head }, of nodes struct
 * xa_node { shift, parent, slots[] }; a link to a node has its lowest bits 10. Before 4.20 (f8d5d0cc145c) these are radix_tree_root { rnode },
 * radix_tree_node, and 01. Other entries with low bits are no pointers: values, marks.
 */
import { viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, hex } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import type { Missing } from '../missing.ts';
import type { Struct } from '../struct.ts';

export interface XarrayEntry {
  readonly index: number;
  readonly entry: bigint;
}

const lowBits = 3n;
/** XA_ZERO_ENTRY, XA_RETRY_ENTRY and other marks lie below. */
const largestMark = 4096n;
/** 64 bits in levels of at least 4 (CONFIG_XARRAY_MULTI aside). */
const maxHeight = 16;

interface Form {
  readonly node: 'xa_node' | 'radix_tree_node';
  readonly tag: bigint;
  readonly slots: number;
}

/** The pointers of a struct xarray (or radix_tree_root), by ascending number. A node that is damaged or missing is noted and left out, the rest comes. */
export function* walkXarray(
  crashed: CrashedKernel,
  array: Struct,
  what: string,
  missing: Missing,
): Generator<XarrayEntry> {
  const isXarray = array.has('xa_head');
  const node = isXarray ? 'xa_node' : 'radix_tree_node';
  const slots = crashed.layouts.length(`${node}.slots`) ?? 0;
  const form: Form = { node, tag: isXarray ? 2n : 1n, slots };
  const head = missing.attempt(what, () => array.pointer(isXarray ? 'xa_head' : 'rnode'));
  if (head === undefined || head === 0n) return;
  if (isNode(head, form))
    yield* walkNode(crashed, { link: head, parent: 0n, shift: undefined }, 0, form, what, missing);
  else if ((head & lowBits) === 0n) yield { index: 0, entry: head };
}

const isNode = (entry: bigint, { tag }: Form): boolean => (entry & lowBits) === tag && entry > largestMark;

/** A link to a node, from that at `parent`, whose numbers `shift` is. */
interface Link {
  readonly link: bigint;
  readonly parent: bigint;
  readonly shift: number | undefined;
}

function* walkNode(
  crashed: CrashedKernel,
  at: Link,
  first: number,
  form: Form,
  what: string,
  missing: Missing,
  height = 0,
): Generator<XarrayEntry> {
  const read = missing.attempt(what, () => {
    if (height > maxHeight) throw damage('is higher than any');
    return readNode(crashed, at, form);
  });
  if (read === undefined) return;
  for (const [i, entry] of read.slots.entries()) {
    const index = first + i * 2 ** read.shift;
    if (isNode(entry, form)) {
      const link = { link: entry, parent: read.address, shift: read.shift };
      yield* walkNode(crashed, link, index, form, what, missing, height + 1);
    } else if (entry !== 0n && (entry & lowBits) === 0n) yield { index, entry };
  }
}

/** A node says how far its numbers are apart: less than those of its parent; so a tree cannot go round in a circle. */
function readNode(
  crashed: CrashedKernel,
  { link, parent, shift }: Link,
  form: Form,
): { readonly address: bigint; readonly shift: number; readonly slots: bigint[] } {
  const address = link - form.tag;
  const node = crashed.struct(form.node, address);
  if (node.pointer('parent') !== parent)
    throw damage(`leads from ${hex(parent)} to ${hex(address)}, which has another parent`);
  const own = node.number('shift');
  if (shift !== undefined && own >= shift)
    throw damage(`has a node at ${hex(address)} that is not below its parent`);
  const view = viewOf(crashed.kernel.read(asVaddr(node.addressOf('slots')), 8 * form.slots));
  const slots = Array.from({ length: form.slots }, (_, i) =>
    view.getBigUint64(8 * i, crashed.dump.littleEndian),
  );
  return { address, shift: own, slots };
}

const damage = (what: string): VmcoreError => new VmcoreError('E_CORRUPT', `the tree ${what}`);
