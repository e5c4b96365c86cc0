/**
 * The forms in which DWARF writes attribute values: how long each is, and what it says.
 *
 * Source of truth: DWARF 5 section 7.5.6 and 7.6 (LEB128); GNU alternates of binutils' dwarf2.def. DWARF 2 to 5 use one numbering.
 */
import { viewOf } from '../../base/bytes.ts';

export const Form = {
  addr: 0x01,
  block2: 0x03,
  block4: 0x04,
  data2: 0x05,
  data4: 0x06,
  data8: 0x07,
  string: 0x08,
  block: 0x09,
  block1: 0x0a,
  data1: 0x0b,
  flag: 0x0c,
  sdata: 0x0d,
  strp: 0x0e,
  udata: 0x0f,
  refAddr: 0x10,
  ref1: 0x11,
  ref2: 0x12,
  ref4: 0x13,
  ref8: 0x14,
  refUdata: 0x15,
  indirect: 0x16,
  secOffset: 0x17,
  exprloc: 0x18,
  flagPresent: 0x19,
  strx: 0x1a,
  addrx: 0x1b,
  refSup4: 0x1c,
  strpSup: 0x1d,
  data16: 0x1e,
  lineStrp: 0x1f,
  refSig8: 0x20,
  implicitConst: 0x21,
  loclistx: 0x22,
  rnglistx: 0x23,
  refSup8: 0x24,
  strx1: 0x25,
  strx2: 0x26,
  strx3: 0x27,
  strx4: 0x28,
  addrx1: 0x29,
  addrx2: 0x2a,
  addrx3: 0x2b,
  addrx4: 0x2c,
  gnuRefAlt: 0x1f20,
  gnuStrpAlt: 0x1f21,
} as const;

/** What a unit's header decides about its forms. */
export interface FormContext {
  readonly version: number;
  readonly addressSize: number;
  /** 4, or 8 in 64-bit DWARF. */
  readonly offsetSize: number;
}

const fixedSizes = new Map<number, number>([
  [Form.data1, 1],
  [Form.flag, 1],
  [Form.ref1, 1],
  [Form.strx1, 1],
  [Form.addrx1, 1],
  [Form.data2, 2],
  [Form.ref2, 2],
  [Form.strx2, 2],
  [Form.addrx2, 2],
  [Form.strx3, 3],
  [Form.addrx3, 3],
  [Form.data4, 4],
  [Form.ref4, 4],
  [Form.refSup4, 4],
  [Form.strx4, 4],
  [Form.addrx4, 4],
  [Form.data8, 8],
  [Form.ref8, 8],
  [Form.refSig8, 8],
  [Form.refSup8, 8],
  [Form.data16, 16],
  [Form.flagPresent, 0],
  [Form.implicitConst, 0],
]);
const offsetForms: ReadonlySet<number> = new Set([
  Form.strp,
  Form.secOffset,
  Form.lineStrp,
  Form.strpSup,
  Form.gnuRefAlt,
  Form.gnuStrpAlt,
]);

/** Bytes of a form when they are always as many; undefined when the value itself tells. */
export function fixedSizeOf(form: number, context: FormContext): number | undefined {
  if (offsetForms.has(form)) return context.offsetSize;
  if (form === Form.addr) return context.addressSize;
  // In DWARF 2 it had the size of an address.
  if (form === Form.refAddr) return context.version <= 2 ? context.addressSize : context.offsetSize;
  return fixedSizes.get(form);
}

/** A position in bytes; reading past the end gives zeros, and `at` tells afterwards that it happened. */
export class Cursor {
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
  at = 0;
  private readonly view: DataView;

  constructor(bytes: Uint8Array, littleEndian: boolean) {
    this.bytes = bytes;
    this.littleEndian = littleEndian;
    this.view = viewOf(bytes);
  }

  u8(): number {
    return this.bytes[this.at++] ?? 0;
  }

  /** An unsigned number of 1 to 8 bytes; above 2^53 only approximately right. */
  uint(size: number): number {
    const { at } = this;
    this.at += size;
    if (this.at > this.bytes.length) return 0;
    switch (size) {
      case 1:
        return this.bytes[at]!;
      case 2:
        return this.view.getUint16(at, this.littleEndian);
      case 4:
        return this.view.getUint32(at, this.littleEndian);
      default: {
        let value = 0;
        for (let i = 0; i < size; i++)
          value = value * 256 + this.bytes[this.littleEndian ? at + size - 1 - i : at + i]!;
        return value;
      }
    }
  }

  /** As a Number: exact up to 2^53. */
  uleb(): number {
    let byte = this.u8();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 1;
    while (byte >= 0x80) {
      byte = this.u8();
      scale *= 128;
      value += (byte & 0x7f) * scale;
    }
    return value;
  }

  uleb64(): bigint {
    return BigInt.asUintN(64, this.leb().value);
  }

  sleb64(): bigint {
    const { value, bits } = this.leb();
    return BigInt.asIntN(64, BigInt.asIntN(Math.min(bits, 64), value));
  }

  private leb(): { value: bigint; bits: number } {
    let value = 0n;
    let bits = 0;
    let byte: number;
    do {
      byte = this.u8();
      // What lies beyond 64 bits is padding.
      if (bits < 70) value |= BigInt(byte & 0x7f) << BigInt(bits);
      bits += 7;
    } while (byte >= 0x80);
    return { value, bits };
  }

  private skipBytes(count: number): true {
    this.at += count;
    return true;
  }

  private skipString(): void {
    const end = this.bytes.indexOf(0, this.at);
    this.at = end < 0 ? this.bytes.length + 1 : end + 1;
  }

  /** Steps over one value. False when the form does not exist, so that nothing behind it can be understood. */
  skip(form: number, context: FormContext): boolean {
    const fixed = fixedSizeOf(form, context);
    if (fixed !== undefined) {
      this.at += fixed;
      return true;
    }
    switch (form) {
      case Form.string:
        this.skipString();
        return true;
      case Form.udata:
      case Form.sdata:
      case Form.refUdata:
      case Form.strx:
      case Form.addrx:
      case Form.loclistx:
      case Form.rnglistx:
        while (this.u8() >= 0x80);
        return true;
      case Form.block1:
        return this.skipBytes(this.uint(1));
      case Form.block2:
        return this.skipBytes(this.uint(2));
      case Form.block4:
        return this.skipBytes(this.uint(4));
      case Form.block:
      case Form.exprloc:
        return this.skipBytes(this.uleb());
      case Form.indirect: {
        const actual = this.uleb();
        return actual !== Form.indirect && actual !== Form.implicitConst && this.skip(actual, context);
      }
      default:
        return false;
    }
  }
}
