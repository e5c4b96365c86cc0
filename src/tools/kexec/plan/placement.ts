/**
 * Where each piece of the new kernel goes: one after the other into free memory, and, when they do not fit, how much would be needed.
 *
 * Addresses are physical, sizes bytes. Pieces are rounded up to whole pages: the kernel takes no others (sanity_check_segment_list() in
 * kernel/kexec_core.c, Linux 6.1).
 */
import { alignUp } from '../../../base/bytes.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { formatSize, hex } from '../../../base/units.ts';
import { findPlace, type MemoryRange, type Placement, withoutRanges } from '../memory-ranges.ts';

/** Bounds, physical: nothing below `min`, nothing from `max` on. */
export interface AddressBounds {
  readonly min?: number;
  readonly max?: number;
}

/** A thing to place. The order is the order of placing; a later one may depend on where an earlier one went. */
export interface Piece extends Omit<Placement, 'min' | 'max'> {
  /** As in its segment: `kernel`, `initrd`, … */
  readonly name: string;
  readonly bounds?: (placed: (name: string) => MemoryRange) => AddressBounds;
}

/** Memory to place them in. */
export interface Room {
  readonly free: readonly MemoryRange[];
  /** Of the running kernel. */
  readonly pageSize: number;
  /** --mem-min and --mem-max. */
  readonly bounds: AddressBounds;
  /** `crash`: `free` is what crashkernel= reserved. */
  readonly kind: 'crash' | 'reboot';
  /** Bytes that the new kernel unpacks into memory of its own when it has started. */
  readonly unpackedLater: number;
}

/** Address and whole pages of each piece. E_NEEDS, with the bytes it takes, when they do not fit; E_USAGE when bounds are why. */
export function placeAll(pieces: readonly Piece[], room: Room): ReadonlyMap<string, MemoryRange> {
  const placed = tryToPlace(pieces, room.free, room);
  if (placed instanceof Map) return placed;
  throw doesNotFit(placed, pieces, room);
}

/** All places, or the piece that found none. */
function tryToPlace(
  pieces: readonly Piece[],
  free: readonly MemoryRange[],
  { pageSize, bounds }: Pick<Room, 'pageSize' | 'bounds'>,
): Map<string, MemoryRange> | Piece {
  const placed = new Map<string, MemoryRange>();
  for (const piece of pieces) {
    const own = piece.bounds?.((name) => rangeOf(placed, name)) ?? {};
    const size = alignUp(piece.size, pageSize);
    const start = findPlace(withoutRanges(free, [...placed.values()]), {
      size,
      align: Math.max(piece.align, pageSize),
      min: Math.max(own.min ?? 0, bounds.min ?? 0),
      max: Math.min(own.max ?? Number.MAX_SAFE_INTEGER, bounds.max ?? Number.MAX_SAFE_INTEGER),
      from: piece.from,
    });
    if (start === undefined) return piece;
    placed.set(piece.name, { start, end: start + size });
  }
  return placed;
}

/** The place of a piece that was placed before. */
export function rangeOf(placed: ReadonlyMap<string, MemoryRange>, name: string): MemoryRange {
  const range = placed.get(name);
  if (range === undefined) throw new Error(`${name} has no place yet`);
  return range;
}

function doesNotFit(piece: Piece, pieces: readonly Piece[], room: Room): VmcoreError {
  const free = room.free.reduce((sum, { start, end }) => sum + end - start, 0);
  const needed = neededBytes(pieces, room);
  const isBounded = room.bounds.min !== undefined || room.bounds.max !== undefined;
  if (isBounded && tryToPlace(pieces, room.free, { pageSize: room.pageSize, bounds: {} }) instanceof Map) {
    return new VmcoreError(
      'E_USAGE',
      `nothing of ${formatSize(piece.size)} is free between --mem-min and --mem-max for the ${piece.name}`,
      { hint: 'widen them, or leave them out' },
    );
  }
  if (room.kind === 'crash') {
    if (needed <= free) {
      return new VmcoreError('E_NEEDS', `no place for the ${piece.name} in ${placesText(room.free)}`, {
        hint: 'reserve lower memory: crashkernel= without ,high',
      });
    }
    return new VmcoreError(
      'E_NEEDS',
      `does not fit: ${pieces.map(({ name }) => name).join(', ')} need ${formatSize(needed)} (${needed} bytes), reserved are ${formatSize(free)}`,
      { hint: `boot with crashkernel=${crashkernelFor(needed, room.unpackedLater)}` },
    );
  }
  return new VmcoreError(
    'E_NEEDS',
    `no free memory for the ${piece.name}: ${formatSize(piece.size)} in one piece`,
    { hint: `load a smaller kernel or initramfs (${formatSize(needed)} are needed in all)` },
  );
}

/** Of an empty reservation that begins where this one does, from its beginning to the end of the last piece. */
function neededBytes(pieces: readonly Piece[], { free, pageSize }: Room): number {
  const start = Math.min(...free.map((range) => range.start), 2 ** 32);
  const endless = [{ start, end: Number.MAX_SAFE_INTEGER }];
  const packed = pieces.map(({ name, size, align }): Piece => ({ name, size, align, from: 'bottom' }));
  const placed = tryToPlace(packed, endless, { pageSize, bounds: {} });
  if (!(placed instanceof Map)) return Number.MAX_SAFE_INTEGER;
  return Math.max(...Array.from(placed.values(), ({ end }) => end)) - start;
}

const mebibyte = 2 ** 20;
/** Smaller reservations are not worth a try: the default of kdump-utils on every architecture. */
const leastReservation = 256 * mebibyte;

/**
 * What to write behind `crashkernel=` for pieces of so many bytes. To run, the kernel needs more than to be loaded: kdump-utils estimates
 * the kernel, three times the packed initramfs and 16 MiB; here it is 64 MiB, because more than a shell runs. Rounded up to 64 MiB.
 */
export function crashkernelFor(needed: number, unpackedLater: number): string {
  const bytes = needed + unpackedLater + 64 * mebibyte;
  return `${Math.max(leastReservation, alignUp(bytes, 64 * mebibyte)) / mebibyte}M`;
}

const placesText = (ranges: readonly MemoryRange[]): string =>
  ranges.map(({ start, end }) => `${hex(start)}-${hex(end - 1)}`).join(', ') || 'nothing';
