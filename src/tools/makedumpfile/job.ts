/** What makedumpfile is asked to do, and what it tells afterwards. */
import type { ByteSink } from '../../base/byte-sink.ts';
import type { Progress } from '../../base/progress.ts';
import type { CodecName } from '../../codecs/page-codec.ts';
import type { Dump } from '../../formats/dump.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { ExcludedCounts, SelectionPass } from './filter.ts';
import type { FilterPlan } from './filters/plan.ts';

/** What the pages become; without a codec they are stored as they are. */
export type OutputFormat =
  | { readonly kind: 'kdump'; readonly codec: CodecName | undefined }
  | { readonly kind: 'elf' };

/** How much of the machine may be used. */
export interface Resources {
  /** Threads that compress, besides the calling one. */
  readonly workers: number;
  /** Bytes of bitmaps held at a time. */
  readonly bitmapBytes: number;
}

export interface MakedumpfileJob {
  readonly dump: Dump;
  readonly level: number;
  readonly format: OutputFormat;
  /** One, or for a split dump (kdump format only) several. */
  readonly outputs: readonly ByteSink[];
  /** --splitblock-size, bytes of memory: parts of a split dump are multiples of it. */
  readonly splitBlock?: number | undefined;
  readonly resources: Resources;
  readonly progress: Progress;
  /** "used": without those parts of the vmemmap that describe no page of the dump. All of it when not given. */
  readonly vmemmap?: 'all' | 'used';
  /** What the user's filters want, beyond the level. */
  readonly filters?: FilterPlan | undefined;
  /** Ends the work between two batches; what was written stays, marked incomplete. */
  readonly abort?: AbortSignal;
}

/** What is known of the crashed kernel. */
export interface KnownKernel {
  /** Undefined when the level needs no kernel and there is none to be read. */
  readonly kernel: Kernel | undefined;
  readonly newPass: () => SelectionPass;
}

export interface MakedumpfileResult {
  readonly pageSize: number;
  /** Page frames of RAM. */
  readonly ram: number;
  /** Pages in the output, zero pages included where the format shares them. */
  readonly written: number;
  /** Pages of zeros: one shared page in kdump output, left out of ELF output; 0 when the level keeps them apart. */
  readonly zero: number;
  readonly excluded: ExcludedCounts;
  /** Pages that the user's filters left out. */
  readonly dropped: number;
  /** Pages of the vmemmap left out; in no other count. */
  readonly unusedVmemmap: number;
  /** Pages that could not be read. */
  readonly lost: number;
  /** Pages kept because their struct page was not in the dump. */
  readonly unjudged: number;
}
