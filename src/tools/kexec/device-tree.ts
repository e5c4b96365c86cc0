/**
 * The device tree that an arm64 kernel is started with, made from the one that the running kernel was started with.
 *
 * For kexec_file_load(2) the kernel does this itself, in of_kexec_alloc_and_setup_fdt() (drivers/of/kexec.c); for kexec_load(2) it is ours to do,
 * and what the kernel does is done here, step for step (Linux 6.16 to 7.3). How a starting kernel reads it: drivers/of/fdt.c. The names in
 * /chosen: devicetree.org's dt-schema, chosen.yaml. All addresses are physical.
 *
 * The tree grows with its properties, not with the addresses in them: make it last, when everything else has its place.
 */
import { alignUp } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { hex } from '../../base/units.ts';
import type { DeviceNode, DeviceTree, MemoryReservation } from '../../formats/fdt.ts';
import {
  type Cells,
  cellsOf,
  cellsValue,
  findNode,
  numberOf,
  rangesOf,
  stringValue,
  u64Value,
  withNode,
  withoutProperties,
  withProperty,
} from '../../formats/fdt-properties.ts';
import { writeDeviceTree } from '../../formats/fdt-writer.ts';
import type { MemoryRange } from './memory-ranges.ts';

/** What the started kernel is told. */
export interface NextKernel {
  /** Undefined: none, and the kernel falls back to what it was built with. */
  readonly commandLine: string | undefined;
  /** Its exact bytes, not the pages it takes. */
  readonly initrd: MemoryRange | undefined;
  /** For a capture kernel (-p) only. */
  readonly crash: CrashMemory | undefined;
  /** Where the running kernel has its own blob, if that is known (initial_boot_params_pa): its reservation is given up. */
  readonly runningBlob?: MemoryRange | undefined;
  /** So many bytes fit for seeds. */
  readonly random: (bytes: number) => Uint8Array;
}

export interface CrashMemory {
  readonly elfcorehdr: MemoryRange;
  /** The "Crash kernel" ranges of /proc/iomem, in any order: one, or one above 4 GiB and one below. */
  readonly usable: readonly MemoryRange[];
}

/** MAX_USABLE_RANGES of drivers/of/fdt.c. Newer kernels take ranges of CMA behind these, which only kexec_file_load knows. */
const maxUsableRanges = 2;
/** arch/arm64/include/uapi/asm/setup.h, the NUL included; strscpy() in early_init_dt_scan_chosen() drops the rest. */
const commandLineBytes = 2048;
/** get_random_u64(), and RNG_SEED_SIZE of drivers/of/kexec.c. */
const kaslrSeedBytes = 8;
const rngSeedBytes = 128;
/** Documentation/arch/arm64/booting.rst. It lies at a multiple of 8; kexec_file_load puts it at one of 2 MiB, so that one block maps it. */
const maxDeviceTreeBytes = 2 * 2 ** 20;
/** Pages of all arm64 kernels: who reserved the old initrd may have rounded its size up to one. */
const pageSizes = [4096, 16384, 65536];

/**
 * What is about one start of one kernel, and false in the next. Handed-over memory (kho), measurements (ima) and keys (dmcrypt) exist only by
 * kexec_file_load: the kernel takes them out likewise before it adds its own. The seeds were used, and wiped, by the running kernel.
 */
const ofOneStart = [
  'bootargs',
  'linux,elfcorehdr',
  'linux,usable-memory-range',
  'linux,initrd-start',
  'linux,initrd-end',
  'linux,kho-fdt',
  'linux,kho-scratch',
  'linux,ima-kexec-buffer',
  'linux,dmcryptkeys',
  'kaslr-seed',
  'rng-seed',
  'linux,booted-from-kexec',
];

/**
 * `running` with /chosen saying what is true for the next kernel, and memory reserved for what it is handed.
 * E_USAGE for a command line that is too long, E_NEEDS for memory that the tree or the kernel has no way to express, E_CORRUPT for a
 * tree with a nonsensical #address-cells or #size-cells.
 */
export function captureDeviceTree(running: DeviceTree, next: NextKernel): DeviceTree {
  const cells = rootCells(running);
  const { crash, commandLine, random } = next;
  // As the kernel, which leaves an empty initrd out; and a reservation of no bytes would end the list.
  const initrd = next.initrd === undefined || isEmpty(next.initrd) ? undefined : next.initrd;

  const kept = withoutReservations(running.reservations, [
    ...(next.runningBlob === undefined ? [] : [asReservation(next.runningBlob)]),
    ...outdatedReservations(running, cells),
  ]);
  // Capture kernels reserve the ELF core header by linux,elfcorehdr as well; older ones do it second, and say "elfcorehdr is overlapped".
  const handed = [initrd, crash?.elfcorehdr].filter((range) => range !== undefined).map(asReservation);

  const properties: [string, Uint8Array][] = [];
  if (crash !== undefined) {
    properties.push(
      ['linux,elfcorehdr', rangesValue('the ELF core header', [crash.elfcorehdr], cells)],
      ['linux,usable-memory-range', rangesValue('the crash kernel', usableRanges(crash), cells)],
    );
  }
  if (initrd !== undefined) {
    properties.push(
      ['linux,initrd-start', u64Value(initrd.start)],
      ['linux,initrd-end', u64Value(initrd.end)],
    );
  }
  if (commandLine !== undefined) properties.push(['bootargs', bootargsValue(commandLine)]);
  properties.push(
    ['kaslr-seed', random(kaslrSeedBytes)],
    ['rng-seed', random(rngSeedBytes)],
    ['linux,booted-from-kexec', new Uint8Array()],
  );
  return withNode({ ...running, reservations: [...kept, ...handed] }, '/chosen', (chosen) =>
    properties.reduce(
      (node, [name, value]) => withProperty(node, name, value),
      withoutProperties(chosen, ofOneStart),
    ),
  );
}

/** The blob to load. E_NEEDS when it is larger than an arm64 kernel takes. */
export function deviceTreeBlob(tree: DeviceTree): Uint8Array {
  const blob = writeDeviceTree(tree);
  if (blob.length > maxDeviceTreeBytes) {
    throw new VmcoreError(
      'E_NEEDS',
      `the device tree has ${blob.length} bytes, an arm64 kernel takes ${maxDeviceTreeBytes}`,
      { hint: 'name a smaller one with --dtb' },
    );
  }
  return blob;
}

/**
 * Linux takes 1 and 1 for a root that does not say (OF_ROOT_NODE_ADDR_CELLS_DEFAULT, include/linux/of.h), not the 2 and 1 of the specification:
 * early_init_dt_scan_root() reads /chosen and the memory nodes by that.
 */
const rootCells = (tree: DeviceTree): Cells => cellsOf(tree.root, { address: 1, size: 1 });

const isEmpty = ({ start, end }: MemoryRange): boolean => end <= start;
const asReservation = ({ start, end }: MemoryRange): MemoryReservation => ({
  address: start,
  size: end - start,
});

/** What was reserved for the running kernel's initrd, measurements, and, when it is a capture kernel itself, ELF core header and keys. */
function outdatedReservations(running: DeviceTree, cells: Cells): MemoryReservation[] {
  const chosen = findNode(running, '/chosen');
  if (chosen === undefined) return [];
  const handed = ['linux,elfcorehdr', 'linux,ima-kexec-buffer', 'linux,dmcryptkeys'].flatMap(
    (name) => rangesOf(chosen, name, cells) ?? [],
  );
  return [...handed, ...oldInitrd(chosen)];
}

/** kexec reserves exactly its bytes, firmware may reserve whole pages. */
function oldInitrd(chosen: DeviceNode): MemoryReservation[] {
  const start = numberOf(chosen, 'linux,initrd-start');
  const end = numberOf(chosen, 'linux,initrd-end');
  if (start === undefined || end === undefined) return [];
  return [1, ...pageSizes].map((page) => ({ address: start, size: alignUp(end - start, page) }));
}

/** Only exact matches go, as in fdt_find_and_del_mem_rsv(): anything else may be the firmware's. */
const withoutReservations = (
  reservations: readonly MemoryReservation[],
  outdated: readonly MemoryReservation[],
): MemoryReservation[] =>
  reservations.filter(
    ({ address, size }) => !outdated.some((old) => old.address === address && old.size === size),
  );

/**
 * The low range last: the first caps the memory, the second is added to it (early_init_dt_check_for_usable_mem_range()), and older kernels,
 * which know of one range only, take the first.
 */
function usableRanges({ usable }: CrashMemory): MemoryRange[] {
  if (usable.length === 0 || usable.length > maxUsableRanges) {
    throw new VmcoreError(
      'E_NEEDS',
      `${usable.length} ranges are reserved for the crash kernel; an arm64 kernel can be told one or two`,
      { hint: 'boot with crashkernel=256M on the kernel command line' },
    );
  }
  return usable.toSorted((a, b) => b.start - a.start);
}

function rangesValue(what: string, ranges: readonly MemoryRange[], cells: Cells): Uint8Array {
  const parts = ranges.flatMap(({ start, end }) => {
    const [address, size] = [cellsValue(start, cells.address), cellsValue(end - start, cells.size)];
    if (address !== undefined && size !== undefined) return [address, size];
    throw new VmcoreError(
      'E_NEEDS',
      `${what} at ${hex(start)}-${hex(end - 1)} does not fit the device tree's numbers (#address-cells ${cells.address}, #size-cells ${cells.size})`,
      { hint: 'reserve the crash kernel at lower addresses: crashkernel= with @OFFSET' },
    );
  });
  const value = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    value.set(part, at);
    at += part.length;
  }
  return value;
}

function bootargsValue(commandLine: string): Uint8Array {
  const value = stringValue(commandLine);
  if (value.length > commandLineBytes) {
    throw new VmcoreError(
      'E_USAGE',
      `the command line has ${value.length - 1} bytes, an arm64 kernel reads ${commandLineBytes - 1}`,
      { hint: 'shorten --append' },
    );
  }
  return value;
}
