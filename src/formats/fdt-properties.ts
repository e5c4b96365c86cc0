/**
 * What is said in a device tree: nodes by path, and values as text, numbers and ranges of memory.
 *
 * Numbers are made of big-endian 32-bit cells. How many cells an address and a size in a node's children have, the node says with #address-cells
 * and #size-cells (Devicetree Specification v0.4, 2.3.5). Trees and nodes are values: what changes one returns another.
 */
import { putU64, u64, viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import type { DeviceNode, DeviceTree, MemoryReservation } from './fdt.ts';

/** Numbers of 32-bit cells. */
export interface Cells {
  readonly address: number;
  readonly size: number;
}

/** Linux stops at 4 (OF_MAX_ADDR_CELLS, drivers/of/address.c): this many are a broken tree, not a large address. */
const maxCells = 16;

/**
 * The node at a path such as `/chosen` or `/soc/serial@9000000`. A part without unit address also finds a node that has one (`/memory`); the
 * first in the order of the tree counts, as in libfdt.
 */
export function findNode(tree: DeviceTree, path: string): DeviceNode | undefined {
  let node: DeviceNode | undefined = tree.root;
  for (const part of partsOf(path)) node = node?.children[childIndex(node, part)];
  return node;
}

/** The tree with the node at `path` changed, or made where it is missing: empty, and last among its siblings. */
export function withNode(
  tree: DeviceTree,
  path: string,
  change: (node: DeviceNode) => DeviceNode,
): DeviceTree {
  return { ...tree, root: changed(tree.root, partsOf(path), change) };
}

function changed(
  node: DeviceNode,
  [part, ...rest]: readonly string[],
  change: (node: DeviceNode) => DeviceNode,
): DeviceNode {
  if (part === undefined) return change(node);
  const index = childIndex(node, part);
  const child = node.children[index] ?? { name: part, properties: [], children: [] };
  const made = changed(child, rest, change);
  const children = index < 0 ? [...node.children, made] : node.children.with(index, made);
  return { ...node, children };
}

const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '');

const childIndex = (node: DeviceNode, part: string): number =>
  node.children.findIndex(
    ({ name }) => name === part || (!part.includes('@') && name.startsWith(`${part}@`)),
  );

export const propertyOf = (node: DeviceNode, name: string): Uint8Array | undefined =>
  node.properties.find((property) => property.name === name)?.value;

/** The node with the property set: in its place when it was there, else as the last. */
export function withProperty(node: DeviceNode, name: string, value: Uint8Array): DeviceNode {
  const index = node.properties.findIndex((property) => property.name === name);
  const properties =
    index < 0 ? [...node.properties, { name, value }] : node.properties.with(index, { name, value });
  return { ...node, properties };
}

export const withoutProperties = (node: DeviceNode, names: readonly string[]): DeviceNode => ({
  ...node,
  properties: node.properties.filter(({ name }) => !names.includes(name)),
});

/** Text up to the first NUL. */
export function stringOf(node: DeviceNode, name: string): string | undefined {
  const value = propertyOf(node, name);
  if (value === undefined) return undefined;
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
}

/** UTF-8 and the NUL that ends it. */
export const stringValue = (text: string): Uint8Array => new TextEncoder().encode(`${text}\0`);

/** A number of as many cells as the property has: u32 or u64. Exact up to 2^53. Undefined when it is not there, or has no whole cells. */
export function numberOf(node: DeviceNode, name: string): number | undefined {
  const value = propertyOf(node, name);
  if (value === undefined || value.length === 0 || value.length % 4 !== 0) return undefined;
  return readCells(value, 0, value.length / 4);
}

export function u64Value(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  putU64(viewOf(bytes), 0, value, false);
  return bytes;
}

/** `value` in so many cells; undefined when it needs more. */
export function cellsValue(value: number, cells: number): Uint8Array | undefined {
  if (value >= 2 ** (32 * cells)) return undefined;
  const bytes = new Uint8Array(4 * cells);
  // From the lowest cell up: what is above 64 bits stays zero.
  for (let rest = value, at = bytes.length - 4; rest > 0; rest = Math.floor(rest / 2 ** 32), at -= 4) {
    viewOf(bytes).setUint32(at, rest % 2 ** 32);
  }
  return bytes;
}

/** The cells of `node`'s children. `defaults` count where it does not say: 2 and 1. E_CORRUPT when it says nonsense. */
export function cellsOf(node: DeviceNode, defaults: Cells = { address: 2, size: 1 }): Cells {
  const count = (name: string): number | undefined => {
    const value = propertyOf(node, name);
    if (value === undefined) return undefined;
    const cells = value.length === 4 ? viewOf(value).getUint32(0) : undefined;
    if (cells !== undefined && cells <= maxCells) return cells;
    throw new VmcoreError(
      'E_CORRUPT',
      `a broken device tree: ${name} is ${cells ?? `${value.length} bytes long`}`,
      {
        hint: 'name another one with --dtb',
      },
    );
  };
  return {
    address: count('#address-cells') ?? defaults.address,
    size: count('#size-cells') ?? defaults.size,
  };
}

/** Addresses and sizes one after the other, as in `reg`; what is left over at the end does not count. Undefined when it is not there. */
export function rangesOf(node: DeviceNode, name: string, cells: Cells): MemoryReservation[] | undefined {
  const value = propertyOf(node, name);
  if (value === undefined) return undefined;
  const bytes = 4 * (cells.address + cells.size);
  return Array.from({ length: bytes === 0 ? 0 : Math.floor(value.length / bytes) }, (_, i) => ({
    address: readCells(value, bytes * i, cells.address),
    size: readCells(value, bytes * i + 4 * cells.address, cells.size),
  }));
}

/** The lowest 64 bits, as of_read_number() of the kernel has them. */
function readCells(value: Uint8Array, at: number, cells: number): number {
  const view = viewOf(value);
  if (cells === 0) return 0;
  const last = at + 4 * cells;
  return cells === 1 ? view.getUint32(at) : u64(view, last - 8, false);
}
