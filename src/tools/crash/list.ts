/**
 * The elements of a linked list: those that a pointer in each leads to, up to a null pointer or back to where it began. A list that is broken gives what
 * holds together, and where it broke.
 */
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, hex, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import { walkDamagedList } from '../../kernel/lists/damaged-list.ts';
import { Missing } from '../../kernel/missing.ts';
import { requireType } from '../../kernel/types/type-finder.ts';
import { findPath, unaliased } from '../../kernel/types/types.ts';
import { type JsonValue, jsonOf, missingParts, type Value } from '../../kernel/types/value.ts';
import { type Question, readQuestion, typeQuestion } from './struct.ts';

export interface ListQuestion {
  readonly start: bigint;
  /** Where in an element the pointer to the next is: bytes, or STRUCT.MEMBER; undefined for its beginning. */
  readonly link: string | undefined;
  /** Is `start` a head, which is no element itself? */
  readonly from: 'element' | 'head';
  /** What to show of each: STRUCT, or STRUCT.MEMBER,... */
  readonly show: string | undefined;
}

export interface ListElement {
  readonly address: Vaddr;
  readonly value: Value | undefined;
}

export interface ListContents {
  readonly elements: readonly ListElement[];
  readonly missing: readonly string[];
}

/** How elements hang together. */
interface Link {
  readonly offset: number;
  /** What the pointer leads to: the same member of the next element, or its beginning. */
  readonly leadsTo: 'member' | 'element';
  readonly isDouble: boolean;
}

/** E_NO_INFO when a type is not known, E_USAGE when it has no such member. */
export function readList(crashed: CrashedKernel, { start, link, from, show }: ListQuestion): ListContents {
  const shown: Question | undefined = show === undefined ? undefined : typeQuestion(crashed, show);
  const { offset, leadsTo, isDouble } = linkOf(crashed, link, from);
  const missing = new Missing();
  const { kernel } = crashed;
  const first = leadsTo === 'member' && from === 'element' ? start + BigInt(offset) : start;
  const nodes =
    from === 'head' && isDouble
      ? walkDamagedList(kernel, start, 'the list', missing)
      : missing.drain('the list', chain(crashed, { first, from, next: leadsTo === 'member' ? 0 : offset }));
  const elements = Array.from(nodes, (node): ListElement => {
    const address = asVaddr(leadsTo === 'member' ? node - BigInt(offset) : node);
    const value = shown === undefined ? undefined : readQuestion(crashed, shown, address);
    for (const why of value === undefined ? [] : missingParts(value)) missing.note(`${hex(address)}: ${why}`);
    return { address, value };
  });
  return { elements, missing: missing.lines };
}

/** More elements than any list has. */
const maxElements = 2 ** 22;

interface Chain {
  readonly first: bigint;
  readonly from: 'element' | 'head';
  /** Where in a node the pointer to the next is. */
  readonly next: number;
}

/** Up to a null pointer, or to where it began. A head holds the first pointer at its own beginning. */
function* chain({ kernel }: CrashedKernel, { first, from, next }: Chain): Generator<bigint> {
  const broken = (what: string): VmcoreError =>
    new VmcoreError('E_CORRUPT', `the list from ${hex(asVaddr(first))} ${what}`);
  const seen = new Set<bigint>();
  let node = from === 'head' ? kernel.readPointer(asVaddr(first)) : first;
  while (node !== 0n && (node !== first || seen.size === 0)) {
    if (seen.has(node)) throw broken('goes round without coming back to where it began');
    if (seen.size >= maxElements) throw broken('does not end');
    seen.add(node);
    yield node;
    node = kernel.readPointer(asVaddr(node + BigInt(next)));
  }
}

function linkOf(crashed: CrashedKernel, link: string | undefined, from: ListQuestion['from']): Link {
  const isDouble = from === 'head';
  if (link === undefined) return { offset: 0, leadsTo: from === 'head' ? 'member' : 'element', isDouble };
  if (/^(0x[0-9a-f]+|\d+)$/i.test(link))
    return { offset: Number(link), leadsTo: from === 'head' ? 'member' : 'element', isDouble };
  const dot = link.indexOf('.');
  const path = link.slice(dot + 1);
  const type = unaliased(requireType(crashed, dot < 0 ? link : link.slice(0, dot)).type);
  const place =
    dot >= 0 && (type.kind === 'struct' || type.kind === 'union') ? findPath(type, path) : undefined;
  if (place === undefined) {
    throw new VmcoreError('E_USAGE', `${link} is no member of a structure`, {
      hint: 'write STRUCT.MEMBER, as task_struct.tasks, or an offset in bytes',
    });
  }
  // list_head and hlist_node lead to each other, other pointers to whole elements.
  const member = unaliased(place.member.type());
  const isNode = member.kind === 'struct' || member.kind === 'union';
  const isListHead = isNode && member.name === 'list_head';
  return {
    offset: place.offset,
    leadsTo: isNode ? 'member' : 'element',
    isDouble: isDouble && isListHead,
  };
}

export const elementJson = ({ address, value }: ListElement): JsonValue =>
  value === undefined ? hex(address) : { address: hex(address), value: jsonOf(value) };
