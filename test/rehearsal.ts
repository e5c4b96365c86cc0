/** What the one rehearsal of a test run left, for the test files. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nativeCodecs } from '../src/codecs/native.ts';
import type { Dump } from '../src/formats/dump.ts';
import { openDump } from '../src/formats/open.ts';
import { openFile } from '../src/sys/file-source.ts';
import type { RehearsalReport } from '../src/tools/rehearse/report.ts';

export const rehearsalFolderVariable = 'VMCORE_TEST_REHEARSAL';

const folder = (): string => {
  const path = process.env[rehearsalFolderVariable];
  if (path === undefined) throw new Error('run through `npm test`, which rehearses a crash first');
  return path;
};

/** The dump that was saved: kdump-compressed, zstd, level 31. */
export const savedDump = (): string => join(folder(), 'vmcore');
/** The same crash, whole: the ELF that /proc/vmcore showed. */
export const rawDump = (): string => join(folder(), 'vmcore.elf');
/** The RAM of the machine when it had saved its dump and gone. */
export const memoryImage = (): string => join(folder(), 'memory.img');
export const savedLog = (): string => readFileSync(join(folder(), 'vmcore-dmesg.txt'), 'latin1');
export const serialLog = (): string => readFileSync(join(folder(), 'serial.log'), 'latin1');
export const report = (): RehearsalReport =>
  JSON.parse(readFileSync(join(folder(), 'report.json'), 'utf8')) as RehearsalReport;

export const open = (path: string): Dump =>
  openDump(openFile(path), { codecs: nativeCodecs(), cutShort: 'refuse' });
