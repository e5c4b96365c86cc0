/**
 * Kernel images of a few kilobytes, byte by byte from the documents: Documentation/arch/x86/boot.rst, Documentation/arch/arm64/booting.rst,
 * drivers/firmware/efi/libstub/zboot-header.S and Microsoft's PE format. The offsets are written out here on purpose: what reads them is
 * tested against these.
 */

export interface BzImageSpec {
  readonly setupSectors?: number;
  readonly version?: number;
  readonly loadFlags?: number;
  readonly relocatable?: boolean;
  readonly alignment?: number;
  readonly xloadFlags?: number;
  readonly commandLineSize?: number;
  readonly initrdAddressMax?: number;
  readonly preferredAddress?: number;
  readonly initSize?: number;
  readonly release?: string;
  /** The protected-mode part; its length is made a multiple of 16. */
  readonly kernel?: Uint8Array;
  /** Behind the kernel: a signature. */
  readonly tail?: Uint8Array;
}

/** As Debian 12 to 14 build them: 2.15, relocatable, 2 MiB, 64-bit entry, above 4 GiB, EFI kexec, five levels. */
export function bzImageBytes(spec: BzImageSpec = {}): Uint8Array {
  const kernel = spec.kernel ?? new Uint8Array(4096).fill(0x90);
  const paragraphs = Math.ceil(kernel.length / 16);
  const sectors = spec.setupSectors ?? 3;
  const setupEnd = ((sectors || 4) + 1) * 512;
  const tail = spec.tail ?? new Uint8Array();
  const bytes = new Uint8Array(setupEnd + paragraphs * 16 + tail.length);
  const view = new DataView(bytes.buffer);
  bytes[0x1f1] = sectors;
  view.setUint32(0x1f4, paragraphs, true);
  view.setUint16(0x1fe, 0xaa55, true);
  bytes.set([0xeb, 0x6a], 0x200);
  bytes.set(ascii('HdrS'), 0x202);
  view.setUint16(0x206, spec.version ?? 0x20f, true);
  view.setUint16(0x20e, 0x300, true);
  bytes.set(ascii(`${spec.release ?? '6.1.0-50-amd64'} (builder@host) #1 SMP\0`), 0x500);
  bytes[0x211] = spec.loadFlags ?? 1;
  view.setUint32(0x22c, spec.initrdAddressMax ?? 0x7fffffff, true);
  view.setUint32(0x230, spec.alignment ?? 0x200000, true);
  bytes[0x234] = (spec.relocatable ?? true) ? 1 : 0;
  view.setUint16(0x236, spec.xloadFlags ?? 0x7f, true);
  view.setUint32(0x238, spec.commandLineSize ?? 2047, true);
  view.setBigUint64(0x258, BigInt(spec.preferredAddress ?? 0x1000000), true);
  view.setUint32(0x260, spec.initSize ?? 0x3f97000, true);
  bytes.set(kernel, setupEnd);
  bytes.set(tail, setupEnd + paragraphs * 16);
  return bytes;
}

export interface Arm64ImageSpec {
  readonly textOffset?: number;
  readonly imageSize?: number;
  readonly flags?: number;
  /** Behind the 64 bytes of the header. */
  readonly kernel?: Uint8Array;
}

/** As Debian builds them: 4 KiB pages, to be loaded anywhere. */
export function arm64ImageBytes(spec: Arm64ImageSpec = {}): Uint8Array {
  const kernel = spec.kernel ?? new Uint8Array(4096 - 64).fill(0x1f);
  const bytes = new Uint8Array(64 + kernel.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(8, BigInt(spec.textOffset ?? 0), true);
  view.setBigUint64(16, BigInt(spec.imageSize ?? 0x24f0000), true);
  view.setBigUint64(24, BigInt(spec.flags ?? 0xa), true);
  bytes.set(ascii('ARMd'), 56);
  bytes.set(kernel, 64);
  return bytes;
}

export interface PeSpec {
  /** 0x8664 when not given. */
  readonly machine?: number;
  readonly sections: readonly { readonly name: string; readonly data: Uint8Array }[];
}

/** Sections padded to 512 bytes in the file, as ukify and objcopy leave them. */
export function peBytes({ machine = 0x8664, sections }: PeSpec): Uint8Array {
  const headers = 0x40 + 24 + 240 + sections.length * 40;
  const padded = (size: number): number => Math.ceil(size / 512) * 512;
  const first = padded(headers);
  const bytes = new Uint8Array(first + sections.reduce((sum, { data }) => sum + padded(data.length), 0));
  const view = new DataView(bytes.buffer);
  bytes.set(ascii('MZ'));
  view.setUint32(0x3c, 0x40, true);
  bytes.set(ascii('PE\0\0'), 0x40);
  view.setUint16(0x44, machine, true);
  view.setUint16(0x46, sections.length, true);
  view.setUint16(0x54, 240, true);
  let at = first;
  sections.forEach(({ name, data }, i) => {
    const header = 0x40 + 24 + 240 + i * 40;
    bytes.set(ascii(name), header);
    view.setUint32(header + 8, data.length, true);
    view.setUint32(header + 16, padded(data.length), true);
    view.setUint32(header + 20, at, true);
    bytes.set(data, at);
    at += padded(data.length);
  });
  return bytes;
}

export interface ZbootSpec {
  readonly packing: string;
  readonly payload: Uint8Array;
  readonly machine?: number;
}

/** The zboot header is where an MZ header has fields that nobody uses; the PE header follows. */
export function zbootBytes({ packing, payload, machine = 0xaa64 }: ZbootSpec): Uint8Array {
  const bytes = new Uint8Array(0x200 + payload.length + 4);
  const view = new DataView(bytes.buffer);
  bytes.set(ascii('MZ\0\0zimg'));
  view.setUint32(8, 0x200, true);
  view.setUint32(12, payload.length, true);
  bytes.set(ascii(packing), 24);
  view.setUint32(0x38, 0x818223cd, true);
  view.setUint32(0x3c, 0x40, true);
  bytes.set(ascii('PE\0\0'), 0x40);
  view.setUint16(0x44, machine, true);
  bytes.set(payload, 0x200);
  return bytes;
}

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
