/**
 * A machine's RAM in one file as the dump that its capture kernel would have shown: the layout and the ELF core header are found where they
 * are not told.
 */
import type { ByteSource } from '../base/byte-source.ts';
import { type ErrorCode, VmcoreError } from '../base/errors.ts';
import { findCoreHeader } from './find-elfcorehdr.ts';
import { type CaptureKernel, openProcVmcore } from './proc-vmcore.ts';
import { banksOf, type MachineType, machineTypes, type RamBank, RamImage } from './ram-image.ts';

export interface RawMemoryRequest {
  /** Where memory is in the image. Not given: that of the machine whose memory the ELF core header describes. */
  readonly layout?: MachineType | readonly RamBank[];
  /** Physical address of the ELF core header. Not given: it is searched for, which reads the whole image. */
  readonly elfcorehdr?: number;
  readonly capture?: CaptureKernel;
}

export interface RawMemory {
  /** The file /proc/vmcore; see `openProcVmcore`. Closing it closes the image. */
  readonly vmcore: ByteSource;
  readonly elfcorehdr: number;
  readonly banks: readonly RamBank[];
}

/** Errors of `RamImage`, `openProcVmcore` and `findCoreHeader`; with several possible layouts that of the one that got furthest. */
export function openRawMemory(source: ByteSource, request: RawMemoryRequest): RawMemory {
  let failure: VmcoreError | undefined;
  for (const banks of layouts(source, request.layout)) {
    try {
      const memory = new RamImage(source, banks);
      const elfcorehdr = request.elfcorehdr ?? findCoreHeader(memory);
      return { vmcore: openProcVmcore(memory, elfcorehdr, request.capture), elfcorehdr, banks };
    } catch (error) {
      if (!(error instanceof VmcoreError)) throw error;
      if (failure === undefined || progressOf(error) > progressOf(failure)) failure = error;
    }
  }
  throw failure;
}

function layouts(source: ByteSource, layout: RawMemoryRequest['layout']): (readonly RamBank[])[] {
  if (typeof layout === 'object') return [layout];
  if (layout !== undefined) return [banksOf(layout, source.size)];
  const all = machineTypes.map((machine) => banksOf(machine, source.size));
  return all.filter((banks, i) => all.findIndex((other) => isSame(other, banks)) === i);
}

const isSame = (a: readonly RamBank[], b: readonly RamBank[]): boolean =>
  a.length === b.length && a.every(({ paddr, size }, i) => b[i]!.paddr === paddr && b[i]!.size === size);

/** The address was in no bank; there was no header; there was one. */
const progressOf = ({ code }: VmcoreError): number => {
  const early: Partial<Record<ErrorCode, number>> = { E_UNREADABLE: 0, E_NOT_A_DUMP: 1 };
  return early[code] ?? 2;
};
