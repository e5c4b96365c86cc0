/**
 * The small files that are made from a dump before the dump itself: a few seconds of work each, and on the target before anything large is tried.
 * In the order in which they are made.
 */
import type { Dump } from '../../../formats/dump.ts';
import { Kernel } from '../../../kernel/kernel.ts';
import type { PrintkRecord } from '../../../kernel/log/log-record.ts';
import { dmesgText, recordsText } from '../../crash/log.ts';
import { dumpNames } from './names.ts';

export interface SmallFile {
  readonly name: string;
  /** Of its events, EVENT-saved and EVENT-failed. */
  readonly event: string;
  /** `log`: of the crashed kernel, if it could be read before. Throws a VmcoreError when it cannot be made; the dump is tried all the same. */
  make(dump: Dump, log: readonly PrintkRecord[] | undefined): Uint8Array;
}

const style = { caller: false } as const;

export const smallFiles: readonly SmallFile[] = [
  {
    name: dumpNames.log,
    event: 'dmesg',
    make: (dump, log) =>
      Buffer.from(log === undefined ? dmesgText(new Kernel(dump), style) : recordsText(log, style)),
  },
];
