import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDracutArgs } from './dracut-args.ts';

test('dracut_args: what adds to an image is honoured, the rest named', () => {
  assert.deepEqual(
    readDracutArgs([
      '--add-drivers',
      'ext2 ext3',
      '--force-drivers=nvme',
      '-I',
      '/usr/bin/strace',
      '--mount',
      'UUID=x /mnt xfs',
      '--omit-drivers',
      'cfg80211 snd',
      '-H',
    ]),
    { modules: ['ext2', 'ext3', 'nvme'], programs: ['/usr/bin/strace'], ignored: ['--omit-drivers', '-H'] },
  );
});
