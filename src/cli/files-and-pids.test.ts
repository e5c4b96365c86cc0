import assert from 'node:assert/strict';
import { it } from 'node:test';
import { failsWith } from '../../test/support/expect-error.ts';
import { filesAndPids, requirePids } from './files-and-pids.ts';

it('numbers at the end are pids', () => {
  assert.deepEqual(filesAndPids(['vmcore']), { files: ['vmcore'], pids: [] });
  assert.deepEqual(filesAndPids(['vmcore.1', 'vmcore.2', '1', '4711']), {
    files: ['vmcore.1', 'vmcore.2'],
    pids: [1, 4711],
  });
});

it('a dump may be called as a number, with its folder, or when others follow', () => {
  assert.deepEqual(filesAndPids(['./17', '1']), { files: ['./17'], pids: [1] });
  assert.deepEqual(filesAndPids(['17', 'vmcore.2', '1']), { files: ['17', 'vmcore.2'], pids: [1] });
});

it('pids without a dump are refused', () => {
  assert.throws(() => filesAndPids(['17', '1']), failsWith('E_USAGE', /only pids/));
});

it('a command that needs a pid says so', () => {
  assert.throws(() => requirePids('vm', []), failsWith('E_USAGE', /^vm needs a pid behind the dump$/));
  assert.doesNotThrow(() => requirePids('vm', [1]));
});
