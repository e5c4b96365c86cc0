/**
 * A printk ring buffer as kernel/printk/printk_ringbuffer.c (Linux 6.1) leaves it in memory: descriptors, infos and the data ring, with
 * blocks that do not fit the end of the ring stored at its beginning.
 */
import type { SyntheticKernel } from './synthetic-kernel.ts';
import type { InfoLines } from './vmcoreinfo-text.ts';

/** enum desc_state: the top two bits of state_var. */
export const descState = { reserved: 0n, committed: 1n, finalized: 2n, reusable: 3n } as const;

/** Layout as a 6.1 kernel for x86_64 gives it. */
const layout: InfoLines = {
  'SIZE(printk_ringbuffer)': 88,
  'OFFSET(printk_ringbuffer.desc_ring)': 0,
  'OFFSET(printk_ringbuffer.text_data_ring)': 48,
  'OFFSET(prb_desc_ring.count_bits)': 0,
  'OFFSET(prb_desc_ring.descs)': 8,
  'OFFSET(prb_desc_ring.infos)': 16,
  'OFFSET(prb_desc_ring.head_id)': 24,
  'OFFSET(prb_desc_ring.tail_id)': 32,
  'SIZE(prb_desc)': 24,
  'OFFSET(prb_desc.state_var)': 0,
  'OFFSET(prb_desc.text_blk_lpos)': 8,
  'OFFSET(prb_data_blk_lpos.begin)': 0,
  'OFFSET(prb_data_blk_lpos.next)': 8,
  'SIZE(printk_info)': 88,
  'OFFSET(printk_info.seq)': 0,
  'OFFSET(printk_info.ts_nsec)': 8,
  'OFFSET(printk_info.text_len)': 16,
  'OFFSET(printk_info.caller_id)': 20,
  'OFFSET(prb_data_ring.size_bits)': 0,
  'OFFSET(prb_data_ring.data)': 8,
  'OFFSET(atomic_long_t.counter)': 0,
};

export interface RingRecord {
  readonly text: string | Uint8Array;
  /** Nanoseconds. */
  readonly time?: bigint;
  readonly caller?: number;
  readonly state?: keyof typeof descState;
  /** What the descriptor's state variable carries as its id; the right one when not given. */
  readonly id?: bigint;
  /** text_len, when it shall not be the length of `text`. */
  readonly textLength?: number;
  /** Instead of text: the marks of a record without data (FAILED_LPOS 1, NO_LPOS 3). */
  readonly dataless?: 1n | 3n;
}

export interface RingOptions {
  /** 2^n descriptors; 2^n bytes of text. */
  readonly descriptorBits?: number;
  readonly dataBits?: number;
  /** Logical position where the first block begins. */
  readonly firstPosition?: bigint;
  /** "until 6.17": a block that would end exactly at the end of the ring wraps as well; 67e1b0052f6b let it fit. */
  readonly fit?: 'until 6.17' | 'since 6.18';
}

const idMask = (1n << 62n) - 1n;
/** The kernel starts so that ids soon run over their 62 bits (DESC0_ID). */
const firstId = (descriptorBits: number): bigint => -(2n ** BigInt(descriptorBits)) & idMask;

export class PrintkRing {
  headId: bigint;
  tailId: bigint;
  descriptorBits: number;
  dataBits: number;
  private readonly descriptors: DataView;
  private readonly infos: DataView;
  private readonly data: Uint8Array;
  private readonly fit: 'until 6.17' | 'since 6.18';
  private position: bigint;
  private count = 0;

  constructor({
    descriptorBits = 4,
    dataBits = 10,
    firstPosition = 0n,
    fit = 'until 6.17',
  }: RingOptions = {}) {
    this.descriptorBits = descriptorBits;
    this.dataBits = dataBits;
    this.descriptors = new DataView(new ArrayBuffer(24 * 2 ** descriptorBits));
    this.infos = new DataView(new ArrayBuffer(88 * 2 ** descriptorBits));
    this.data = new Uint8Array(2 ** dataBits);
    this.fit = fit;
    this.position = firstPosition;
    this.headId = firstId(descriptorBits);
    this.tailId = this.headId;
  }

  /** Adds a record as the next id. Older records fall out when the descriptors are used up; their text may be written over. */
  add({ text, time = 0n, caller = 0, state = 'finalized', id, textLength, dataless }: RingRecord): this {
    const size = 2 ** this.descriptorBits;
    if (this.count > 0) this.headId = (this.headId + 1n) & idMask;
    if (this.count >= size) this.tailId = (this.tailId + 1n) & idMask;
    const index = Number(this.headId % BigInt(size));
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
    const [begin, next] = dataless === undefined ? this.putBlock(bytes) : [dataless, dataless];
    const descriptor = 24 * index;
    this.descriptors.setBigUint64(descriptor, (descState[state] << 62n) | (id ?? this.headId), true);
    this.descriptors.setBigUint64(descriptor + 8, begin, true);
    this.descriptors.setBigUint64(descriptor + 16, next, true);
    const info = 88 * index;
    this.infos.setBigUint64(info, BigInt(this.count), true);
    this.infos.setBigUint64(info + 8, time, true);
    this.infos.setUint16(info + 16, textLength ?? bytes.length, true);
    this.infos.setUint32(info + 20, caller, true);
    this.count++;
    return this;
  }

  /** A data block: the id, then the text, in whole words. Returns its logical begin and next position. */
  private putBlock(text: Uint8Array): [begin: bigint, next: bigint] {
    const ring = BigInt(this.data.length);
    const size = BigInt(8 + Math.ceil(text.length / 8) * 8);
    const begin = this.position;
    const last = begin + size - (this.fit === 'since 6.18' ? 1n : 0n);
    const wraps = begin / ring !== last / ring;
    const next = wraps ? (last / ring) * ring + size : begin + size;
    const at = Number(wraps ? 0n : begin % ring);
    new DataView(this.data.buffer).setBigUint64(at, this.headId, true);
    this.data.set(text, at + 8);
    this.position = next;
    return [begin, next];
  }

  /** Puts the ring into a kernel's memory, with the vmcoreinfo that leads to it. */
  placeIn(kernel: SyntheticKernel): void {
    const ring = new DataView(new ArrayBuffer(88));
    const place = (view: DataView | Uint8Array): bigint =>
      kernel.place(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    ring.setUint32(0, this.descriptorBits, true);
    ring.setBigUint64(8, place(this.descriptors), true);
    ring.setBigUint64(16, place(this.infos), true);
    ring.setBigUint64(24, this.headId, true);
    ring.setBigUint64(32, this.tailId, true);
    ring.setUint32(48, this.dataBits, true);
    ring.setBigUint64(56, place(this.data), true);
    const pointer = new DataView(new ArrayBuffer(8));
    pointer.setBigUint64(0, kernel.placeVariable(new Uint8Array(ring.buffer)), true);
    kernel.addInfo(layout, { 'SYMBOL(prb)': kernel.placeVariable(new Uint8Array(pointer.buffer)) });
  }
}
