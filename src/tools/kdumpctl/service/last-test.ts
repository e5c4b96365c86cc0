/** What the last `kdumpctl test` of this machine's configuration showed, kept for `status` and `estimate`. */
import { join } from 'node:path';
import { readKept, writeKept } from './kept-json.ts';
import type { Places } from './places.ts';

const version = 1;

export interface TestRecord {
  /** ISO 8601, UTC. */
  readonly when: string;
  /** Whether a whole dump arrived. */
  readonly arrived: boolean;
  /** From the panic to the power-off; undefined when it did not come to that. */
  readonly seconds: number | undefined;
  /** Bytes that crashkernel= had reserved in the rehearsed machine. */
  readonly reserved: number;
  /** The least memory that the capture kernel had available, bytes; undefined when it did not tell. */
  readonly leastAvailable: number | undefined;
  /** Release of the capture kernel. */
  readonly release: string;
  /** Bytes of the capture image. */
  readonly imageSize: number;
}

/** Optional numbers are left out of the file. */
interface KeptTest extends Omit<TestRecord, 'seconds' | 'leastAvailable'> {
  readonly version: typeof version;
  readonly seconds?: number;
  readonly leastAvailable?: number;
}

const fileOf = ({ stateFolder }: Places): string => join(stateFolder, 'last-test.json');

export function readLastTest(places: Places): TestRecord | undefined {
  const kept = readKept<KeptTest>(fileOf(places), version);
  if (kept === undefined) return undefined;
  const { version: _, ...record } = kept;
  return { seconds: undefined, leastAvailable: undefined, ...record };
}

/** E_FILE, E_NO_SPACE or E_IO when it cannot be written. */
export function writeLastTest(places: Places, { seconds, leastAvailable, ...record }: TestRecord): void {
  writeKept<KeptTest>(fileOf(places), {
    version,
    ...record,
    ...(seconds === undefined ? {} : { seconds }),
    ...(leastAvailable === undefined ? {} : { leastAvailable }),
  });
}
