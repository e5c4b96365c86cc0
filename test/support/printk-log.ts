/** The log of a kernel before 5.10 as log_store() of kernel/printk/printk.c (Linux 4.19) leaves it in memory. */
import type { SyntheticKernel } from './synthetic-kernel.ts';

/** struct printk_log of 4.18: ts_nsec 0, len 8, text_len 10, dict_len 12, facility 14, flags and level 15. */
const headerSize = 16;
/** Since 5.1 with CONFIG_PRINTK_CALLER, caller_id at 16. */
const headerWithCaller = 24;

export interface OldRecord {
  readonly text: string;
  readonly dictionary?: string;
  readonly time?: bigint;
  readonly caller?: number;
}

export interface OldLogOptions {
  /** Bytes of the ring. */
  readonly size?: number;
  /** What the structure is called: "log" before 3.11. */
  readonly struct?: 'printk_log' | 'log';
  readonly withCaller?: boolean;
}

/** The ring, written as the kernel does it. */
export class PrintkLog {
  readonly ring: Uint8Array;
  first = 0;
  next = 0;
  cleared = 0;
  count = 0;
  private readonly view: DataView;
  private readonly struct: 'printk_log' | 'log';
  private readonly headerSize: number;

  constructor({ size = 512, struct = 'printk_log', withCaller = false }: OldLogOptions = {}) {
    this.ring = new Uint8Array(size);
    this.view = new DataView(this.ring.buffer);
    this.struct = struct;
    this.headerSize = withCaller ? headerWithCaller : headerSize;
  }

  /** log_store() and log_make_free_space(). */
  add({ text, dictionary = '', time = 0n, caller = 0 }: OldRecord): this {
    const bytes = new TextEncoder().encode(text + dictionary);
    const length = (this.headerSize + bytes.length + 3) & ~3;
    while (this.count > 0 && this.free < length + this.headerSize) {
      this.first = this.after(this.first);
      this.count--;
    }
    if (this.next + length + this.headerSize > this.ring.length) {
      this.ring.fill(0, this.next, this.next + this.headerSize);
      this.next = 0;
    }
    const at = this.next;
    this.view.setBigUint64(at, time, true);
    this.view.setUint16(at + 8, length, true);
    this.view.setUint16(at + 10, bytes.length - dictionary.length, true);
    this.view.setUint16(at + 12, dictionary.length, true);
    if (this.headerSize > headerSize) this.view.setUint32(at + 16, caller, true);
    this.ring.set(bytes, at + this.headerSize);
    this.next = at + length;
    this.count++;
    return this;
  }

  /** Puts the log into a kernel's memory, with the vmcoreinfo that leads to it. */
  placeIn(kernel: SyntheticKernel): void {
    const word = (value: number): bigint =>
      kernel.placeVariable(new Uint8Array(Uint32Array.of(value, 0).buffer));
    const ring = BigInt.asUintN(64, kernel.place(this.ring));
    kernel.addInfo({
      'SYMBOL(log_buf)': kernel.placeVariable(new Uint8Array(BigUint64Array.of(ring).buffer)),
      'SYMBOL(log_buf_len)': word(this.ring.length),
      'SYMBOL(log_first_idx)': word(this.first),
      'SYMBOL(log_next_idx)': word(this.next),
      'SYMBOL(clear_idx)': word(this.cleared),
      [`SIZE(${this.struct})`]: this.headerSize,
      [`OFFSET(${this.struct}.ts_nsec)`]: 0,
      [`OFFSET(${this.struct}.len)`]: 8,
      [`OFFSET(${this.struct}.text_len)`]: 10,
      [`OFFSET(${this.struct}.dict_len)`]: 12,
      ...(this.headerSize > headerSize ? { [`OFFSET(${this.struct}.caller_id)`]: 16 } : {}),
    });
  }

  /** logbuf_has_space(): an end mark must fit as well. */
  private get free(): number {
    return this.next > this.first
      ? Math.max(this.ring.length - this.next, this.first)
      : this.first - this.next;
  }

  /** log_next() */
  private after(index: number): number {
    const length = this.view.getUint16(index + 8, true);
    return length === 0 ? this.view.getUint16(8, true) : index + length;
  }
}
