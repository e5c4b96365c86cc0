/** Texts in the crashed kernel's memory that end in a NUL. */
import { cString } from '../base/bytes.ts';
import { asVaddr } from '../base/units.ts';
import type { Kernel } from './kernel.ts';

/** Longer than any text that views show; a text that was smashed ends somewhere. */
export const maxText = 4096;

/**
 * What a char * points to, one character a byte; empty for a null pointer. Read page by page: what follows the text may not be there. E_UNREADABLE when
 * a page of the text is not in the dump.
 */
export function readText(kernel: Kernel, address: bigint): string {
  if (address === 0n) return '';
  const { pageSize } = kernel.dump.memory;
  let text = '';
  while (text.length < maxText) {
    const at = asVaddr(address + BigInt(text.length));
    const bytes = kernel.read(at, pageSize - Number(at % BigInt(pageSize)));
    text += cString(bytes);
    if (bytes.includes(0)) break;
  }
  return text.slice(0, maxText);
}
