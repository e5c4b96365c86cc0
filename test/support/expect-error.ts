/** Checks of errors: which of ours, and saying what. */
import assert from 'node:assert/strict';
import { type ErrorCode, VmcoreError } from '../../src/base/errors.ts';

/** For the second argument of assert.throws: an error of ours with this code, and a message that matches. */
export const failsWith =
  (code: ErrorCode, what?: RegExp) =>
  (error: unknown): true => {
    // Anything else is a bug: throw it on, so that its own stack is shown.
    if (!(error instanceof VmcoreError)) throw error;
    assert.equal(error.code, code, error.toLine());
    if (what !== undefined) assert.match(error.message, what);
    return true;
  };
