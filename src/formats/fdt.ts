/**
 * Device trees as firmware and kernels hand them over: flattened into one blob, which begins with 0xd00dfeed (.dtb, /sys/firmware/fdt).
 *
 * Devicetree Specification v0.4, chapter 5. All integers are big-endian. A header of 40 bytes says where three blocks are: memory
 * reservations, the structure (a stream of tokens that nest), and the strings that properties take their names from. Versions 16 and 17
 * are read, and later ones that say that a reader of 17 understands them; fdt-writer.ts writes 17. What a value means, fdt-properties.ts tells.
 *
 * A tree is a value of its own: it shares no bytes with the blob, and changes are new trees.
 */
import { u64, viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import { hex } from '../base/units.ts';

export interface DeviceTree {
  readonly reservations: readonly MemoryReservation[];
  /** The `reg` of the processor that boots; arm64 kernels do not look at it. */
  readonly bootCpu: number;
  readonly root: DeviceNode;
}

/** Memory that the kernel must not use, besides what the node /reserved-memory names. Physical, bytes. */
export interface MemoryReservation {
  readonly address: number;
  readonly size: number;
}

export interface DeviceNode {
  /** With its unit address: `memory@40000000`. The root's is empty. One character a byte. */
  readonly name: string;
  readonly properties: readonly DeviceProperty[];
  readonly children: readonly DeviceNode[];
}

export interface DeviceProperty {
  /** One character a byte. */
  readonly name: string;
  readonly value: Uint8Array;
}

export const fdtMagic = 0xd00d_feed;
/** As written, and the newest that is read when it says that it needs no newer reader. */
export const fdtVersion = 17;
export const oldestFdtVersion = 16;
export const fdtHeaderBytes = 40;
/** Version 16 does not tell the size of the structure block. */
const headerBytesOf16 = 36;
/** Address and size. */
export const reservationBytes = 16;

export const FdtToken = { beginNode: 1, endNode: 2, property: 3, nop: 4, end: 9 } as const;

/** The root is the first. Linux leaves out what is deeper: FDT_MAX_DEPTH, unflatten_dt_nodes() in drivers/of/fdt.c, Linux 6.12. */
export const maxLevels = 63;

/** A property is also a file of this name below /proc/device-tree: NAME_MAX. Without a limit, names that overlap take quadratic time. */
const maxPropertyName = 255;

/**
 * Reads a blob; bytes behind its end are not looked at. `file` is what error messages call it.
 * E_CORRUPT when it is none or contradicts itself, E_TRUNCATED when it is longer than the bytes, E_UNSUPPORTED for other versions.
 */
export function parseDeviceTree(bytes: Uint8Array, file?: string): DeviceTree {
  return new BlobReader(bytes, file).read();
}

/** From `start` up to but without `end`, in the blob. */
interface Block {
  readonly start: number;
  readonly end: number;
}

/** A node whose end was not seen yet. */
interface OpenNode extends DeviceNode {
  readonly properties: DeviceProperty[];
  readonly children: DeviceNode[];
}

class BlobReader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly file: string | undefined;
  private readonly names = new Map<number, string>();

  constructor(bytes: Uint8Array, file: string | undefined) {
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.file = file;
  }

  read(): DeviceTree {
    const magic = this.bytes.length < 4 ? undefined : this.view.getUint32(0);
    if (magic !== fdtMagic) {
      const begins = magic === undefined ? `has ${this.bytes.length} bytes` : `begins with ${hex(magic)}`;
      throw new VmcoreError('E_CORRUPT', `not a flattened device tree: it ${begins}, not ${hex(fdtMagic)}`, {
        file: this.file,
        offset: 0,
        hint: 'name a .dtb file, such as one that dtc made',
      });
    }
    this.needBytes(headerBytesOf16);
    const version = this.checkedVersion();
    const headerBytes = version === oldestFdtVersion ? headerBytesOf16 : fdtHeaderBytes;
    this.needBytes(headerBytes);
    const total = this.view.getUint32(4);
    this.needBytes(total);

    const block = (what: string, field: number, alignment: number, size?: number): Block => {
      const start = this.view.getUint32(field);
      const end = size === undefined ? total : start + size;
      if (start < headerBytes || start > total || end > total) {
        throw this.corrupt(
          `the ${what} block is at ${hex(start)} to ${hex(end)}, the blob ends at ${hex(total)}`,
          field,
        );
      }
      if (start % alignment !== 0) {
        throw this.corrupt(`the ${what} block at ${hex(start)} is not aligned to ${alignment} bytes`, field);
      }
      return { start, end };
    };
    const structureBytes = version === oldestFdtVersion ? undefined : this.view.getUint32(36);
    const structure = block('structure', 8, 4, structureBytes);
    const strings = block('strings', 12, 1, this.view.getUint32(32));
    return {
      reservations: this.reservations(block('memory reservation', 16, 8)),
      bootCpu: this.view.getUint32(28),
      root: this.root(structure, strings),
    };
  }

  private checkedVersion(): number {
    const version = this.view.getUint32(20);
    const lastCompatible = this.view.getUint32(24);
    if (lastCompatible > version) {
      throw this.corrupt(`version ${version} cannot need a reader of version ${lastCompatible}`, 24);
    }
    if (version < oldestFdtVersion || lastCompatible > fdtVersion) {
      const which = version < oldestFdtVersion ? version : lastCompatible;
      throw new VmcoreError(
        'E_UNSUPPORTED',
        `a device tree of version ${which}; versions ${oldestFdtVersion} and ${fdtVersion} are read`,
        {
          file: this.file,
          offset: version < oldestFdtVersion ? 20 : 24,
          hint: 'convert it: dtc -I dtb -O dtb -V 17',
        },
      );
    }
    return version;
  }

  /** The list ends with a size of zero, as the kernel and libfdt read it; the specification has the address zero as well. */
  private reservations({ start, end }: Block): MemoryReservation[] {
    const found: MemoryReservation[] = [];
    for (let at = start; at + reservationBytes <= end; at += reservationBytes) {
      const [address, size] = [u64(this.view, at, false), u64(this.view, at + 8, false)];
      if (size === 0) return found;
      if (address + size > Number.MAX_SAFE_INTEGER) {
        throw this.corrupt(`${hex(size)} reserved bytes at ${hex(address)}, beyond any memory`, at);
      }
      found.push({ address, size });
    }
    throw this.corrupt('the list of memory reservations has no end', start);
  }

  private root(structure: Block, strings: Block): DeviceNode {
    const open: OpenNode[] = [];
    let root: OpenNode | undefined;
    for (let at = structure.start; ; ) {
      if (at + 4 > structure.end) throw this.corrupt('the structure block has no end', at);
      const token = this.view.getUint32(at);
      const node = open.at(-1);
      switch (token) {
        case FdtToken.nop:
          at += 4;
          break;
        case FdtToken.beginNode: {
          if (node === undefined && root !== undefined) throw this.corrupt('a second root node', at);
          if (open.length === maxLevels) throw this.corrupt(`nodes nested more than ${maxLevels} deep`, at);
          const end = this.bytes.subarray(0, structure.end).indexOf(0, at + 4);
          if (end < 0) throw this.corrupt('a node name has no end', at);
          const name = textOf(this.bytes.subarray(at + 4, end));
          const child: OpenNode = { name, properties: [], children: [] };
          if (node === undefined) root = child;
          else node.children.push(child);
          open.push(child);
          at = aligned(end + 1);
          break;
        }
        case FdtToken.endNode:
          if (open.pop() === undefined) throw this.corrupt('a node ends that did not begin', at);
          at += 4;
          break;
        case FdtToken.property: {
          if (node === undefined) throw this.corrupt('a property outside of any node', at);
          // Linux would not see it: fdt_first_property_offset() and what follows stop at the first child.
          if (node.children.length > 0) throw this.corrupt('a property after a child node', at);
          if (at + 12 > structure.end) throw this.corrupt('a property is cut off', at);
          const length = this.view.getUint32(at + 4);
          const valueAt = at + 12;
          if (valueAt + length > structure.end) {
            throw this.corrupt(`a property of ${length} bytes runs over the end of its block`, at);
          }
          const name = this.propertyName(strings, this.view.getUint32(at + 8), at);
          // A copy, also of a Buffer, whose slice() is none.
          const value = new Uint8Array(this.bytes.subarray(valueAt, valueAt + length));
          node.properties.push({ name, value });
          at = aligned(valueAt + length);
          break;
        }
        case FdtToken.end:
          if (root === undefined) throw this.corrupt('no root node', at);
          if (node !== undefined) throw this.corrupt(`the node "${node.name}" has no end`, at);
          return root;
        default:
          throw this.corrupt(`unknown token ${hex(token)}`, at);
      }
    }
  }

  /** `at` is where the property is, for the error. */
  private propertyName(strings: Block, offset: number, at: number): string {
    const known = this.names.get(offset);
    if (known !== undefined) return known;
    const start = strings.start + offset;
    if (start >= strings.end) {
      throw this.corrupt(`a property name at ${hex(offset)}, outside of the strings block`, at);
    }
    const bytes = this.bytes.subarray(start, Math.min(strings.end, start + maxPropertyName + 1));
    const length = bytes.indexOf(0);
    if (length < 0) throw this.corrupt(`a property name at ${hex(offset)} has no end`, at);
    const name = textOf(bytes.subarray(0, length));
    this.names.set(offset, name);
    return name;
  }

  private needBytes(needed: number): void {
    if (this.bytes.length >= needed) return;
    throw new VmcoreError(
      'E_TRUNCATED',
      `a device tree of ${needed} bytes or more, but there are ${this.bytes.length}`,
      { file: this.file, offset: this.bytes.length, hint: 'copy it again' },
    );
  }

  private corrupt(what: string, offset: number): VmcoreError {
    return new VmcoreError('E_CORRUPT', `a broken device tree: ${what}`, {
      file: this.file,
      offset,
      hint: 'make it again, with dtc',
    });
  }
}

/** One character a byte, and back by charCodeAt(): a TextDecoder's latin1 is windows-1252. */
function textOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

const aligned = (offset: number): number => Math.ceil(offset / 4) * 4;
