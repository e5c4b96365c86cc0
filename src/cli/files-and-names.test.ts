import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../test/support/expect-error.ts';
import { filesAndNames } from './files-and-names.ts';

describe('dumps and names on a command line', () => {
  const isFile = (name: string): boolean => name.startsWith('part');

  it('are told apart by what is a file', () => {
    const cases: [string[], string[], string[]][] = [
      [['vmcore'], ['vmcore'], []],
      [['vmcore', 'dentry'], ['vmcore'], ['dentry']],
      [['part1', 'part2', 'part3'], ['part1', 'part2', 'part3'], []],
      [
        ['part1', 'part2', 'dentry', 'part'],
        ['part1', 'part2'],
        ['dentry', 'part'],
      ],
    ];
    for (const [args, files, names] of cases) assert.deepEqual(filesAndNames(args, isFile), { files, names });
  });

  it('are not without a dump', () => {
    assert.throws(() => filesAndNames([], isFile), failsWith('E_USAGE', /no dump is named/));
  });
});
