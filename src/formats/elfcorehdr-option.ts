/**
 * How a kernel learns that it is the capture kernel: `elfcorehdr=` on its command line, or /chosen/linux,elfcorehdr in its device tree.
 *
 * Source of truth: kernel/crash_dump.c (setup_elfcorehdr), include/linux/crash_dump.h (is_kdump_kernel, is_vmcore_usable), memparse() in
 * lib/cmdline.c, next_arg() and parse_args() in lib/cmdline.c and kernel/params.c, early_init_dt_check_for_elfcorehdr() in
 * drivers/of/fdt.c; the same in Linux 4.18 to 7.2. Addresses are the kernel's unsigned 64-bit numbers, so bigints: two of them are
 * no addresses at all.
 */

/** ELFCORE_ADDR_MAX: nobody told an address. */
export const untoldAddress = 0xffff_ffff_ffff_ffffn;
/** ELFCORE_ADDR_ERR: the header was read already, or is not to be read. */
export const unusableAddress = 0xffff_ffff_ffff_fffen;

export interface ElfCoreHdr {
  /** Physical; or one of the two above. */
  readonly address: bigint;
  /** Bytes; undefined where it is not told: then the header's own count says how long it is. */
  readonly size: bigint | undefined;
}

export const untold: ElfCoreHdr = { address: untoldAddress, size: undefined };

/** Was this kernel booted to save a dump? It is asked by drivers that behave otherwise then. */
export const isKdumpKernel = ({ address }: ElfCoreHdr): boolean => address !== untoldAddress;

/** Will there be a /proc/vmcore, if there is a sound header at the address? */
export const isVmcoreUsable = ({ address }: ElfCoreHdr): boolean =>
  address !== untoldAddress && address !== unusableAddress;

/**
 * The value of `elfcorehdr=`: `[size[KMG]@]offset[KMG]`. Undefined when the kernel calls it invalid; it then takes 0 for the address
 * none the less, and so does `elfCoreHdrFrom`.
 */
export function parseElfCoreHdrOption(value: string): ElfCoreHdr | undefined {
  const first = memparse(value);
  if (!value.startsWith('@', first.length)) {
    return first.length === 0 ? undefined : { address: first.value, size: undefined };
  }
  const second = memparse(value.slice(first.length + 1));
  return { address: second.value, size: first.value };
}

/** What a kernel with this command line takes. Of several options the last one counts. */
export function elfCoreHdrFrom(commandLine: string): ElfCoreHdr {
  let found = untold;
  for (const [, whole] of commandLine.matchAll(/((?:[^\s"]|"[^"]*"?)+)/g)) {
    const word = whole!.replaceAll('"', '');
    // What follows belongs to init.
    if (word === '--') break;
    const match = /^elfcorehdr=(.*)$/s.exec(word);
    if (match) found = parseElfCoreHdrOption(match[1]!) ?? { address: 0n, size: undefined };
  }
  return found;
}

/** The property /chosen/linux,elfcorehdr: address and size, big-endian, in 32-bit cells. Undefined when it is too short. */
export function elfCoreHdrFromProperty(
  property: Uint8Array,
  addressCells: number,
  sizeCells: number,
): ElfCoreHdr | undefined {
  if (property.length < (addressCells + sizeCells) * 4) return undefined;
  const number = (cell: number, count: number): bigint =>
    property.subarray(cell * 4, (cell + count) * 4).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return { address: number(0, addressCells), size: number(addressCells, sizeCells) };
}

const suffixShifts: Readonly<Record<string, bigint>> = { k: 10n, m: 20n, g: 30n, t: 40n, p: 50n, e: 60n };

/** A number as C writes it (0x, 0, decimal) and one letter behind it, in 64 bits; `length` counts the characters it took. */
function memparse(text: string): { readonly value: bigint; readonly length: number } {
  const digits = /^(?:0x[0-9a-f]+|0[0-7]*|[1-9]\d*)/i.exec(text)?.[0] ?? '';
  const isOctal = /^0[0-7]+$/.test(digits);
  const value = BigInt(isOctal ? `0o${digits.slice(1)}` : digits || '0');
  const shift = suffixShifts[text.charAt(digits.length).toLowerCase()];
  if (shift === undefined) return { value: BigInt.asUintN(64, value), length: digits.length };
  return { value: BigInt.asUintN(64, value << shift), length: digits.length + 1 };
}
