/**
 * A kernel image, read: what has to be laid out in memory, and the rules that the image states about it.
 *
 * All sizes are bytes, all addresses physical. The bytes are views of the file, or of what it unpacks to: they are not changed.
 */
import type { KexecArch } from '../segment.ts';

/** What a unified kernel image brings along beside the kernel (the sections of systemd-stub(7)). */
export interface BundledParts {
  /** .initrd, with .ucode before it where there is one: the kernel reads them as one. */
  readonly initrd?: Uint8Array;
  /** .cmdline, without its line end. */
  readonly commandLine?: string;
  /** .uname: the release, such as 6.12.107+deb13-amd64. */
  readonly release?: string;
  /** PRETTY_NAME of .osrel. */
  readonly system?: string;
  /** Every section, in order, for people: `.linux 11.6 MiB`. */
  readonly sections: readonly { readonly name: string; readonly size: number }[];
}

interface CommonImage {
  /** What the file is, from the outside in: `gzip`, `EFI zboot (zstd22)`, `unified kernel image`, then `bzImage`, `Image`, `vmlinux`. */
  readonly layers: readonly string[];
  /** Found in the image: 6.12.107+deb13-amd64. */
  readonly release: string | undefined;
  /**
   * What kexec_file_load(2) takes: the file itself, or, where the file wraps it, the bytes inside. Undefined for a vmlinux, which no
   * loader of the kernel knows.
   */
  readonly fileForm: Uint8Array | undefined;
  readonly bundled: BundledParts | undefined;
  /** What is copied to the load address. */
  readonly data: Uint8Array;
  /** Bytes from the load address on that the kernel uses before it knows its memory map; not below `data.length`. */
  readonly memorySize: number;
}

/** A bzImage with a 64-bit entry, or a vmlinux. `data` of a bzImage is its protected-mode part. */
export interface X86KernelImage extends CommonImage {
  readonly arch: 'x86_64';
  readonly format: 'bzImage' | 'vmlinux';
  /** The 64-bit entry: offset from the load address. */
  readonly entryOffset: number;
  /** Of the load address; a power of two. */
  readonly alignment: number;
  /** Where it wants to be, and the lowest address where it does not move itself away from. */
  readonly preferredAddress: number;
  /** False: it runs at `preferredAddress` and nowhere else. */
  readonly relocatable: boolean;
  /** May the kernel, the command line, boot_params and the initrd be above 4 GiB? */
  readonly above4G: boolean;
  /** Can it take over EFI runtime services that another kernel has mapped? */
  readonly takesEfi: boolean;
  /** Can it be entered with 5-level paging on? */
  readonly takesFiveLevels: boolean;
  /** Bytes of command line, without the NUL. */
  readonly commandLineMax: number;
  /** Highest address of the initrd's last byte, for a kernel without `above4G`. */
  readonly initrdAddressMax: number;
  /** The setup header, which goes to offset 0x1f1 of boot_params. */
  readonly setupHeader: Uint8Array;
}

/** An Image, or the same made from a vmlinux. It is entered at its first byte. */
export interface Arm64KernelImage extends CommonImage {
  readonly arch: 'arm64';
  readonly format: 'Image' | 'vmlinux';
  /** From a 2 MiB boundary to the load address. */
  readonly textOffset: number;
  /** Bytes; undefined where the image does not say. */
  readonly pageSize: number | undefined;
  /** True: at any 2 MiB boundary of the first 256 TiB. False: as low in memory as possible. */
  readonly anywhere: boolean;
}

export type KernelImage = X86KernelImage | Arm64KernelImage;

/** What a reader of one format gives; the wrappings are added by read-image.ts. */
export type BareImage =
  | Omit<X86KernelImage, 'layers' | 'bundled'>
  | Omit<Arm64KernelImage, 'layers' | 'bundled'>;

export const archNames: Readonly<Record<KexecArch, string>> = { x86_64: 'x86_64', arm64: 'arm64' };

/** Larger than any kernel: what an image may unpack to, and claim as its memory. */
export const maxKernelBytes = 2 ** 30;

/** `6.12.107+deb13-amd64` out of the banner `Linux version 6.12.107+deb13-amd64 (…`, which every kernel holds. */
export function releaseIn(data: Uint8Array): string | undefined {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const banner = 'Linux version ';
  for (let at = bytes.indexOf(banner); at >= 0; at = bytes.indexOf(banner, at + 1)) {
    const text = bytes.toString('latin1', at + banner.length, at + banner.length + 80);
    const release = /^(\d+\.\d+[^\s%]*) \(/.exec(text)?.[1];
    if (release !== undefined) return release;
  }
  return undefined;
}
