/** What the service remembers: from what its image was built, and what it loaded into this kernel. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { CaptureKernel, ImageInput } from '../image/plan.ts';
import { readKept, writeKept } from './kept-json.ts';
import type { Places } from './places.ts';

const version = 1;

/** Tells whether a file is still the one that was written. */
export interface FileStamp {
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly mtime: number;
  readonly inode: number;
}

export interface ImageRecord {
  readonly path: string;
  readonly stamp: FileStamp;
  /** ISO 8601, UTC. */
  readonly builtAt: string;
  readonly kernel: CaptureKernel;
  /** Release of that kernel. */
  readonly release: string;
  readonly inputs: readonly ImageInput[];
  /** Modules that drive the watchdogs, for the command line. */
  readonly watchdogs: readonly string[];
}

export interface LoadRecord {
  /** It is gone with the boot that it was loaded in. */
  readonly bootId: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly image: string;
  readonly stamp: FileStamp;
  readonly kernel: string;
  readonly kernelStamp: FileStamp;
  readonly commandLine: string;
  /** KEXEC_ARGS. */
  readonly kexecArgs: readonly string[];
  /** The system call that loaded it. */
  readonly call: string;
}

export interface ServiceState {
  readonly image?: ImageRecord;
  readonly loaded?: LoadRecord;
  /** The newest dump that somebody was told of: its folder. */
  readonly toldOf?: string;
}

interface KeptState extends ServiceState {
  readonly version: typeof version;
}

const fileOf = ({ stateFolder }: Places): string => join(stateFolder, 'state.json');

export function readState(places: Places): ServiceState {
  const kept = readKept<KeptState>(fileOf(places), version);
  if (kept === undefined) return {};
  const { version: _, ...state } = kept;
  return state;
}

/** E_FILE, E_NO_SPACE or E_IO when it cannot be written. */
export const writeState = (places: Places, state: ServiceState): void =>
  writeKept<KeptState>(fileOf(places), { version, ...state });

/** Undefined when there is no such file. */
export function stampOf(path: string): FileStamp | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat && { size: stat.size, mtime: stat.mtimeMs, inode: stat.ino };
}

export const isSameFile = (a: FileStamp | undefined, b: FileStamp | undefined): boolean =>
  a !== undefined && b !== undefined && a.size === b.size && a.mtime === b.mtime && a.inode === b.inode;

/** Another one after every boot (drivers/char/random.c); empty where there is none. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}
