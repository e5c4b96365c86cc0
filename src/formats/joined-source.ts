/** Several files, one after the other, as one: what a dump of several files is called by, and how large it is. */
import type { ByteSource } from '../base/byte-source.ts';

export class JoinedSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  private readonly sources: readonly ByteSource[];

  constructor(sources: readonly ByteSource[]) {
    this.sources = sources;
    this.name = sources.map(({ name }) => name).join(', ');
    this.size = sources.reduce((sum, { size }) => sum + size, 0);
  }

  read(offset: number, into: Uint8Array): number {
    let start = 0;
    let done = 0;
    for (const source of this.sources) {
      const at = offset + done - start;
      if (at < source.size && done < into.length) {
        const part = into.subarray(done, done + Math.min(into.length - done, source.size - at));
        const got = source.read(at, part);
        done += got;
        if (got < part.length) break;
      }
      start += source.size;
    }
    return done;
  }

  close(): void {
    for (const source of this.sources) source.close();
  }
}
