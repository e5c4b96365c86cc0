/**
 * Flattens a device tree: the other direction of fdt.ts.
 *
 * Version 17, compatible with readers of 16 (Devicetree Specification v0.4, chapter 5): header, memory reservations (aligned to 8), structure
 * (to 4), strings, and nothing in between or behind. Each property name is in the strings block once.
 */
import { alignUp, putU64, viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import {
  type DeviceNode,
  type DeviceTree,
  FdtToken,
  fdtHeaderBytes,
  fdtMagic,
  fdtVersion,
  maxLevels,
  oldestFdtVersion,
  reservationBytes,
} from './fdt.ts';

/** The blob. E_UNSUPPORTED when nodes are nested more than 63 deep, which Linux would leave out. */
export function writeDeviceTree(tree: DeviceTree): Uint8Array {
  // A size of zero would end the list.
  const reservations = tree.reservations.filter(({ size }) => size > 0);
  const names = new NameTable();
  const structureAt = fdtHeaderBytes + reservationBytes * (reservations.length + 1);
  const structureBytes = measure(tree.root, names, 1) + 4;
  const stringsAt = structureAt + structureBytes;
  const bytes = new Uint8Array(stringsAt + names.size);
  const view = viewOf(bytes);

  const header = [
    fdtMagic,
    bytes.length,
    structureAt,
    stringsAt,
    fdtHeaderBytes,
    fdtVersion,
    oldestFdtVersion,
    tree.bootCpu,
    names.size,
    structureBytes,
  ];
  for (const [i, value] of header.entries()) view.setUint32(4 * i, value);
  for (const [i, { address, size }] of reservations.entries()) {
    putU64(view, fdtHeaderBytes + reservationBytes * i, address, false);
    putU64(view, fdtHeaderBytes + reservationBytes * i + 8, size, false);
  }
  const end = writeNode(tree.root, { bytes, view, names, at: structureAt });
  view.setUint32(end, FdtToken.end);
  for (const [name, offset] of names.offsets) putName(bytes, stringsAt + offset, name);
  return bytes;
}

/** Where each name is in the strings block. */
class NameTable {
  readonly offsets = new Map<string, number>();
  size = 0;

  add(name: string): void {
    if (this.offsets.has(name)) return;
    this.offsets.set(name, this.size);
    this.size += name.length + 1;
  }
}

/** Bytes that a node takes, tokens of its own and its children's included; collects the names. */
function measure(node: DeviceNode, names: NameTable, level: number): number {
  if (level > maxLevels) {
    throw new VmcoreError('E_UNSUPPORTED', `a device tree with nodes nested more than ${maxLevels} deep`, {
      hint: 'name another one with --dtb',
    });
  }
  let bytes = 4 + alignUp(node.name.length + 1, 4) + 4;
  for (const { name, value } of node.properties) {
    names.add(name);
    bytes += 12 + alignUp(value.length, 4);
  }
  for (const child of node.children) bytes += measure(child, names, level + 1);
  return bytes;
}

interface Output {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly names: NameTable;
  readonly at: number;
}

/** Returns where the next token goes. */
function writeNode(node: DeviceNode, output: Output): number {
  const { bytes, view, names } = output;
  let { at } = output;
  view.setUint32(at, FdtToken.beginNode);
  putName(bytes, at + 4, node.name);
  at += 4 + alignUp(node.name.length + 1, 4);
  for (const { name, value } of node.properties) {
    view.setUint32(at, FdtToken.property);
    view.setUint32(at + 4, value.length);
    view.setUint32(at + 8, names.offsets.get(name)!);
    bytes.set(value, at + 12);
    at += 12 + alignUp(value.length, 4);
  }
  for (const child of node.children) at = writeNode(child, { bytes, view, names, at });
  view.setUint32(at, FdtToken.endNode);
  return at + 4;
}

/** The NUL behind it is there already. */
function putName(bytes: Uint8Array, at: number, name: string): void {
  for (let i = 0; i < name.length; i++) bytes[at + i] = name.charCodeAt(i);
}
