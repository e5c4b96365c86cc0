/**
 * The kernel log, out of the lockless printk ring buffer of Linux 5.10 and later. Older logs: printk-legacy.ts.
 *
 * Descriptors say where each record's text lies in the data ring; ids count up for ever and the ring index is the id modulo the
 * ring's size. A descriptor is believed only when its state variable still carries the id it was looked up by, and only
 * when the record was committed or finalized. All layout comes from vmcoreinfo.
 *
 * Source of truth: kernel/printk/printk_ringbuffer.{c,h} (Linux 6.1), and printk.c log_buf_vmcoreinfo_setup().
 */
import { latin1, viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import type { Vmcoreinfo } from '../vmcoreinfo.ts';
import type { LogStart, PrintkRecord } from './log-record.ts';
import { readLegacyRecords } from './printk-legacy.ts';

export type { LogStart, PrintkRecord };

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

/** Structures of the ring have less than 100 bytes. */
const maxStructSize = 4096;

/** Size of a structure, and the places of its members in it. E_NO_INFO when vmcoreinfo contradicts itself. */
class StructLayout {
  readonly size: number;
  private readonly type: string;
  private readonly file: string;

  constructor(info: Vmcoreinfo, type: string, file: string) {
    this.type = type;
    this.file = file;
    this.size = info.requireSize(type);
    if (this.size > maxStructSize) throw this.error(`says SIZE(${type}) is ${this.size}`);
  }

  /** `at`, if a member of `width` bytes there lies in the structure. */
  member(at: number, width: number): number {
    if (at + width <= this.size) return at;
    throw this.error(`puts a member of struct ${this.type} at ${at} of ${this.size} bytes`);
  }

  private error(what: string): VmcoreError {
    return new VmcoreError('E_NO_INFO', `its vmcoreinfo ${what}`, { file: this.file });
  }
}

function layoutOf(info: Vmcoreinfo, file: string): Layout {
  const desc = new StructLayout(info, 'prb_desc', file);
  const printkInfo = new StructLayout(info, 'printk_info', file);
  const position = info.requireOffset('prb_desc.text_blk_lpos');
  const state = info.requireOffset('prb_desc.state_var') + info.requireOffset('atomic_long_t.counter');
  const callerId = info.offset('printk_info.caller_id');
  return {
    descSize: desc.size,
    stateVar: desc.member(state, 8),
    begin: desc.member(position + info.requireOffset('prb_data_blk_lpos.begin'), 8),
    next: desc.member(position + info.requireOffset('prb_data_blk_lpos.next'), 8),
    infoSize: printkInfo.size,
    seq: printkInfo.member(info.requireOffset('printk_info.seq'), 8),
    time: printkInfo.member(info.requireOffset('printk_info.ts_nsec'), 8),
    textLength: printkInfo.member(info.requireOffset('printk_info.text_len'), 2),
    callerId: callerId === undefined ? undefined : printkInfo.member(callerId, 4),
  };
}

/**
 * Records from the oldest to the newest. A kernel that does not tell when its log was cleared has not cleared it. E_NO_INFO when vmcoreinfo
 * leads to no log; E_CORRUPT when the ring's sizes are absurd.
 */
export function readPrintkRecords(kernel: Kernel, start: LogStart = 'oldest'): PrintkRecord[] {
  const { info, dump } = kernel;
  if (info.symbol('prb') === undefined) {
    if (info.symbol('log_buf') !== undefined) return readLegacyRecords(kernel, start);
    throw new VmcoreError(
      'E_NO_INFO',
      'its vmcoreinfo has neither SYMBOL(prb) nor SYMBOL(log_buf): a kernel without printk',
      { file: dump.source.name, hint: 'look for the log in its console or in /sys/fs/pstore' },
    );
  }
  const firstSeq = start === 'last-clear' ? readClearSeq(kernel) : 0n;
  const layout = layoutOf(info, dump.source.name);
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
    if (record !== undefined && record.seq >= firstSeq) records.push(record);
    if (id === ring.headId) break;
  }
  return records;
}

/**
 * The sequence number of the first record since the log was cleared. Since 5.12 it is two copies behind a counter that tells which of them
 * is valid (struct latched_seq, 7d7a23a91c91).
 */
function readClearSeq(kernel: Kernel): bigint {
  const { info, dump } = kernel;
  const address = info.symbol('clear_seq');
  if (address === undefined) return 0n;
  const read = (offset: bigint): bigint =>
    viewOf(kernel.read(asVaddr(address + offset), 8)).getBigUint64(0, dump.littleEndian);
  const seq = read(0n);
  const copies = info.offset('latched_seq.val');
  return copies === undefined ? seq : read(BigInt(copies) + (seq & 1n) * 8n);
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
  if (beginPosition === nextPosition) return undefined;
  // A block that would run over the end of the ring is stored whole at its beginning. One that ends exactly there does not run
  // over it since 6.18 (67e1b0052f6b); before, it did, and its next position tells so.
  const lastPosition = BigInt.asUintN(64, nextPosition - 1n);
  const begin =
    (beginPosition / size === lastPosition / size ? Number(beginPosition % size) : 0) + blockIdSize;
  const end = Number(lastPosition % size) + 1;

  const infoAt = index * layout.infoSize;
  const textLength = infos.getUint16(infoAt + layout.textLength, littleEndian);
  return {
    seq: infos.getBigUint64(infoAt + layout.seq, littleEndian),
    time: infos.getBigUint64(infoAt + layout.time, littleEndian),
    callerId:
      layout.callerId === undefined ? undefined : infos.getUint32(infoAt + layout.callerId, littleEndian),
    text: text.subarray(begin, Math.max(begin, Math.min(end, begin + textLength))),
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
    const layout = new StructLayout(info, 'printk_ringbuffer', dump.source.name);
    const view = viewOf(kernel.read(address, layout.size));
    const little = dump.littleEndian;
    const descRing = info.requireOffset('printk_ringbuffer.desc_ring');
    const dataRing = info.requireOffset('printk_ringbuffer.text_data_ring');
    const counter = info.requireOffset('atomic_long_t.counter');
    const bits = (at: number, max: number, what: string): number => {
      const value = view.getUint32(layout.member(at, 4), little);
      if (value >= 1 && value <= max) return value;
      throw new VmcoreError('E_CORRUPT', `the printk ring has 2^${value} ${what}`, {
        file: dump.source.name,
      });
    };
    this.descriptorCount =
      2 ** bits(descRing + info.requireOffset('prb_desc_ring.count_bits'), maxDescriptorBits, 'descriptors');
    this.dataSize = 2 ** bits(dataRing + info.requireOffset('prb_data_ring.size_bits'), maxDataBits, 'bytes');
    const word = (at: number): bigint => view.getBigUint64(layout.member(at, 8), little);
    const pointer = (at: number): Vaddr => asVaddr(word(at));
    this.descs = pointer(descRing + info.requireOffset('prb_desc_ring.descs'));
    this.infos = pointer(descRing + info.requireOffset('prb_desc_ring.infos'));
    this.data = pointer(dataRing + info.requireOffset('prb_data_ring.data'));
    this.headId = word(descRing + info.requireOffset('prb_desc_ring.head_id') + counter) & idMask;
    this.tailId = word(descRing + info.requireOffset('prb_desc_ring.tail_id') + counter) & idMask;
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
    // The sizes come from memory of a kernel that crashed: see that the end is there before allocating gigabytes.
    this.kernel.read(asVaddr(address + BigInt(length - 1)), 1);
    const bytes = new Uint8Array(length);
    this.kernel.readBulk(address, bytes);
    return bytes;
  }
}

/** As makedumpfile 1.7.4 and later pad it; the kernel's console takes 6 columns. */
const callerWidth = 8;

/** How a record's caller is shown, e.g. "T1" for thread 1, "C0" for CPU 0 (print_caller() in printk.c). */
export const callerName = (id: number): string => (id & 0x8000_0000 ? `C${id & 0x7fff_ffff}` : `T${id}`);

/** How a record is shown as text. */
export interface RecordStyle {
  readonly caller: boolean;
  /** Lines of a record after its first: under its text (makedumpfile, the default), or at the margin (drgn). */
  readonly furtherLines?: 'indented' | 'margin';
}

/**
 * One record as the kernel's console and makedumpfile --dump-dmesg show it: `[    5.614922] text`, further lines of the same record
 * indented to the text, bytes that are not printable ASCII or white space as \xNN.
 */
export function formatRecord(record: PrintkRecord, show: RecordStyle): string {
  const microseconds = record.time / 1000n;
  const seconds = (microseconds / 1_000_000n).toString().padStart(5);
  const fraction = (microseconds % 1_000_000n).toString().padStart(6, '0');
  let prefix = `[${seconds}.${fraction}] `;
  if (show.caller && record.callerId !== undefined)
    prefix += `[${callerName(record.callerId).padStart(callerWidth)}] `;
  const text = latin1(record.text);
  if (!/[^\t\v\f\r -~]/.test(text)) return prefix + text;
  let line = prefix;
  for (const byte of record.text) {
    if (byte === 0x0a) line += show.furtherLines === 'margin' ? '\n' : `\n${' '.repeat(prefix.length)}`;
    else if ((byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d))
      line += String.fromCharCode(byte);
    else line += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return line;
}
