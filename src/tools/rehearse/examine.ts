/** Opens the dump that a rehearsal brought back, with the same code that opens any dump. */
import { nativeCodecs } from '../../codecs/native.ts';
import { openDump } from '../../formats/open.ts';
import { openFile } from '../../sys/file-source.ts';
import { type DumpInfo, summarize } from '../crash/info.ts';

export interface DumpFindings {
  readonly info: DumpInfo;
  /** The last lines of the kernel log, as dmesg shows them. */
  readonly dmesgTail: readonly string[];
}

const tailLines = 12;

/** E_NOT_A_DUMP, E_CORRUPT or E_TRUNCATED when it does not open; `missing` of the info tells the rest. */
export function examineDump(path: string): DumpFindings {
  const source = openFile(path);
  try {
    const { info, log } = summarize(openDump(source, { codecs: nativeCodecs(), cutShort: 'refuse' }));
    return {
      info,
      dmesgTail: log
        .slice(-tailLines)
        .map(({ time, text }) => `[${time.toFixed(6).padStart(12)}] ${text.split('\n')[0] ?? ''}`),
    };
  } finally {
    source.close();
  }
}
