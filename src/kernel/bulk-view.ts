/**
 * Long stretches of kernel memory, in order, for who only looks at them: in place where the dump allows that, else copied.
 *
 * Owns `room`: it is cut into the part that is copied to and the part that the dump is shown in.
 */
import type { Window } from '../base/byte-source.ts';
import { asPaddr, type Vaddr } from '../base/units.ts';
import type { Kernel } from './kernel.ts';
import type { Mapping } from './paging.ts';

export class BulkView {
  private readonly kernel: Kernel;
  private readonly copy: Uint8Array<ArrayBuffer>;
  private readonly window: Window | undefined;
  /** The last translation: whole arrays lie in a few of them. */
  private known: { readonly start: Vaddr; readonly mapping: Mapping } | undefined;

  /** At most `maxLength` bytes can be asked for; what `room` has beyond is for the dump to be shown in. */
  constructor(kernel: Kernel, room: Uint8Array<ArrayBuffer>, maxLength: number) {
    this.kernel = kernel;
    this.copy = room.subarray(0, maxLength);
    this.window = kernel.dump.memory.openWindow?.(room.subarray(maxLength));
  }

  /** `length` bytes from a virtual address on, until the next call. E_UNREADABLE when any of them is not there. */
  look(vaddr: Vaddr, length: number): Uint8Array<ArrayBuffer> {
    if (this.window !== undefined) {
      const { paddr, length: unbroken } = this.translate(vaddr);
      const shown = unbroken < length ? undefined : this.window.show(paddr, length);
      if (shown !== undefined) return shown;
    }
    const copy = this.copy.subarray(0, length);
    this.kernel.readBulk(vaddr, copy);
    return copy;
  }

  /** What was shown does not count as memory of ours until the next look. */
  clear(): void {
    this.window?.clear();
  }

  private translate(vaddr: Vaddr): Mapping {
    if (this.known !== undefined) {
      const { start, mapping } = this.known;
      const into = Number(vaddr - start);
      if (into >= 0 && into < mapping.length) {
        return { ...mapping, paddr: asPaddr(mapping.paddr + into), length: mapping.length - into };
      }
    }
    const mapping = this.kernel.translate(vaddr);
    this.known = { start: vaddr, mapping };
    return mapping;
  }
}
