/**
 * How much a value of crashkernel= reserves on a machine of a given size.
 *
 * Source of truth: parse_crashkernel_mem() and parse_crashkernel_simple() in kernel/crash_core.c (Linux 6.1): `SIZE[@OFFSET]`, or
 * `FROM-[TO]:SIZE,…` by the memory of the machine, TO excluded. Firmware keeps some of the
 * memory to itself: its size is rounded up to whole 128 MiB first.
 */
import { parseSize } from '../../../base/units.ts';

const roundTo = 128 * 2 ** 20;

/** Bytes; 0 when no range holds the machine, or the value is none of these forms. `memory`: bytes. */
export function crashkernelFor(value: string, memory: number): number {
  const simple = /^(\d+[KMGT]?)(?:@.*|,high|,low)?$/i.exec(value)?.[1];
  if (simple !== undefined) return parseSize(simple) ?? 0;
  const rounded = Math.ceil(memory / roundTo) * roundTo;
  for (const range of value.replace(/@.*$/, '').split(',')) {
    const [, from = '', to = '', size = ''] = /^(\d+[KMGT]?)-(\d+[KMGT]?)?:(\d+[KMGT]?)$/i.exec(range) ?? [];
    const start = parseSize(from);
    const end = to === '' ? Infinity : parseSize(to);
    if (start === undefined || end === undefined) return 0;
    if (rounded >= start && rounded < end) return parseSize(size) ?? 0;
  }
  return 0;
}
