import assert from 'node:assert/strict';
import { readFileSync, readSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type ErrorCode, VmcoreError } from '../base/errors.ts';
import { asVmcoreError } from './system-error.ts';

function caught(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('did not fail');
}
const systemError = (code: string): Error =>
  Object.assign(new Error(`${code}: words`), { code, errno: -1, syscall: 'write' });

describe('an error of the system', () => {
  it('becomes one of ours: what was tried, why, what to do', () => {
    const error = asVmcoreError(
      caught(() => readFileSync('/nonexistent/file')),
      'cannot open',
      { file: 'vmcore' },
    );
    assert.ok(error instanceof VmcoreError);
    assert.equal(error.toLine(), 'vmcore: cannot open: no such file [E_FILE]');
    assert.equal((error.cause as NodeJS.ErrnoException).code, 'ENOENT');
  });

  it('has the code of its class', () => {
    const classes: [string, ErrorCode][] = [
      ['EACCES', 'E_FILE'],
      ['EROFS', 'E_FILE'],
      ['ELOOP', 'E_FILE'],
      ['EEXIST', 'E_EXISTS'],
      ['ENOSPC', 'E_NO_SPACE'],
      ['EDQUOT', 'E_NO_SPACE'],
      ['EFBIG', 'E_NO_SPACE'],
      ['EIO', 'E_IO'],
      ['EFAULT', 'E_IO'],
      ['EWHATEVER', 'E_IO'],
    ];
    for (const [name, code] of classes) {
      const error = asVmcoreError(systemError(name), 'cannot write');
      assert.ok(error instanceof VmcoreError);
      assert.equal(error.code, code, name);
    }
  });

  it('keeps the hint of the caller, who knows better', () => {
    const error = asVmcoreError(systemError('EACCES'), 'cannot open', { hint: 'run as root' });
    assert.equal((error as VmcoreError).hint, 'run as root');
  });
});

describe('what is no error of the system', () => {
  it('passes as it is: errors of ours, and bugs', () => {
    const ours = new VmcoreError('E_CORRUPT', 'x');
    const bug = new TypeError('undefined is not a function');
    assert.equal(asVmcoreError(ours, 'cannot'), ours);
    assert.equal(asVmcoreError(bug, 'cannot'), bug);
  });

  it('is a wrong argument to a function of node, too, though it has a code', () => {
    const bug = caught(() => readSync(0, new Uint8Array(1), 0, 5, 0));
    assert.equal((bug as NodeJS.ErrnoException).code, 'ERR_OUT_OF_RANGE');
    assert.equal(asVmcoreError(bug, 'cannot read'), bug);
  });

  it('is made an error when it is none', () => {
    assert.equal(asVmcoreError('text', 'cannot').message, 'text');
  });
});
