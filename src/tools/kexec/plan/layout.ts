/** The steps that both architectures' plans take alike: places for the pieces, segments at these places, the trampoline before them. */
import { alignUp } from '../../../base/bytes.ts';
import type { MovedRange } from '../elfcorehdr.ts';
import type { MemoryRange } from '../memory-ranges.ts';
import type { KexecArch, Segment } from '../segment.ts';
import { trampoline, trampolineSize } from '../trampoline/trampoline.ts';
import { loadRange } from './free-memory.ts';
import { type AddressBounds, type Piece, placeAll, rangeOf } from './placement.ts';
import { checkedSegments, type PlanRequest, type Purpose } from './plan.ts';

/** What is the same everywhere: the ELF core header of a capture kernel, room for low memory, and the initrd. As high as they can be. */
export function commonPieces(
  { purpose, initrd, pageSize }: PlanRequest,
  initrdBounds: (placed: (name: string) => MemoryRange) => AddressBounds,
): Piece[] {
  const pieces: Piece[] = [];
  if (purpose.kind === 'crash') {
    pieces.push({ name: 'elfcorehdr', size: purpose.elfcorehdr.size, align: pageSize, from: 'top' });
    const { lowMemory } = purpose;
    if (lowMemory !== undefined) {
      pieces.push({
        name: 'backup',
        size: lowMemory.range.end - lowMemory.range.start,
        align: pageSize,
        from: 'top',
      });
    }
  }
  if (initrd !== undefined) {
    pieces.push({ name: 'initrd', size: initrd.length, align: pageSize, from: 'top', bounds: initrdBounds });
  }
  return pieces;
}

/** Where everything is. */
export class Layout {
  /** Exact bytes; undefined without one. */
  readonly initrd: MemoryRange | undefined;
  /** Whole pages; undefined for a reboot. */
  readonly elfcorehdr: MemoryRange | undefined;
  /** Low memory and its copy. */
  readonly moved: MovedRange | undefined;
  private readonly request: PlanRequest;
  private readonly arch: KexecArch;
  private readonly places: ReadonlyMap<string, MemoryRange>;

  /** Places `pieces` and a trampoline that verifies them. Errors: see placeAll(). */
  constructor(arch: KexecArch, pieces: readonly Piece[], request: PlanRequest) {
    const { purpose, pageSize, initrd } = request;
    // Its size depends on their names only.
    const blank = pieces.map(({ name }): Segment => ({ name, data: new Uint8Array(), address: 0, size: 0 }));
    const size = trampolineSize({ arch, pageSize, checked: checkedSegments(blank, request) });
    this.arch = arch;
    this.request = request;
    this.places = placeAll([...pieces, { name: 'trampoline', size, align: pageSize, from: 'top' }], {
      free: purpose.kind === 'crash' ? [loadRange(purpose.reserved)] : purpose.free,
      pageSize,
      bounds: request.bounds,
      kind: purpose.kind,
      unpackedLater: 2 * (initrd?.length ?? 0),
    });
    this.initrd = initrd && { start: this.at('initrd').start, end: this.at('initrd').start + initrd.length };
    this.elfcorehdr = purpose.kind === 'crash' ? this.at('elfcorehdr') : undefined;
    const lowMemory = purpose.kind === 'crash' ? purpose.lowMemory : undefined;
    this.moved = lowMemory && { ...lowMemory.range, to: this.at('backup').start };
  }

  /** Whole pages. */
  at(name: string): MemoryRange {
    return rangeOf(this.places, name);
  }

  /** `offset` bytes of its place are left out. */
  segment(name: string, data: Uint8Array, offset = 0): Segment {
    const { start, end } = this.at(name);
    return { name, data, address: start + offset, size: end - start - offset };
  }

  /**
   * The kernel, and behind its bytes what it has to itself: room to unpack itself, and its bss, which it clears before it uses it (clear_bss() in
   * arch/x86/kernel/head64.c; __primary_switched in arch/arm64/kernel/head.S of Linux 6.1, early_map_kernel() in pi/map_kernel.c of 6.12).
   */
  kernelSegments(data: Uint8Array, offset = 0): Segment[] {
    const all = this.segment('kernel', data, offset);
    const size = alignUp(data.length, this.request.pageSize);
    if (size >= all.size) return [all];
    const bss = { name: 'bss', data: new Uint8Array(), address: all.address + size, size: all.size - size };
    return [{ ...all, size }, bss];
  }

  /** Those of commonPieces(). */
  commonSegments(): Segment[] {
    const { purpose, initrd } = this.request;
    return [
      ...(purpose.kind === 'crash' ? [this.segment('elfcorehdr', this.coreHeader(purpose))] : []),
      ...(this.moved === undefined ? [] : [this.segment('backup', new Uint8Array())]),
      ...(initrd === undefined ? [] : [this.segment('initrd', initrd)]),
    ];
  }

  private coreHeader({ elfcorehdr, lowMemory }: Purpose & { kind: 'crash' }): Uint8Array {
    return lowMemory === undefined || this.moved === undefined
      ? elfcorehdr.data
      : lowMemory.coreHeader(this.moved);
  }

  /** `segments` and the trampoline. `kernelEntry` and `argument`: see trampoline(). */
  withTrampoline(
    segments: readonly Segment[],
    kernelEntry: number,
    argument: number,
  ): { entry: number; segments: Segment[] } {
    const { pageSize, console, shaInstructions } = this.request;
    const { entry, segment } = trampoline({
      arch: this.arch,
      pageSize,
      checked: checkedSegments(segments, this.request),
      address: this.at('trampoline').start,
      kernelEntry,
      argument,
      ...(this.moved === undefined ? {} : { moved: this.moved }),
      ...(console === undefined ? {} : { console }),
      shaInstructions,
    });
    return { entry: this.request.entry || entry, segments: [...segments, segment] };
  }
}
