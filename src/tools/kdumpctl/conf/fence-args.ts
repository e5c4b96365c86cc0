/**
 * fence_kdump_args: the options of fence_kdump_send, whose work is done by save/fence.ts.
 *
 * Source of truth: fence_kdump_send(8) and options.h of agents/kdump in fence-agents 4.12.
 */
import { VmcoreError } from '../../../base/errors.ts';
import { getopt } from '../../../base/getopt.ts';

export interface FenceOptions {
  /** UDP. */
  readonly port: number;
  /** Of the addresses that names are looked up for; 0: either. */
  readonly family: 0 | 4 | 6;
  /** Messages to each node; 0: until the save ends. */
  readonly count: number;
  /** Seconds. */
  readonly interval: number;
}

const optionNames = {
  p: 'value',
  ipport: 'value',
  f: 'value',
  family: 'value',
  c: 'value',
  count: 'value',
  i: 'value',
  interval: 'value',
  v: 'flag',
  verbose: 'flag',
} as const;
const shortNames = { ipport: 'p', family: 'f', count: 'c', interval: 'i' } as const;
type Option = keyof typeof shortNames;

const families: ReadonlyMap<string, FenceOptions['family']> = new Map([
  ['auto', 0],
  ['ipv4', 4],
  ['ipv6', 6],
]);

/** E_USAGE, naming it, for what fence_kdump_send does not have. */
export function parseFenceArgs(args: readonly string[]): FenceOptions {
  const { options, operands } = getopt(args, optionNames);
  if (operands[0] !== undefined) throw wrong(`"${operands[0]}" is no option of fence_kdump_send`);
  const given = (option: Option): string | undefined =>
    options.findLast(({ name }) => name === option || name === shortNames[option])?.value;
  const number = (option: Option, otherwise: number, [least, most]: readonly [number, number]): number => {
    const text = given(option);
    if (text === undefined) return otherwise;
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw wrong(`--${option}: "${text}" is not a number from ${least} to ${most}`);
  };
  const family = families.get(given('family') ?? 'auto');
  if (family === undefined) throw wrong(`--family: "${given('family')}" is not auto, ipv4 or ipv6`);
  return {
    port: number('ipport', 7410, [1, 65_535]),
    family,
    count: number('count', 0, [0, 1e9]),
    interval: number('interval', 10, [1, 86_400]),
  };
}

const wrong = (what: string): VmcoreError =>
  new VmcoreError('E_USAGE', what, {
    hint: 'write for example "fence_kdump_args -p 7410 -f auto -c 0 -i 5"',
  });
