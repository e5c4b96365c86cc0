/**
 * The kernel log of Linux 3.5 to 5.9: records of different lengths, one after the other in a ring of bytes.
 *
 * Each record is a struct printk_log (called struct log before 3.11), the text, a dictionary and padding; `len` is all of them. A record
 * that would not fit the end of the ring lies at its beginning, and a record of length 0 (or the end itself) marks where. A line that was
 * logged in pieces which the kernel could not join is several records here, as these kernels print it.
 *
 * Source of truth: kernel/printk/printk.c (Linux 4.19): log_store(), log_next(), log_buf_vmcoreinfo_setup().
 */
import { viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import type { Vaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import type { LogStart, PrintkRecord } from './log-record.ts';

/** log_buf_len= allows up to 2 GiB (LOG_BUF_LEN_MAX). */
const maxBytes = 2 ** 31;

interface Layout {
  readonly size: number;
  readonly time: number;
  readonly length: number;
  readonly textLength: number;
  /** Since 5.1, with CONFIG_PRINTK_CALLER (15ff2069cb7f). */
  readonly callerId: number | undefined;
}

function layoutOf(kernel: Kernel): Layout {
  const { info, dump } = kernel;
  const struct = info.size('printk_log') === undefined ? 'log' : 'printk_log';
  const size = info.requireSize(struct);
  const member = (name: string, width: number): number => {
    const at = info.requireOffset(`${struct}.${name}`);
    if (at + width <= size) return at;
    throw new VmcoreError('E_NO_INFO', `its vmcoreinfo puts ${struct}.${name} at ${at} of ${size} bytes`, {
      file: dump.source.name,
    });
  };
  const hasCaller = info.offset(`${struct}.caller_id`) !== undefined;
  return {
    size,
    time: member('ts_nsec', 8),
    length: member('len', 2),
    textLength: member('text_len', 2),
    callerId: hasCaller ? member('caller_id', 4) : undefined,
  };
}

/**
 * Records from the oldest to the newest; their numbers count from the first one read, because vmcoreinfo does not lead to the kernel's own.
 * A damaged record ends the log: what came before it is returned. E_CORRUPT when the ring itself is absurd.
 */
export function readLegacyRecords(kernel: Kernel, start: LogStart): PrintkRecord[] {
  const { info, dump } = kernel;
  const layout = layoutOf(kernel);
  const word = (address: Vaddr): number => viewOf(kernel.read(address, 4)).getUint32(0, dump.littleEndian);
  const ring = new Uint8Array(ringSize(kernel, word(info.requireSymbol('log_buf_len'))));
  kernel.readBulk(kernel.readPointer(info.requireSymbol('log_buf')), ring);
  const cleared = start === 'last-clear' ? info.symbol('clear_idx') : undefined;
  const first = word(cleared ?? info.requireSymbol('log_first_idx'));
  const next = word(info.requireSymbol('log_next_idx'));
  const view = viewOf(ring);

  const records: PrintkRecord[] = [];
  const { littleEndian } = dump;
  let wrapped = next > first;
  for (let at = first; at !== next; ) {
    const fits = at + layout.size <= ring.length;
    const length = fits ? view.getUint16(at + layout.length, littleEndian) : 0;
    if (length === 0) {
      // The end of the ring, once: a second time is damage.
      if (wrapped) break;
      wrapped = true;
      at = 0;
      continue;
    }
    const textAt = at + layout.size;
    const textLength = view.getUint16(at + layout.textLength, littleEndian);
    const end = at + length;
    if (textAt + textLength > end || end > ring.length || (wrapped && end > next && at < next)) break;
    records.push({
      seq: BigInt(records.length),
      time: view.getBigUint64(at + layout.time, littleEndian),
      callerId:
        layout.callerId === undefined ? undefined : view.getUint32(at + layout.callerId, littleEndian),
      text: ring.subarray(textAt, textAt + textLength),
    });
    at = end;
  }
  return records;
}

function ringSize(kernel: Kernel, size: number): number {
  if (size > 0 && size <= maxBytes) return size;
  throw new VmcoreError('E_CORRUPT', `a printk ring of ${size} bytes`, { file: kernel.dump.source.name });
}
