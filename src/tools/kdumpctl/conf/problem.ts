/** What is wrong with a configuration file: all of it at once, each as one line that says where, what, and what to write instead. */
import { type ErrorCode, VmcoreError } from '../../../base/errors.ts';

export interface Problem {
  /** A warning does not keep the configuration from being used. */
  readonly severity: 'error' | 'warning';
  readonly code: ErrorCode;
  readonly file: string;
  /** Counted from 1; undefined when it is about the file as a whole. */
  readonly line: number | undefined;
  readonly what: string;
  readonly hint: string;
}

export const isError = ({ severity }: Problem): boolean => severity === 'error';

/** For whoever cannot go on with it. */
export const problemError = ({ code, file, line, what, hint }: Problem): VmcoreError =>
  new VmcoreError(code, what, { file: line === undefined ? file : `${file}:${line}`, hint });

/** `FILE:LINE: WHAT; HINT [CODE]`; a warning says that it is one. */
export const problemLine = (problem: Problem): string =>
  problemError({ ...problem, what: isError(problem) ? problem.what : `warning: ${problem.what}` }).toLine();

/** The problems of one file, in the order of its lines. */
export class Problems {
  readonly file: string;
  private readonly list: Problem[] = [];

  constructor(file: string) {
    this.file = file;
  }

  error(line: number | undefined, what: string, hint: string, code: ErrorCode = 'E_USAGE'): void {
    this.list.push({ severity: 'error', code, file: this.file, line, what, hint });
  }

  warn(line: number | undefined, what: string, hint: string, code: ErrorCode = 'E_USAGE'): void {
    this.list.push({ severity: 'warning', code, file: this.file, line, what, hint });
  }

  get all(): readonly Problem[] {
    return this.list.toSorted((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity));
  }
}
