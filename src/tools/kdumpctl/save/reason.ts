/** What is told before anything is tried: why the machine went down, and what the capture kernel has to work with. */
import { readFileSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';
import type { Dump } from '../../../formats/dump.ts';
import type { PrintkRecord } from '../../../kernel/log/log-record.ts';
import { summarize } from '../../crash/info.ts';
import type { Journal } from '../journal.ts';

/** Of the crashed kernel, as far as its memory tells. Returns its log, read for that, if it could be. */
export function tellReason(dump: Dump, journal: Journal): readonly PrintkRecord[] | undefined {
  const { info, records } = summarize(dump);
  const { panic, release, crashTime, uptimeSeconds, cpus, pages, pageSize, missing } = info;
  journal.event('crash-reason', {
    panic,
    release,
    crashTime,
    uptimeSeconds,
    cpus,
    memory: pages.ram * pageSize,
    ...(missing.length === 0 ? {} : { missing }),
  });
  return records;
}

/** Of the capture kernel. */
export function tellEnvironment(journal: Journal): void {
  journal.event('capture-environment', {
    release: release(),
    cpus: availableParallelism(),
    commandLine: commandLine(),
  });
}

function commandLine(): string | null {
  try {
    return readFileSync('/proc/cmdline', 'latin1').trim();
  } catch {
    return null;
  }
}
