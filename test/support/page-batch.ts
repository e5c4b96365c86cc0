/** Puts a batch together page by page, as the compression pool would deliver it. */
import type { PageCodec } from '../../src/codecs/page-codec.ts';
import type { PageBatch } from '../../src/formats/kdump-writer.ts';

export class BatchBuilder {
  private readonly codec: PageCodec | undefined;
  private readonly sizes: number[] = [];
  private readonly data: number[] = [];
  private readonly missing = new Set<number>();

  constructor(codec: PageCodec | undefined) {
    this.codec = codec;
  }

  page(page: Uint8Array): this {
    const into = new Uint8Array(page.length - 1);
    const size = this.codec?.compress(page, into) ?? 0;
    const stored = size === 0 ? page : into.subarray(0, size);
    this.sizes.push(stored.length);
    this.data.push(...stored);
    return this;
  }

  zero(): this {
    this.sizes.push(0);
    return this;
  }

  lost(): this {
    this.missing.add(this.sizes.length);
    this.sizes.push(0);
    return this;
  }

  batch(): PageBatch {
    return { sizes: Uint32Array.from(this.sizes), data: Uint8Array.from(this.data), lost: this.missing };
  }
}
