/** The `info` view: what a dump is and what happened, in a dozen lines, from the container and vmcoreinfo alone. */
import { VmcoreError } from '../../base/errors.ts';
import { cpuNotes, type Dump } from '../../formats/dump.ts';
import { eraseinfoLines } from '../../formats/notes.ts';
import { Kernel } from '../../kernel/kernel.ts';
import type { PrintkRecord } from '../../kernel/log/log-record.ts';
import { readPrintkRecords } from '../../kernel/log/printk.ts';
import type { Vmcoreinfo } from '../../kernel/vmcoreinfo.ts';
import { type LogRecord, toLogRecord } from './log.ts';
import { panicReason } from './panic-reason.ts';

export interface DumpInfo {
  readonly file: string;
  readonly size: number;
  readonly format: string;
  readonly detail: string;
  readonly arch: string;
  readonly release: string | null;
  readonly pageSize: number;
  readonly dumpLevel: number | null;
  readonly compression: string | null;
  readonly incomplete: boolean;
  readonly pages: {
    readonly ram: number;
    readonly present: number;
    readonly excluded: number;
    /** Of those present, known to be zeros; null when the format does not tell. */
    readonly zero: number | null;
  };
  /** ISO 8601, UTC. */
  readonly crashTime: string | null;
  readonly uptimeSeconds: number | null;
  readonly panic: string | null;
  readonly cpus: number;
  /** What filters erased from it, a line each: "erase NAME size N". */
  readonly eraseinfo: readonly string[];
  /** What could not be found out, and why. */
  readonly missing: readonly string[];
}

/** Info, and the log it was made from: other views show its end. */
export interface DumpSummary {
  readonly info: DumpInfo;
  readonly log: readonly LogRecord[];
  /** The log as it is in memory; undefined when it could not be read. */
  readonly records: readonly PrintkRecord[] | undefined;
}

/** Never fails on a dump that opened: what cannot be read is in `missing`. `opened`: its kernel, where somebody has it already. */
export function summarize(dump: Dump, opened?: Kernel): DumpSummary {
  const missing: string[] = [];
  const kernel = opened ?? attempt(missing, 'the kernel', () => new Kernel(dump));
  const records = kernel && attempt(missing, 'the log', () => readPrintkRecords(kernel));
  const log = records?.map(toLogRecord) ?? [];
  const panic = panicReason(log);
  const description = dump.describe();
  return {
    info: {
      file: dump.source.name,
      size: dump.source.size,
      format: description.format,
      detail: description.detail,
      arch: description.arch,
      release: kernel?.info.text('OSRELEASE') ?? null,
      pageSize: description.pageSize,
      dumpLevel: description.dumpLevel ?? null,
      compression: description.compression ?? null,
      incomplete: description.incomplete,
      pages: pagesOf(dump, description.zeroPages),
      crashTime: kernel === undefined ? null : crashTime(kernel.info),
      uptimeSeconds: panic?.time ?? log.at(-1)?.time ?? null,
      panic: panic?.message ?? null,
      // Old dumps have no notes, but a number in their header.
      cpus: cpuNotes(dump.notes).length || (description.cpus ?? 0),
      eraseinfo: eraseinfoLines(dump.notes),
      missing,
    },
    log,
    records,
  };
}

function attempt<T>(missing: string[], what: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    missing.push(`${what}: ${error.message}`);
    return undefined;
  }
}

function pagesOf(dump: Dump, zero: number | undefined): DumpInfo['pages'] {
  const { ram, present } = dump.memory.countPages();
  return { ram, present, excluded: ram - present, zero: zero ?? null };
}

/** CRASHTIME= is seconds since 1970, decimal. ISO 8601, UTC; null when it is not told. */
export function crashTime(info: Vmcoreinfo): string | null {
  const seconds = info.text('CRASHTIME') ?? '';
  const date = new Date(/^\d+$/.test(seconds) ? Number(seconds) * 1000 : Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date.toISOString().replace('.000Z', 'Z');
}
