/**
 * The RAM of a machine in one file: where physical memory is in it, and reading it by physical address.
 *
 * QEMU's `-object memory-backend-file` has all RAM in one piece; the machine type cuts it into banks around the holes for devices.
 *
 * Source of truth: QEMU 7.2 to 10: pc_memory_init() and pc_init1() in hw/i386/pc_piix.c, pc_q35_init() in hw/i386/pc_q35.c, memmap in
 * hw/arm/virt.c. x86_64 machines of more than 1 TiB with an AMD processor and machines with `max-ram-below-4g` are cut elsewhere.
 */
import type { ByteSource } from '../base/byte-source.ts';
import { VmcoreError } from '../base/errors.ts';
import { hex, parseSize } from '../base/units.ts';

/** `size` bytes of physical memory from `paddr` on lie at `offset` of the image. */
export interface RamBank {
  readonly paddr: number;
  readonly offset: number;
  readonly size: number;
}

const GiB = 2 ** 30;
/** QEMU's machines: what of x86's RAM stays below 4 GiB, once there is `from` of it; arm64's begins at 1 GiB. */
const machines = {
  pc: { from: 3.5 * GiB, low: 3 * GiB },
  q35: { from: 2.75 * GiB, low: 2 * GiB },
} as const;
const virtStart = GiB;

export const machineTypes = ['pc', 'q35', 'virt'] as const;
export type MachineType = (typeof machineTypes)[number];

/** The banks of such a machine with `size` bytes of RAM. */
export function banksOf(machine: MachineType, size: number): RamBank[] {
  if (machine === 'virt') return [{ paddr: virtStart, offset: 0, size }];
  const { from, low } = machines[machine];
  if (size < from) return [{ paddr: 0, offset: 0, size }];
  return [
    { paddr: 0, offset: 0, size: low },
    { paddr: 4 * GiB, offset: low, size: size - low },
  ];
}

/** `0+3G,4G+1G`: where each bank is and how large, in the order in which they lie in the image. Undefined when it is not of this form. */
export function parseBanks(text: string): RamBank[] | undefined {
  const banks: RamBank[] = [];
  let offset = 0;
  for (const part of text.split(',')) {
    const [start, length, ...more] = part.split('+');
    const paddr = addressOf(start ?? '');
    const size = addressOf(length ?? '');
    if (paddr === undefined || size === undefined || size === 0 || more.length > 0) return undefined;
    banks.push({ paddr, offset, size });
    offset += size;
  }
  return banks;
}

/** `0x7f000000`, or a decimal number with K, M, G or T behind it. */
export function addressOf(text: string): number | undefined {
  if (!/^0x[0-9a-f]+$/i.test(text)) return parseSize(text);
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Memory by physical address. What is in no bank is not there. */
export class RamImage {
  readonly source: ByteSource;
  /** Ascending by physical address. */
  readonly banks: readonly RamBank[];

  /** E_CORRUPT for banks that overlap, E_TRUNCATED for those that reach behind the end of the file. */
  constructor(source: ByteSource, banks: readonly RamBank[]) {
    this.source = source;
    this.banks = banks.toSorted((a, b) => a.paddr - b.paddr);
    this.banks.forEach(({ paddr, offset, size }, i) => {
      const next = this.banks[i + 1];
      if (next !== undefined && next.paddr < paddr + size) {
        throw new VmcoreError('E_CORRUPT', `two banks of memory at ${hex(next.paddr)}`, {
          file: source.name,
        });
      }
      if (offset + size <= source.size) return;
      throw new VmcoreError(
        'E_TRUNCATED',
        `the memory from ${hex(paddr)} on would end at byte ${offset + size}, the image has ${source.size}`,
        { file: source.name, hint: 'copy the image again, or give the layout that its machine had' },
      );
    });
  }

  /** Copies memory from `paddr` on and returns how many bytes there were: fewer than asked where a bank ends and none follows. */
  read(paddr: number, into: Uint8Array): number {
    let done = 0;
    while (done < into.length) {
      const place = this.placeOf(paddr + done);
      if (place === undefined) break;
      const want = Math.min(into.length - done, place.left);
      const got = this.source.read(place.offset, into.subarray(done, done + want));
      done += got;
      if (got < want) break;
    }
    return done;
  }

  /** The first address from `start` on, below `end`, that is in no bank; undefined when all of it is there. */
  firstMissing(start: number, end: number): number | undefined {
    let at = start;
    while (at < end) {
      const place = this.placeOf(at);
      if (place === undefined) return at;
      at += place.left;
    }
    return undefined;
  }

  /** The first address from `start` on, at most `end`, whose byte may be other than 0: what is before lies in a hole of the file. */
  nextData(start: number, end: number): number {
    const place = this.placeOf(start);
    if (place === undefined || this.source.nextData === undefined) return start;
    const next = start + (this.source.nextData(place.offset) - place.offset);
    return Math.min(next, start + place.left, end);
  }

  /** Where in the file, and how many bytes of this bank are left from there. */
  private placeOf(paddr: number): { readonly offset: number; readonly left: number } | undefined {
    // Machines have a handful of banks.
    const bank = this.banks.find((each) => each.paddr <= paddr && paddr < each.paddr + each.size);
    if (bank === undefined) return undefined;
    return { offset: bank.offset + (paddr - bank.paddr), left: bank.paddr + bank.size - paddr };
  }
}
