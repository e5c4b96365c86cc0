/**
 * The descriptors of consecutive pages, a batch at a time: in WebAssembly, because an interpreter would take longer for a page's descriptor than
 * it takes to compress a small page, and in the capture kernel there is no time for compiling.
 */
import { pageDescriptorSize } from './kdump-header.ts';
import { descriptorsModule } from './wasm-modules.ts';

/** The same for all pages of a file. */
export interface DescriptorsOf {
  /** Bytes; the size of a page that is stored as it is. */
  readonly pageSize: number;
  /** Of the pages that are neither stored nor of zeros. */
  readonly codecFlag: number;
  readonly littleEndian: boolean;
}

interface Exports {
  readonly describe: (
    sizes: number,
    count: number,
    descriptors: number,
    dataAt: bigint,
    zeroPageAt: bigint,
    pageSize: number,
    codecFlag: number,
    bigEndian: number,
  ) => number;
}

const wasmPage = 65536;
/** No offset below it is used. */
const sizesAt = 64;

export class PageDescriptors {
  private readonly file: DescriptorsOf;
  private readonly memory = new WebAssembly.Memory({ initial: 1 });
  private readonly code: Exports;

  constructor(file: DescriptorsOf) {
    this.file = file;
    const module = new WebAssembly.Module(Uint8Array.fromBase64(descriptorsModule));
    // The exports of assembly/page-descriptors.ts, which the compiler of that file checked.
    const { exports } = new WebAssembly.Instance(module, { env: { memory: this.memory } });
    this.code = exports as unknown as Exports;
  }

  /**
   * Of pages whose bytes begin at `dataAt`, one behind the other. `sizes`: 0 for a page of zeros, whose bytes are those at `zeroPageAt`. The
   * bytes are lent until the next call.
   */
  describe(sizes: Uint32Array, dataAt: number, zeroPageAt: number): { bytes: Uint8Array; zeros: number } {
    const count = sizes.length;
    const descriptorsAt = sizesAt + 8 * Math.ceil(count / 2);
    const end = descriptorsAt + count * pageDescriptorSize;
    const missing = end - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / wasmPage));
    const { buffer } = this.memory;
    new Uint32Array(buffer, sizesAt, count).set(sizes);
    const { pageSize, codecFlag, littleEndian } = this.file;
    const zeros = this.code.describe(
      sizesAt,
      count,
      descriptorsAt,
      BigInt(dataAt),
      BigInt(zeroPageAt),
      pageSize,
      codecFlag,
      littleEndian ? 0 : 1,
    );
    return { bytes: new Uint8Array(buffer, descriptorsAt, count * pageDescriptorSize), zeros };
  }
}
