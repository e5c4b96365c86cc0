/**
 * vmcoreinfo: what a kernel says about itself for dump tools, as lines of KEY=VALUE.
 *
 * Source of truth: kernel/crash_core.c (6.1), kernel/vmcore_info.c (6.9+), Documentation/admin-guide/kdump/vmcoreinfo.rst.
 * SYMBOL values are hexadecimal and already relocated; SIZE, OFFSET and LENGTH are decimal; NUMBER is decimal or 0x-hex,
 * and can be negative. All of them fit 64 bits; what has more digits is no number.
 */
import { VmcoreError } from '../base/errors.ts';
import { asVaddr, type Vaddr } from '../base/units.ts';

export class Vmcoreinfo {
  private readonly values: ReadonlyMap<string, string>;
  private readonly file: string;

  constructor(text: string, file: string) {
    this.file = file;
    this.values = new Map(
      text.split('\n').flatMap((line) => {
        const equals = line.indexOf('=');
        return equals <= 0 ? [] : [[line.slice(0, equals), line.slice(equals + 1)]];
      }),
    );
  }

  /** The value of a whole key, e.g. "OSRELEASE". */
  text(key: string): string | undefined {
    return this.values.get(key);
  }

  /** Address of a symbol. */
  symbol(name: string): Vaddr | undefined {
    const value = this.values.get(`SYMBOL(${name})`);
    return value === undefined || !/^[0-9a-f]{1,16}$/i.test(value)
      ? undefined
      : asVaddr(BigInt(`0x${value}`));
  }

  /** Size of a type, bytes. */
  size(type: string): number | undefined {
    return this.decimal(`SIZE(${type})`);
  }

  /** Byte offset of a member, e.g. "page.flags". */
  offset(member: string): number | undefined {
    return this.decimal(`OFFSET(${member})`);
  }

  /** Number of elements of an array. */
  length(array: string): number | undefined {
    return this.decimal(`LENGTH(${array})`);
  }

  number(name: string): bigint | undefined {
    const value = this.values.get(`NUMBER(${name})`)?.trim();
    if (value === undefined || !/^-?(\d{1,20}|0x[0-9a-f]{1,16})$/i.test(value)) return undefined;
    return value.startsWith('-') ? -BigInt(value.slice(1)) : BigInt(value);
  }

  /** A NUMBER that is small by nature (a bit number, a shift, a count). */
  smallNumber(name: string): number | undefined {
    const value = this.number(name);
    return value === undefined ? undefined : Number(value);
  }

  requireSymbol(name: string): Vaddr {
    return this.require(this.symbol(name), `SYMBOL(${name})`);
  }

  requireSize(type: string): number {
    return this.require(this.size(type), `SIZE(${type})`);
  }

  requireOffset(member: string): number {
    return this.require(this.offset(member), `OFFSET(${member})`);
  }

  requireNumber(name: string): number {
    return this.require(this.smallNumber(name), `NUMBER(${name})`);
  }

  private decimal(key: string): number | undefined {
    const value = this.values.get(key);
    return value === undefined || !/^\d{1,15}$/.test(value) ? undefined : Number(value);
  }

  private require<T>(value: T | undefined, key: string): T {
    if (value !== undefined) return value;
    throw new VmcoreError('E_NO_INFO', `its vmcoreinfo has no ${key}`, {
      file: this.file,
      hint: 'this kernel does not export what is needed here',
    });
  }
}
