/** The size of a block device, found without an ioctl. */
import { readSync } from 'node:fs';

/**
 * Block devices have a stat size of 0. A read at or past the end returns 0 bytes, so the last readable byte is found
 * by doubling and then halving; about 100 reads of one byte.
 */
export function deviceSize(fd: number): number {
  const probe = new Uint8Array(1);
  const readable = (offset: number): boolean => readSync(fd, probe, 0, 1, offset) === 1;
  if (!readable(0)) return 0;
  let low = 0;
  let high = 1;
  while (readable(high)) {
    low = high;
    high *= 2;
  }
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (readable(middle)) low = middle;
    else high = middle;
  }
  return high;
}
