/** What is told before anything is tried: why the machine went down, and what the capture kernel has to work with. */
import { readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import type { Dump } from '../../../formats/dump.ts';
import { summarize } from '../../crash/info.ts';
import type { Journal } from '../journal.ts';

/** Of the crashed kernel, as far as its memory tells. */
export function tellReason(dump: Dump, journal: Journal): void {
  const { panic, release, crashTime, uptimeSeconds, cpus, pages, pageSize, missing } = summarize(dump).info;
  journal.event('crash-reason', {
    panic,
    release,
    crashTime,
    uptimeSeconds,
    cpus,
    memory: pages.ram * pageSize,
    ...(missing.length === 0 ? {} : { missing }),
  });
}

/** Of the capture kernel. */
export function tellEnvironment(journal: Journal): void {
  journal.event('capture-environment', {
    release: release(),
    cpus: cpus().length,
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
