/** Numbers on the command line. */
import { InvalidArgumentError } from 'commander';

/** A small count: decimal, or hexadecimal with 0x. */
export function parseCount(text: string): number {
  if (!/^(\d{1,9}|0x[0-9a-f]{1,7})$/i.test(text)) throw new InvalidArgumentError('not a number.');
  return Number(text);
}
