/**
 * vmcoreinfo as text, line by line, in the notation of VMCOREINFO_*() (include/linux/vmcore_info.h, Linux 6.12): symbols in hexadecimal without a
 * prefix, all else decimal.
 */
import type { Layouts } from '../../../kernel/types/layouts.ts';

/** Lines in the kernel's notation. What is undefined, or not in this kernel, gives no line. */
export class Lines {
  private readonly layouts: Layouts;
  private readonly addressOf: (symbol: string) => bigint | undefined;
  private readonly lines: string[] = [];

  constructor(layouts: Layouts, addressOf: (symbol: string) => bigint | undefined) {
    this.layouts = layouts;
    this.addressOf = addressOf;
  }

  text(): string {
    return this.lines.map((line) => `${line}\n`).join('');
  }

  add(key: string, value: string | undefined): void {
    if (value !== undefined) this.lines.push(`${key}=${value}`);
  }

  symbol(name: string, address: bigint | undefined): void {
    this.add(`SYMBOL(${name})`, address?.toString(16));
  }

  symbols(...names: readonly string[]): void {
    for (const name of names) this.symbol(name, this.addressOf(name));
  }

  sizes(...types: readonly string[]): void {
    for (const type of types) this.decimal(`SIZE(${type})`, this.layouts.size(type));
  }

  offsets(...members: readonly string[]): void {
    for (const member of members) this.decimal(`OFFSET(${member})`, this.layouts.offset(member));
  }

  lengths(...members: readonly string[]): void {
    for (const member of members) this.length(member, this.layouts.length(member));
  }

  length(name: string, value: number | undefined): void {
    this.decimal(`LENGTH(${name})`, value);
  }

  number(name: string, value: number | undefined): void {
    this.decimal(`NUMBER(${name})`, value);
  }

  private decimal(key: string, value: number | undefined): void {
    this.add(key, value === undefined ? undefined : String(value));
  }
}
