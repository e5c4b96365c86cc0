/** Numbers on the command line. */
import { InvalidArgumentError, Option } from 'commander';
import { VmcoreError } from '../base/errors.ts';

/** A small number: decimal, or hexadecimal with 0x. For options. */
export function parseCount(text: string): number {
  const count = smallNumber(text);
  if (count === undefined) throw new InvalidArgumentError('It is not a number.');
  return count;
}

/** The same for arguments. E_USAGE. */
export function requireCount(text: string): number {
  const count = smallNumber(text);
  if (count === undefined) throw new VmcoreError('E_USAGE', `${text} is not a number`);
  return count;
}

/** Of every command that can be asked for a per-CPU variable. */
export const cpuOption = (): Option =>
  new Option('--cpu <number>', "that CPU's copy of a per-CPU variable").argParser(parseCount);

const smallNumber = (text: string): number | undefined =>
  /^(\d{1,9}|0x[0-9a-f]{1,7})$/i.test(text) ? Number(text) : undefined;
