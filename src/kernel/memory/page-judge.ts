/**
 * Finds the page frames of certain kinds from their struct pages: the inner loop of makedumpfile, a few nanoseconds a page. Runs in browsers.
 *
 * The loop is AssemblyScript, assembly/judge-pages.ts; its compiled form is in wasm-modules.ts. In JavaScript it took twice as long, and four
 * times until the compiler had settled, by when a dump of some GiB was through. It sees nothing but its own memory:
 *
 *   64 unused bytes | the layout | how many runs, and the runs | room for struct pages
 */

import { judgeModule } from '../wasm-modules.ts';
import type { EmitRun, PageKind, PageLayout } from './page-kind.ts';

const wasmPage = 65536;
const layoutAt = 64;
const runsAt = 512;
/** Page frames judged in one call, at most: as many runs can come of it. */
const callPages = 4096;
const roomAt = wasmPage;
/** Words beyond the struct pages that may be read, and then are not believed. */
const slackBytes = 64;

/** What no 32-bit number is, for types that the kernel does not have, or cannot have. */
const noType = 2 ** 40;
const typeWord = (type: number | undefined): number =>
  type === undefined || type !== (type | 0) ? noType : type;

/** By which assembly/judge-pages.ts knows where the order of a compound page is. */
const orderPlaces = { bytes: 1, 'flags-1': 2, 'page-type': 3 } as const;

/** The layout as assembly/judge-pages.ts reads it: offsets in bytes. */
function layoutWords(layout: PageLayout): BigInt64Array {
  const { compound } = layout;
  const bytes = compound.kind === 'bytes' ? compound : undefined;
  const words: readonly number[] = [
    layout.words * 4,
    layout.flags * 4,
    layout.mapping * 4,
    layout.mapcount * 4,
    layout.private * 4,
    layout.compoundHead * 4,
    layout.lru,
    layout.privateFlag,
    layout.swapcache | layout.swapbacked,
    layout.slabFlag,
    layout.hwpoison,
    layout.head | 0,
    typeWord(layout.buddy),
    typeWord(layout.slabType),
    typeWord(layout.offline),
    typeWord(layout.unaccepted),
    layout.maxBuddyOrder,
    orderPlaces[compound.kind],
    typeWord(compound.hugetlb),
    bytes?.order ?? 0,
    bytes?.dtor ?? 0,
  ];
  return BigInt64Array.from(words, BigInt);
}

interface Exports {
  readonly judge: (
    layout: number,
    kinds: number,
    structs: number,
    count: number,
    firstPfn: number,
    start: number,
    end: number,
    runs: number,
  ) => number;
}

export class PageJudge {
  /** Where struct pages are put to be judged; its contents are the caller's. */
  readonly room: Uint8Array<ArrayBuffer>;
  private readonly structSize: number;
  private readonly kinds: number;
  private readonly code: Exports;
  private readonly runs: Uint32Array;

  /**
   * `kinds`: bits 1 << kind of the kinds to find. Poisoned pages are found as `hwpoison` when their own kind is not asked for. `roomBytes`:
   * what the room takes at least.
   */
  constructor(layout: PageLayout, kinds: number, roomBytes: number) {
    this.structSize = layout.words * 4;
    this.kinds = kinds;
    const memory = new WebAssembly.Memory({
      initial: Math.ceil((roomAt + roomBytes + slackBytes) / wasmPage),
    });
    // An unshared memory's buffer.
    const buffer = memory.buffer as ArrayBuffer;
    this.room = new Uint8Array(buffer, roomAt, buffer.byteLength - roomAt - slackBytes);
    this.runs = new Uint32Array(buffer, runsAt, 1 + 3 * callPages);
    new BigInt64Array(buffer, layoutAt).set(layoutWords(layout));
    const module = new WebAssembly.Module(Uint8Array.fromBase64(judgeModule));
    // The exports of assembly/judge-pages.ts, which the compiler of that file checked.
    this.code = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports;
  }

  /**
   * Judges the page frames [start, end). `structs`, a part of the room, holds struct pages one after the other, from that of `first` on, and
   * for an even page frame also that of the next. Emits ascending runs; a run may reach beyond `end`, as far as the block it belongs to. Returns
   * where to go on: `end`, or the end of that block.
   */
  judge(structs: Uint8Array, first: number, start: number, end: number, emit: EmitRun): number {
    const count = Math.floor(structs.length / this.structSize);
    let next = start;
    while (next < end) {
      next =
        first +
        this.code.judge(
          layoutAt,
          this.kinds,
          structs.byteOffset,
          count,
          first % 2 ** 32,
          next - first,
          Math.min(end, next + callPages) - first,
          runsAt,
        );
      const { runs } = this;
      for (let i = 1; i < 1 + 3 * runs[0]!; i += 3) {
        // The module writes no other kinds.
        emit(first + runs[i]!, first + runs[i + 1]!, runs[i + 2]! as PageKind);
      }
    }
    return next;
  }
}
