/**
 * The kernel log, out of the lockless printk ring buffer of Linux 5.10 and later.
 *
 * Descriptors say where each record's text lies in the data ring; ids count up for ever and the ring index is the id modulo the
 * ring's size. A descriptor is believed only when its state variable still carries the id it was looked up by, and only
 * when the record was committed or finalized. All layout comes from vmcoreinfo.
 *
 * Source of truth: kernel/printk/printk_ringbuffer.{c,h} (Linux 6.1), and printk.c log_buf_vmcoreinfo_setup().
 */
import { viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import { asVaddr, type Vaddr } from '../base/units.ts';
import type { Kernel } from './kernel.ts';
import type { Vmcoreinfo } from './vmcoreinfo.ts';

export interface PrintkRecord {
  readonly seq: bigint;
  /** Nanoseconds since boot, by the scheduler's clock. */
  readonly time: bigint;
  /** Bit 31 set: a CPU number (interrupt context); else a thread id. */
  readonly callerId: number | undefined;
  readonly text: Uint8Array;
}

/** Top two bits of a descriptor's state variable (enum desc_state). */
const DescState = { committed: 1n, finalized: 2n } as const;
const stateShift = 62n;
const idMask = (1n << stateShift) - 1n;
/** A data block begins with the id of its descriptor: one unsigned long. */
const blockIdSize = 8;
/** Rings are 2^n entries; log_buf_len= allows 2 GiB of text (LOG_BUF_LEN_MAX), Debian has 128 KiB and 4096 descriptors. */
const maxDescriptorBits = 26;
const maxDataBits = 31;

/** Names of the descriptor layout in vmcoreinfo. */
interface Layout {
  readonly descSize: number;
  readonly stateVar: number;
  readonly begin: number;
  readonly next: number;
  readonly infoSize: number;
  readonly seq: number;
  readonly time: number;
  readonly textLength: number;
  readonly callerId: number | undefined;
}

function layoutOf(info: Vmcoreinfo): Layout {
  const position = info.requireOffset('prb_desc.text_blk_lpos');
  return {
    descSize: info.requireSize('prb_desc'),
    stateVar: info.requireOffset('prb_desc.state_var') + info.requireOffset('atomic_long_t.counter'),
    begin: position + info.requireOffset('prb_data_blk_lpos.begin'),
    next: position + info.requireOffset('prb_data_blk_lpos.next'),
    infoSize: info.requireSize('printk_info'),
    seq: info.requireOffset('printk_info.seq'),
    time: info.requireOffset('printk_info.ts_nsec'),
    textLength: info.requireOffset('printk_info.text_len'),
    callerId: info.offset('printk_info.caller_id'),
  };
}

/** All records from the oldest to the newest. E_NO_INFO on kernels before 5.10; E_CORRUPT when the ring's sizes are absurd. */
export function readPrintkRecords(kernel: Kernel): PrintkRecord[] {
  const { info, dump } = kernel;
  if (info.symbol('prb') === undefined) {
    throw new VmcoreError(
      'E_NO_INFO',
      'its vmcoreinfo has no SYMBOL(prb): a kernel before 5.10, or one built without printk',
      {
        file: dump.source.name,
        hint: 'use makedumpfile --dump-dmesg for logs of older kernels',
      },
    );
  }
  const layout = layoutOf(info);
  const ring = new RingBuffer(kernel, kernel.readPointer(info.requireSymbol('prb')));
  const descriptors = ring.readDescriptors(layout.descSize);
  const infos = ring.readInfos(layout.infoSize);
  const text = ring.readText();

  const records: PrintkRecord[] = [];
  const count = BigInt(ring.descriptorCount);
  // A corrupt tail must not make this walk 2^62 ids: the ring holds no more than its size.
  const oldest = (ring.headId - ring.tailId) & idMask;
  const first = oldest < count ? ring.tailId : (ring.headId - count + 1n) & idMask;
  for (let id = first, left = ring.descriptorCount; left > 0; id = (id + 1n) & idMask, left--) {
    const index = Number(id % count);
    const record = readRecord(layout, dump.littleEndian, id, index, descriptors, infos, text);
    if (record !== undefined) records.push(record);
    if (id === ring.headId) break;
  }
  return records;
}

function readRecord(
  layout: Layout,
  littleEndian: boolean,
  id: bigint,
  index: number,
  descriptors: DataView,
  infos: DataView,
  text: Uint8Array,
): PrintkRecord | undefined {
  const at = index * layout.descSize;
  const state = descriptors.getBigUint64(at + layout.stateVar, littleEndian);
  if ((state & idMask) !== id) return undefined;
  const kind = state >> stateShift;
  if (kind !== DescState.committed && kind !== DescState.finalized) return undefined;

  const size = BigInt(text.length);
  const beginPosition = descriptors.getBigUint64(at + layout.begin, littleEndian);
  const nextPosition = descriptors.getBigUint64(at + layout.next, littleEndian);
  // Odd positions mark records without data (NO_LPOS and FAILED_LPOS).
  if ((beginPosition & 1n) !== 0n) return undefined;
  let begin = Number(beginPosition % size);
  const next = Number(nextPosition % size);
  if (begin === next) return undefined;
  // A block that would run over the end of the ring is stored whole at its beginning.
  if (begin > next) begin = 0;
  begin += blockIdSize;

  const infoAt = index * layout.infoSize;
  const textLength = infos.getUint16(infoAt + layout.textLength, littleEndian);
  return {
    seq: infos.getBigUint64(infoAt + layout.seq, littleEndian),
    time: infos.getBigUint64(infoAt + layout.time, littleEndian),
    callerId:
      layout.callerId === undefined ? undefined : infos.getUint32(infoAt + layout.callerId, littleEndian),
    text: text.subarray(begin, Math.max(begin, Math.min(next, begin + textLength))),
  };
}

/** struct printk_ringbuffer, read once. */
class RingBuffer {
  readonly descriptorCount: number;
  readonly headId: bigint;
  readonly tailId: bigint;
  private readonly kernel: Kernel;
  private readonly descs: Vaddr;
  private readonly infos: Vaddr;
  private readonly data: Vaddr;
  private readonly dataSize: number;

  constructor(kernel: Kernel, address: Vaddr) {
    this.kernel = kernel;
    const { info, dump } = kernel;
    const view = viewOf(kernel.read(address, info.requireSize('printk_ringbuffer')));
    const little = dump.littleEndian;
    const descRing = info.requireOffset('printk_ringbuffer.desc_ring');
    const dataRing = info.requireOffset('printk_ringbuffer.text_data_ring');
    const counter = info.requireOffset('atomic_long_t.counter');
    const bits = (at: number, max: number, what: string): number => {
      const value = view.getUint32(at, little);
      if (value >= 1 && value <= max) return value;
      throw new VmcoreError('E_CORRUPT', `the printk ring has 2^${value} ${what}`, {
        file: dump.source.name,
      });
    };
    this.descriptorCount =
      2 ** bits(descRing + info.requireOffset('prb_desc_ring.count_bits'), maxDescriptorBits, 'descriptors');
    this.dataSize = 2 ** bits(dataRing + info.requireOffset('prb_data_ring.size_bits'), maxDataBits, 'bytes');
    const pointer = (at: number): Vaddr => asVaddr(view.getBigUint64(at, little));
    this.descs = pointer(descRing + info.requireOffset('prb_desc_ring.descs'));
    this.infos = pointer(descRing + info.requireOffset('prb_desc_ring.infos'));
    this.data = pointer(dataRing + info.requireOffset('prb_data_ring.data'));
    this.headId = view.getBigUint64(descRing + info.requireOffset('prb_desc_ring.head_id') + counter, little);
    this.tailId = view.getBigUint64(descRing + info.requireOffset('prb_desc_ring.tail_id') + counter, little);
  }

  readDescriptors(size: number): DataView {
    return viewOf(this.readArray(this.descs, this.descriptorCount * size));
  }

  readInfos(size: number): DataView {
    return viewOf(this.readArray(this.infos, this.descriptorCount * size));
  }

  readText(): Uint8Array {
    return this.readArray(this.data, this.dataSize);
  }

  private readArray(address: Vaddr, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.kernel.readBulk(address, bytes);
    return bytes;
  }
}

/** As makedumpfile 1.7.4 and later pad it; the kernel's console takes 6 columns. */
const callerWidth = 8;

/** How a record's caller is shown, e.g. "T1" for thread 1, "C0" for CPU 0 (print_caller() in printk.c). */
export const callerName = (id: number): string => (id & 0x8000_0000 ? `C${id & 0x7fff_ffff}` : `T${id}`);

/**
 * One record as the kernel's console and makedumpfile --dump-dmesg show it: `[    5.614922] text`, further lines of the same record
 * indented to the text, bytes that are not printable ASCII or white space as \xNN.
 */
export function formatRecord(record: PrintkRecord, show: { readonly caller: boolean }): string {
  const microseconds = record.time / 1000n;
  const seconds = (microseconds / 1_000_000n).toString().padStart(5);
  const fraction = (microseconds % 1_000_000n).toString().padStart(6, '0');
  let prefix = `[${seconds}.${fraction}] `;
  if (show.caller && record.callerId !== undefined)
    prefix += `[${callerName(record.callerId).padStart(callerWidth)}] `;
  let line = prefix;
  for (const byte of record.text) {
    if (byte === 0x0a) line += `\n${' '.repeat(prefix.length)}`;
    else if ((byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d))
      line += String.fromCharCode(byte);
    else line += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return line;
}
