/**
 * Where the kernel image of a vmcoreinfo text is in a dump: how far KASLR moved it, and its physical addresses.
 *
 * Sources: arch/x86/include/asm/page_64_types.h, arch/x86/kernel/setup.c (phys_base, kaslr_offset), arch/arm64/include/asm/memory.h (kimage_voffset),
 * Linux 6.1 to 7.2. The image is contiguous in both physical and virtual memory, so that one known place gives all others.
 */
import { cString, viewOf } from '../../../base/bytes.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { asPaddr, asVaddr } from '../../../base/units.ts';
import type { Dump } from '../../../formats/dump.ts';
import { presentRuns } from '../../../kernel/present-runs.ts';
import type { Vmcoreinfo } from '../../../kernel/vmcoreinfo.ts';

/** __START_KERNEL_map of x86_64. */
const startKernelMap = 0xffff_ffff_8000_0000n;
/** Nothing of an image is farther than this from its text (KERNEL_IMAGE_SIZE of x86_64; arm64's images are far smaller). */
const imageReach = 2n ** 30n;
/** new_utsname: sysname, nodename, release; 65 bytes each. */
const releaseInUtsname = 130;

/** Addresses are those of the text that was given. */
export class KernelImage {
  /** Virtual: what to add to a given address. */
  readonly shift: bigint;
  private readonly dump: Dump;
  private readonly text: bigint;
  /** Physical address minus given address. */
  private readonly toPhysical: bigint;

  constructor(dump: Dump, text: bigint, shift: bigint, toPhysical: bigint) {
    this.dump = dump;
    this.text = text;
    this.shift = shift;
    this.toPhysical = toPhysical;
  }

  /** Is a given address one of the image, and not of memory that some run allocated? */
  contains(address: bigint): boolean {
    const distance = address - this.text;
    return distance > -imageReach && distance < imageReach;
  }

  /** Bytes at a given address; undefined when the dump does not have them. */
  read(address: bigint, length: number): Uint8Array | undefined {
    const paddr = Number(address + this.toPhysical);
    if (!(paddr >= 0) || !this.contains(address)) return undefined;
    const bytes = new Uint8Array(length);
    return this.dump.memory.read(asPaddr(paddr), bytes) === length ? bytes : undefined;
  }

  readU64(address: bigint): bigint | undefined {
    const bytes = this.read(address, 8);
    return bytes === undefined ? undefined : viewOf(bytes).getBigUint64(0, this.dump.littleEndian);
  }
}

/** By the dump's own vmcoreinfo; undefined when that says too little. */
export function imageByOwnInfo(dump: Dump, own: Vmcoreinfo, given: Vmcoreinfo): KernelImage | undefined {
  const [from, to] = [given.symbol('_stext'), own.symbol('_stext')];
  const voffset = dump.arch === 'x86_64' ? undefined : own.number('kimage_voffset');
  const physBase = dump.arch === 'x86_64' ? own.number('phys_base') : undefined;
  if (from === undefined || to === undefined) return undefined;
  const physical =
    physBase !== undefined
      ? to - startKernelMap + physBase
      : voffset === undefined
        ? undefined
        : asVaddr(to - voffset);
  return physical === undefined ? undefined : new KernelImage(dump, from, to - from, physical - from);
}

/**
 * By the version banner, at every place where an image of this kernel can have it. E_NO_INFO when it is nowhere, or when the text does not
 * say where in the image it is.
 */
export function searchImage(dump: Dump, given: Vmcoreinfo, release: string, from: string): KernelImage {
  const banner = given.symbol('linux_banner');
  const text = given.symbol('_stext');
  if (banner === undefined || text === undefined) {
    throw new VmcoreError(
      'E_NO_INFO',
      'does not tell where the version banner is, and the dump has no vmcoreinfo',
      {
        file: from,
        hint: 'make it with: vmcore makedumpfile -g VMCOREINFO -x VMLINUX, or give that vmlinux with -x',
      },
    );
  }
  const wanted = `Linux version ${release} (`;
  const bytes = new Uint8Array(wanted.length);
  // KASLR moves images by multiples of 2 MiB on x86_64 (CONFIG_PHYSICAL_ALIGN), of at least 64 KiB on arm64 (EFI_KIMG_ALIGN).
  const step = dump.arch === 'x86_64' ? 2 ** 21 : 2 ** 16;
  const inStep = Number(banner % BigInt(step));
  for (const run of presentRuns(dump, 0, dump.memory.endPfn * dump.memory.pageSize)) {
    const first = Math.ceil((run.start - inStep) / step) * step + inStep;
    for (let paddr = Math.max(inStep, first); paddr < run.end; paddr += step) {
      if (dump.memory.read(asPaddr(paddr), bytes) < bytes.length || cString(bytes) !== wanted) continue;
      const image = imageWithBannerAt(dump, given, banner, text, BigInt(paddr));
      if (image !== undefined && isRunning(image, given, release)) return image;
    }
  }
  throw new VmcoreError('E_NO_INFO', `kernel ${release} is not in the dump`, {
    file: from,
    hint: 'give the vmlinux of the kernel that crashed (its release is in the name of its package)',
  });
}

/** The variable that tells how far virtual and physical addresses are apart is itself in the image. */
function imageWithBannerAt(
  dump: Dump,
  given: Vmcoreinfo,
  banner: bigint,
  text: bigint,
  paddr: bigint,
): KernelImage | undefined {
  const toPhysical = paddr - banner;
  const still = new KernelImage(dump, text, 0n, toPhysical);
  const name = dump.arch === 'x86_64' ? 'phys_base' : 'kimage_voffset';
  const address = given.symbol(name);
  const distance = address === undefined ? undefined : still.readU64(address);
  if (distance === undefined) return undefined;
  const virtual =
    dump.arch === 'x86_64' ? paddr - BigInt.asIntN(64, distance) + startKernelMap : asVaddr(paddr + distance);
  const shift = virtual - banner;
  // x86_64 moves within its image window; a page of a vmlinux file that lies in memory would give anything.
  const isSane =
    shift % 4096n === 0n && (dump.arch !== 'x86_64' || (shift > -imageReach && shift < imageReach));
  return isSane ? new KernelImage(dump, text, shift, toPhysical) : undefined;
}

/** Its utsname is where it must be. */
function isRunning(image: KernelImage, given: Vmcoreinfo, release: string): boolean {
  const names = given.symbol('init_uts_ns');
  const offset = given.offset('uts_namespace.name');
  if (names === undefined || offset === undefined) return false;
  const bytes = image.read(names + BigInt(offset + releaseInUtsname), 65);
  return bytes !== undefined && cString(bytes) === release;
}
