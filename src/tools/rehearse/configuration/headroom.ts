/** Was the memory of the capture kernel enough, and what should crashkernel= say? The same rule as `kdumpctl estimate`. */
import { formatSize } from '../../../base/units.ts';
import { estimate } from '../../kdumpctl/service/estimate.ts';
import type { TestRecord } from '../../kdumpctl/service/last-test.ts';

export interface Headroom {
  /** Bytes that crashkernel= reserved. */
  readonly reserved: number;
  /** Of them, what the capture kernel managed; undefined when it did not come up. */
  readonly total: number | undefined;
  /** The least that was available at any time, bytes. */
  readonly least: number | undefined;
  /** "unknown": no dump arrived, and not for want of memory as far as is known. */
  readonly verdict: 'enough' | 'tight' | 'unknown';
  /** The value for crashkernel= when it is tight. */
  readonly crashkernel: string | undefined;
}

const mebibyte = 2 ** 20;
/** A save that failed with less than this was short of memory. */
const hardlyAny = 16 * mebibyte;
/** What to try then, bytes. */
const step = 64 * mebibyte;

export function headroomOf(
  test: Pick<TestRecord, 'arrived' | 'reserved' | 'leastAvailable'>,
  total: number | undefined,
): Headroom {
  const { arrived, reserved, leastAvailable: least } = test;
  const known = { reserved, total, least };
  if (arrived && least !== undefined) {
    const { enough, recommended } = estimate({
      reserved,
      usual: 0,
      kernelSize: 0,
      imageSize: 0,
      test: { ...test, when: '', seconds: undefined, release: '', imageSize: 0 },
    });
    return enough ? { ...known, verdict: 'enough', crashkernel: undefined } : tight(known, recommended);
  }
  const isShort = !arrived && least !== undefined && least < hardlyAny;
  return isShort ? tight(known, reserved + step) : { ...known, verdict: 'unknown', crashkernel: undefined };
}

const tight = (known: Pick<Headroom, 'reserved' | 'total' | 'least'>, bytes: number): Headroom => ({
  ...known,
  verdict: 'tight',
  crashkernel: `${Math.ceil(bytes / mebibyte)}M`,
});

/** One sentence for people. */
export function headroomText({ verdict, least, total, crashkernel }: Headroom): string {
  if (least === undefined) return 'not measured: the capture kernel did not come up';
  const left = `${formatSize(least)} left at the lowest${total === undefined ? '' : ` of ${formatSize(total)}`}`;
  return verdict === 'tight'
    ? `${left}: tight, write crashkernel=${crashkernel}`
    : `${left}${verdict === 'enough' ? ': enough' : ''}`;
}
