import assert from 'node:assert/strict';
import { it } from 'node:test';
import { VmcoreError } from '../base/errors.ts';
import { Missing } from './missing.ts';

const lost = (): never => {
  throw new VmcoreError('E_UNREADABLE', 'physical page 0x5000 was filtered out', { file: 'x' });
};

it('what cannot be read is noted once, and everything else goes on', () => {
  const missing = new Missing();
  assert.equal(
    missing.attempt('the log', () => 7),
    7,
  );
  assert.equal(missing.attempt('the tasks', lost), undefined);
  assert.equal(missing.attempt('the tasks', lost), undefined);
  assert.deepEqual(missing.lines, ['the tasks: physical page 0x5000 was filtered out']);
});

it('a list gives what comes before it breaks', () => {
  const missing = new Missing();
  function* broken(): Generator<number> {
    yield 1;
    yield 2;
    lost();
  }
  assert.deepEqual([...missing.drain('the modules', broken())], [1, 2]);
  assert.deepEqual(missing.lines, ['the modules: physical page 0x5000 was filtered out']);
});

it('a list that nobody reads to its end is closed', () => {
  let closed = false;
  function* endless(): Generator<number> {
    try {
      for (let i = 0; ; i++) yield i;
    } finally {
      closed = true;
    }
  }
  for (const item of new Missing().drain('all', endless())) if (item === 3) break;
  assert.ok(closed);
});

it('a bug of ours is no missing page', () => {
  assert.throws(
    () =>
      new Missing().attempt('all', () => {
        throw new TypeError('bug');
      }),
    TypeError,
  );
});
