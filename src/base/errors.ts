/**
 * The one error class of the project: what happened, where, and what to do next.
 *
 * The code is stable (scripts match on it), the exit status follows from the code, and the command line
 * prints exactly one line made from it. Anything else that is thrown is a bug of ours and keeps its stack.
 */

import { harmless } from './bytes.ts';

/** Exit statuses of every command, as documented in docs/commands.md. */
export const ExitStatus = {
  done: 0,
  failed: 1,
  usage: 2,
  notArmed: 3,
  incomplete: 4,
  badDump: 5,
  needs: 6,
} as const;
export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];

const exitStatusOf = {
  /** The command line is wrong. */
  E_USAGE: ExitStatus.usage,
  /** What was asked for is known, but this release does not do it. */
  E_UNSUPPORTED: ExitStatus.usage,
  /** A file or device named by the user is not there, or may not be opened. */
  E_FILE: ExitStatus.failed,
  /** The output is already there. */
  E_EXISTS: ExitStatus.failed,
  /** Reading or writing failed underneath us. */
  E_IO: ExitStatus.failed,
  /** The target is full. */
  E_NO_SPACE: ExitStatus.incomplete,
  /** A signal ended the work; what was written is marked incomplete. */
  E_STOPPED: ExitStatus.incomplete,
  /** No format of ours recognises the file. */
  E_NOT_A_DUMP: ExitStatus.badDump,
  /** The file contradicts itself. */
  E_CORRUPT: ExitStatus.badDump,
  /** The file ends before what its own headers promise. */
  E_TRUNCATED: ExitStatus.badDump,
  /** The dump is sound, but the memory asked for is not in it. */
  E_UNREADABLE: ExitStatus.failed,
  /** The dump lacks the knowledge (vmcoreinfo, symbols, types) that the question needs. */
  E_NO_INFO: ExitStatus.needs,
  /** A program, package, kernel feature or permission is missing. */
  E_NEEDS: ExitStatus.needs,
  /** The kernel refused a system call. */
  E_SYSCALL: ExitStatus.failed,
  /** A rehearsal ended without a dump. */
  E_REHEARSAL: ExitStatus.failed,
} as const;
export type ErrorCode = keyof typeof exitStatusOf;

/** Where the error was found and what the user can do about it. */
export interface ErrorContext {
  /** The file or device, as the user named it. */
  readonly file?: string | undefined;
  /** Byte offset in `file`. */
  readonly offset?: number | undefined;
  /** What to do next: an imperative clause. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

export class VmcoreError extends Error {
  override readonly name = 'VmcoreError';
  readonly code: ErrorCode;
  readonly file: string | undefined;
  readonly offset: number | undefined;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, what: string, context: ErrorContext = {}) {
    super(what, context.cause === undefined ? undefined : { cause: context.cause });
    this.code = code;
    this.file = context.file;
    this.offset = context.offset;
    this.hint = context.hint;
  }

  get exitStatus(): ExitStatus {
    return exitStatusOf[this.code];
  }

  /**
   * `FILE: WHAT (at offset 0x…); HINT [CODE]`, always a single line. Parts of it come from dumps and file names: what could
   * drive a terminal is shown as \xNN.
   */
  toLine(): string {
    const where = this.file === undefined ? '' : `${this.file}: `;
    const at = this.offset === undefined ? '' : ` (at offset 0x${this.offset.toString(16)})`;
    const next = this.hint === undefined ? '' : `; ${this.hint}`;
    const line = `${where}${this.message}${at}${next} [${this.code}]`;
    return harmless(line.replace(/\s*[\n\u2028\u2029]\s*/g, ' '));
  }
}

/** Any error in one line, for a log that must go on. */
export const errorLine = (error: unknown): string =>
  error instanceof VmcoreError ? error.toLine() : String(error);
