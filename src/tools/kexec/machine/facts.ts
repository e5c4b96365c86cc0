/**
 * What a crash kernel has to be told about the running machine, and what its loader has to know: one snapshot of it.
 *
 * Read as root from /proc and /sys. Linux only, x86_64 and arm64, 4.18 and later. Memory and CPUs that are plugged in later are not
 * in it: load again then, or let the kernel update the header (`hotplugHeaderSize`).
 */
import type { ByteSource } from '../../../base/byte-source.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { nativeCodecs } from '../../../codecs/native.ts';
import type { Dump } from '../../../formats/dump.ts';
import { kcore, withVmcoreinfoAt } from '../../../formats/kcore.ts';
import { pageSizeOf } from '../../../formats/notes.ts';
import { openFileUnmapped } from '../../../sys/file-source.ts';
import { type MemoryRange, withoutRanges } from '../memory-ranges.ts';
import type { KexecArch } from '../segment.ts';
import { type FirmwareRange, readFirmwareMap } from './firmware.ts';
import { crashKernels, type IomemEntry, parseIomem, rangesNamed, systemRam } from './iomem.ts';
import { KernelFiles } from './kernel-files.ts';
import { type NotePlace, parseCpuNotes, parseVmcoreinfoPlace } from './note-places.ts';
import { findSymbol, type KernelText, runningImage, type SymbolLookup } from './running-image.ts';

export interface MachineFacts {
  readonly arch: KexecArch;
  /** `uname -r`. */
  readonly release: string;
  /** Bytes. */
  readonly pageSize: number;
  /** All of /proc/iomem. */
  readonly iomem: readonly IomemEntry[];
  /** All RAM, reservations for crash kernels included; ascending, joined. */
  readonly ram: readonly MemoryRange[];
  /** Every "Crash kernel" range, ascending: the capture kernel is loaded into the last one. Not empty. */
  readonly crashKernels: readonly MemoryRange[];
  /** Of each CPU that is present, in the order of their numbers. */
  readonly cpuNotes: readonly NotePlace[];
  readonly vmcoreinfo: NotePlace;
  /** What VMCOREINFO says now; a panic adds CRASHTIME. */
  readonly vmcoreinfoText: string;
  readonly kernelText: KernelText;
  /** Virtual minus physical address of RAM in the linear map: PAGE_OFFSET on x86_64, PAGE_OFFSET - PHYS_OFFSET on arm64. */
  readonly linearOffset: bigint;
  /** /sys/firmware/memmap: the e820 table on x86_64; empty on arm64. */
  readonly firmwareMap: readonly FirmwareRange[];
  /** /sys/kernel/crash_elfcorehdr_size (6.6): how large a header the kernel may make when CPUs or memory change. */
  readonly hotplugHeaderSize: number | undefined;
  /** Things that were not as usual, for -d: sentences. */
  readonly remarks: readonly string[];
}

/** `_text` follows a few thousand per-CPU variables on x86_64, 60 bytes a line. */
const kallsymsBeginning = 1 << 20;

/**
 * E_NEEDS when no memory is reserved, addresses are hidden from us or a kernel feature is missing; E_NO_INFO when /proc/kcore does not
 * tell the kernel's place; E_FILE when a file cannot be read; E_UNSUPPORTED in Xen's first domain.
 */
export function readMachineFacts(files = new KernelFiles()): MachineFacts {
  if (files.textIfThere('proc/xen/capabilities')?.includes('control_d')) {
    throw new VmcoreError(
      'E_UNSUPPORTED',
      "the machine's memory belongs to Xen, and this kernel sees its own only",
      {
        hint: 'load the crash kernel with kexec-tools, which asks the hypervisor',
      },
    );
  }
  const remarks: string[] = [];
  const iomem = parseIomem(files.text('proc/iomem'), files.path('proc/iomem'));
  const reserved = crashKernels(iomem);
  if (reserved.length === 0) {
    throw new VmcoreError('E_NEEDS', 'no memory is reserved for a crash kernel', {
      file: files.path('proc/iomem'),
      hint: 'boot with crashkernel=256M on the kernel command line',
    });
  }
  const vmcoreinfo = parseVmcoreinfoPlace(
    files.text('sys/kernel/vmcoreinfo'),
    files.path('sys/kernel/vmcoreinfo'),
  );
  const kernel = openKcore(files, vmcoreinfo);
  try {
    const vmcoreinfoText = kernel.vmcoreinfo ?? '';
    const symbol = textSymbol(files);
    if (symbol.kind !== 'found') {
      remarks.push(
        `/proc/kallsyms: _text is ${symbol.kind}; the kernel's place was taken from /proc/kcore alone`,
      );
    }
    return {
      arch: kernel.arch,
      release: files.text('proc/sys/kernel/osrelease').trim(),
      pageSize: pageSizeOf(vmcoreinfoText),
      iomem,
      ram: systemRam(iomem),
      crashKernels: reserved,
      cpuNotes: readCpuNotes(files),
      vmcoreinfo,
      vmcoreinfoText,
      ...runningImage(kernel.segments, symbol, files.path('proc/kcore')),
      firmwareMap: readFirmwareMap(files),
      hotplugHeaderSize: decimal(files.textIfThere('sys/kernel/crash_elfcorehdr_size')),
      remarks,
    };
  } finally {
    kernel.source.close();
  }
}

/** One note area a CPU that is present. E_NEEDS when the kernel has none at all. */
export function readCpuNotes(files: KernelFiles): NotePlace[] {
  const folder = 'sys/devices/system/cpu';
  const places = files
    .names(folder)
    .flatMap((name) => /^cpu(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
    .flatMap((cpu) => {
      const path = `${folder}/cpu${cpu}/crash_notes`;
      // A CPU that is possible but not present has a folder at most.
      const address = files.textIfThere(path);
      return address === undefined
        ? []
        : [parseCpuNotes(address, files.textIfThere(`${path}_size`), files.path(path))];
    });
  if (places.length > 0) return places;
  throw new VmcoreError('E_NEEDS', 'no CPU tells where it would leave its registers', {
    file: files.path(`${folder}/cpu0/crash_notes`),
    hint: 'mount sysfs, and use a kernel with CONFIG_KEXEC and CONFIG_CRASH_DUMP',
  });
}

/**
 * The RAM that a dump shows: all but what is reserved for crash kernels, the aperture of an AMD GART (reading it hangs some machines),
 * and on x86_64 the first MiB, which the kernel does not use when it has crashkernel= (since 5.5, 7c321eb2b843).
 */
export function dumpedRanges({ arch, ram, crashKernels: reserved, iomem }: MachineFacts): MemoryRange[] {
  const holes = [...reserved, ...rangesNamed(iomem, 'GART')];
  return withoutRanges(ram, arch === 'x86_64' ? [...holes, { start: 0, end: 2 ** 20 }] : holes);
}

function openKcore(files: KernelFiles, vmcoreinfo: NotePlace): Dump {
  const path = files.path('proc/kcore');
  const source = openKcoreFile(path);
  try {
    const dump = kcore.open(source, { codecs: nativeCodecs(), cutShort: 'accept' });
    return dump.vmcoreinfo === undefined
      ? withVmcoreinfoAt(dump, { paddr: vmcoreinfo.address, size: vmcoreinfo.size })
      : dump;
  } catch (error) {
    source.close();
    throw error;
  }
}

function openKcoreFile(path: string): ByteSource {
  try {
    return openFileUnmapped(path);
  } catch (cause) {
    throw new VmcoreError('E_NEEDS', 'cannot be read, and only it tells where memory is mapped', {
      file: path,
      hint: 'run as root on a kernel with CONFIG_PROC_KCORE, or let the kernel do this itself: -s',
      cause,
    });
  }
}

function textSymbol(files: KernelFiles): SymbolLookup {
  let text: string;
  try {
    text = files.beginning('proc/kallsyms', kallsymsBeginning);
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    return { kind: 'missing' };
  }
  const lookup = findSymbol(text, '_text');
  return lookup.kind === 'missing' ? findSymbol(text, '_stext') : lookup;
}

function decimal(text: string | undefined): number | undefined {
  const value = Number(text?.trim() || Number.NaN);
  return Number.isSafeInteger(value) && value > 0 ? value : undefined;
}
