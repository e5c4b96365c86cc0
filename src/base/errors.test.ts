import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type ErrorCode, ExitStatus, VmcoreError } from './errors.ts';

const anyText = fc.string({ unit: 'binary' });

describe('an error as one line', () => {
  it('says where, what, at which byte, what to do, and its code', () => {
    const error = new VmcoreError('E_CORRUPT', 'a block size of 3 bytes', {
      file: 'vmcore',
      offset: 428,
      hint: 'copy the dump again',
    });
    assert.equal(
      error.toLine(),
      'vmcore: a block size of 3 bytes (at offset 0x1ac); copy the dump again [E_CORRUPT]',
    );
  });

  it('leaves out what is not known', () => {
    assert.equal(new VmcoreError('E_USAGE', 'no file given').toLine(), 'no file given [E_USAGE]');
  });

  it('stays one line, without control characters, whatever a file put into it', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, (what, file, hint) => {
        const line = new VmcoreError('E_CORRUPT', what, { file, hint }).toLine();
        // C0 and C1 controls, and the two line separators of Unicode: a dump must not drive the terminal.
        assert.doesNotMatch(line, /[\p{Cc}\u2028\u2029]/u);
      }),
    );
    assert.equal(new VmcoreError('E_IO', 'first\n  second').toLine(), 'first second [E_IO]');
  });
});

describe('exit statuses', () => {
  it('follow from the code, as documented', () => {
    const expected: [ErrorCode, number][] = [
      ['E_USAGE', 2],
      ['E_UNSUPPORTED', 2],
      ['E_FILE', 1],
      ['E_EXISTS', 1],
      ['E_IO', 1],
      ['E_NO_SPACE', 4],
      ['E_NOT_A_DUMP', 5],
      ['E_CORRUPT', 5],
      ['E_TRUNCATED', 5],
      ['E_UNREADABLE', 1],
      ['E_NO_INFO', 6],
      ['E_NEEDS', 6],
    ];
    for (const [code, status] of expected) assert.equal(new VmcoreError(code, '').exitStatus, status, code);
    assert.equal(ExitStatus.done, 0);
  });

  it('keep what caused the error', () => {
    const cause = new Error('below');
    assert.equal(new VmcoreError('E_IO', 'above', { cause }).cause, cause);
    assert.ok(!('cause' in new VmcoreError('E_IO', 'above')));
  });
});
