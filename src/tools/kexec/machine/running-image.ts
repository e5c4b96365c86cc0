/**
 * Where the running kernel put itself and its RAM: out of the program headers of /proc/kcore, and /proc/kallsyms.
 *
 * Every PT_LOAD of kcore that has a physical address is a range of RAM in the linear map, whose virtual address is everywhere the same
 * distance away, or the kernel's own image, which is mapped a second time elsewhere. So kcore alone tells both, with every kind of address
 * randomisation, and kallsyms only has to confirm the image. Its addresses are zeros where kernel.kptr_restrict hides them.
 *
 * Source of truth: fs/proc/kcore.c (kclist_add, KCORE_TEXT, KCORE_RAM) and kernel/kallsyms.c (s_show), Linux 4.18 to 7.2.
 */
import { VmcoreError } from '../../../base/errors.ts';
import type { ProgramHeader } from '../../../formats/elf.ts';

/** The kernel's code and data, `_text` to `_end`. */
export interface KernelText {
  readonly vaddr: bigint;
  /** Physical. */
  readonly paddr: number;
  /** Bytes. */
  readonly size: number;
}

export interface RunningImage {
  readonly kernelText: KernelText;
  /** Virtual minus physical address of RAM in the linear map. */
  readonly linearOffset: bigint;
}

/** Values of /proc/kallsyms: `hidden` when all of them are shown as zero. */
export type SymbolLookup =
  | { readonly kind: 'found'; readonly address: bigint }
  | { readonly kind: 'hidden' | 'missing' };

/** `name` in the text of /proc/kallsyms. Its first lines can honestly be zero: per-CPU variables have addresses from zero on. */
export function findSymbol(kallsyms: string, name: string): SymbolLookup {
  const match = new RegExp(`^([0-9a-f]+) . ${name}$`, 'm').exec(kallsyms);
  if (match === null) return { kind: 'missing' };
  const address = BigInt(`0x${match[1]!}`);
  return address === 0n ? { kind: 'hidden' } : { kind: 'found', address };
}

/**
 * Both facts from kcore's PT_LOADs that have a physical address. `text` is an address inside the kernel's image, where it is known.
 * E_NO_INFO when they do not tell.
 */
export function runningImage(
  loads: readonly ProgramHeader[],
  text: SymbolLookup,
  file = '/proc/kcore',
): RunningImage {
  const kernel = text.kind === 'found' ? holding(loads, text.address) : imageAmong(loads);
  const ram = loads.find((load) => load !== kernel && load.memorySize > 0);
  if (kernel === undefined || ram === undefined) {
    throw new VmcoreError('E_NO_INFO', 'does not tell where the kernel and its memory are mapped', {
      file,
      hint:
        text.kind === 'hidden' ? 'set kernel.kptr_restrict to 1 and try again' : 'use kexec_file_load: -s',
    });
  }
  return {
    kernelText: { vaddr: kernel.vaddr, paddr: kernel.paddr, size: kernel.memorySize },
    linearOffset: distance(ram),
  };
}

const distance = ({ vaddr, paddr }: ProgramHeader): bigint => vaddr - BigInt(paddr);

const holding = (loads: readonly ProgramHeader[], address: bigint): ProgramHeader | undefined =>
  loads.find(({ vaddr, memorySize }) => vaddr <= address && address < vaddr + BigInt(memorySize));

/** The one that lies inside another one's RAM, at a distance of its own. */
const imageAmong = (loads: readonly ProgramHeader[]): ProgramHeader | undefined =>
  loads.find((load) =>
    loads.some(
      (ram) =>
        distance(ram) !== distance(load) &&
        ram.memorySize > load.memorySize &&
        ram.paddr <= load.paddr &&
        load.paddr + load.memorySize <= ram.paddr + ram.memorySize,
    ),
  );
