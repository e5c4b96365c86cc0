/**
 * What both architectures' plans have in common: what they are asked, and what they answer.
 *
 * A plan is made without touching the machine: everything it needs is handed in, and it can be printed instead of loaded (--dry-run).
 */
import { VmcoreError } from '../../../base/errors.ts';
import { splitWords } from '../command-line.ts';
import type { MovedRange } from '../elfcorehdr.ts';
import type { FirmwareRange } from '../machine/firmware.ts';
import type { MemoryRange } from '../memory-ranges.ts';
import type { LoadPlan, Segment } from '../segment.ts';
import type { SerialConsole } from '../trampoline/trampoline.ts';
import type { AddressBounds } from './placement.ts';

/** The ELF core header to load: see elfcorehdr.ts. */
export interface CoreHeaderPart {
  readonly data: Uint8Array;
  /** Bytes of memory: more than `data` where the kernel may write a larger one (--hotplug). See elfCoreHeaderRoom(). */
  readonly size: number;
  /** The running kernel rewrites it when CPUs or memory change: it cannot be verified at the start then. */
  readonly updatedByKernel: boolean;
}

/** RAM that is somewhere else when the capture kernel runs. */
export interface LowMemory {
  readonly range: MemoryRange;
  /** The core header that says where: of the same length as the one that does not. */
  readonly coreHeader: (moved: MovedRange) => Uint8Array;
}

/** What the new kernel is for. */
export type Purpose =
  | {
      readonly kind: 'crash';
      readonly elfcorehdr: CoreHeaderPart;
      /** Every "Crash kernel" range, ascending: the kernel is loaded into the last one. */
      readonly reserved: readonly MemoryRange[];
      /**
       * x86_64, undefined from Linux 5.5 on: RAM of the first MiB that the running kernel uses itself. The capture kernel uses it too, so
       * the trampoline copies it away before.
       */
      readonly lowMemory?: LowMemory;
    }
  | {
      readonly kind: 'reboot';
      /** RAM to load it into: see freeForReboot(). */
      readonly free: readonly MemoryRange[];
    };

export interface PlanRequest {
  readonly initrd: Uint8Array | undefined;
  /** Without what kexec adds. */
  readonly commandLine: string;
  readonly purpose: Purpose;
  /** Of the running kernel, bytes. */
  readonly pageSize: number;
  /** --mem-min and --mem-max. */
  readonly bounds: AddressBounds;
  /** Does the trampoline verify what it starts? Not with -i. */
  readonly verify: boolean;
  /** --entry: physical address to begin at instead of the trampoline; 0 and undefined: the trampoline. */
  readonly entry: number | undefined;
  /** Where the trampoline says that a segment is damaged; undefined: nowhere. */
  readonly console: SerialConsole | undefined;
  /** Of the processor: see hasShaInstructions(). */
  readonly shaInstructions: boolean;
  /** So many random bytes, for seeds. */
  readonly random: (bytes: number) => Uint8Array;
}

export interface KexecPlan extends LoadPlan {
  readonly kind: Purpose['kind'];
  /** Of the image: `6.12.107+deb13-amd64`. */
  readonly release: string | undefined;
  /** Of the image, from the outside in: `gzip`, `Image`. */
  readonly layers: readonly string[];
  /** Physical address where the trampoline enters the kernel. */
  readonly kernelEntry: number;
  /** As the new kernel gets it. */
  readonly commandLine: string;
  readonly initrd: MemoryRange | undefined;
  readonly elfcorehdr: MemoryRange | undefined;
  readonly handedOver: X86HandedOver | Arm64HandedOver;
}

export interface X86HandedOver {
  readonly arch: 'x86_64';
  /** Physical. */
  readonly bootParams: number;
  readonly e820: readonly FirmwareRange[];
  readonly setupData: readonly { readonly type: number; readonly size: number }[];
  /** Bytes of EFI's runtime memory map; undefined when EFI is not handed over. */
  readonly efiMemoryMap: number | undefined;
  readonly acpiRsdp: number | undefined;
}

export interface Arm64HandedOver {
  readonly arch: 'arm64';
  /** Exact bytes. */
  readonly deviceTree: MemoryRange;
  /** linux,usable-memory-range; empty for a reboot. */
  readonly usableMemory: readonly MemoryRange[];
}

/** What holds nothing of the loader's: the trampoline or the kernel itself fills it. */
const unfilled: ReadonlySet<string> = new Set(['backup', 'bss']);

/** The segments that the trampoline verifies: all but what changes after loading, and those that are filled at the start. */
export function checkedSegments(
  segments: readonly Segment[],
  { purpose, verify }: Pick<PlanRequest, 'purpose' | 'verify'>,
): Segment[] {
  if (!verify) return [];
  const isUpdated = purpose.kind === 'crash' && purpose.elfcorehdr.updatedByKernel;
  return segments.filter(({ name }) => !unfilled.has(name) && !(isUpdated && name === 'elfcorehdr'));
}

/** Without words that were for the running kernel only: an ELF core header and ACPI tables somewhere else. */
export const withoutAddresses = (commandLine: string): string =>
  splitWords(commandLine)
    .filter((word) => !/^(elfcorehdr|acpi_rsdp)=/.test(word))
    .join(' ');

/** E_USAGE when it is longer than `max` bytes, the NUL not counted. */
export function checkCommandLine(commandLine: string, max: number): void {
  const bytes = Buffer.byteLength(commandLine);
  if (bytes <= max) return;
  throw new VmcoreError('E_USAGE', `the command line has ${bytes} bytes, this kernel takes ${max}`, {
    hint: 'shorten --append, or leave out --reuse-cmdline',
  });
}
