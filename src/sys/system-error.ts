/** Turns what node:fs throws into the project's error, with a sentence instead of a constant. */
import { type ErrorCode, type ErrorContext, VmcoreError } from '../base/errors.ts';

const knownErrors: Readonly<Record<string, { code: ErrorCode; what: string; hint?: string }>> = {
  ENOENT: { code: 'E_FILE', what: 'no such file' },
  ENOTDIR: { code: 'E_FILE', what: 'a part of the path is not a directory' },
  EISDIR: { code: 'E_FILE', what: 'is a directory' },
  ELOOP: { code: 'E_FILE', what: 'is a symbolic link', hint: 'name the file itself' },
  EACCES: { code: 'E_FILE', what: 'permission denied', hint: 'run as root or change its mode' },
  EPERM: { code: 'E_FILE', what: 'operation not permitted', hint: 'run as root' },
  EROFS: { code: 'E_FILE', what: 'the file system is read-only' },
  EEXIST: { code: 'E_EXISTS', what: 'already exists', hint: 'remove it or name another output' },
  ENOSPC: {
    code: 'E_NO_SPACE',
    what: 'no space left on the device',
    hint: 'free some space or write elsewhere',
  },
  EDQUOT: { code: 'E_NO_SPACE', what: 'disk quota exceeded', hint: 'free some space or write elsewhere' },
  EFBIG: { code: 'E_NO_SPACE', what: 'the file would become larger than the file system allows' },
  EIO: { code: 'E_IO', what: 'input/output error', hint: 'look at the kernel log for the device' },
};

/** Wrong arguments to node's functions have a code too, but no system call: they are bugs. */
const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';

/** `doing` is what was tried ("cannot open"); errors of ours pass unchanged, and so do bugs. */
export function asVmcoreError(error: unknown, doing: string, context: ErrorContext = {}): Error {
  if (error instanceof VmcoreError || !isSystemError(error)) {
    return error instanceof Error ? error : new Error(String(error));
  }
  const known = knownErrors[error.code ?? ''];
  return new VmcoreError(known?.code ?? 'E_IO', `${doing}: ${known?.what ?? error.message}`, {
    ...context,
    hint: context.hint ?? known?.hint,
    cause: error,
  });
}
