/** core_collector, as the user meets it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Collector, defaultCollector, parseCollector } from './collector.ts';
import { isWrong, type Target } from './target.ts';

const answer = (value: string, target: Target['kind']): string => {
  const parsed = parseCollector(value, target);
  assert.ok(isWrong(parsed), value);
  return `${parsed.what}; ${parsed.hint}`;
};

describe('core_collector', () => {
  it('is all of what a capture can do of makedumpfile', () => {
    const fields = defaultCollector('filesystem');
    const understood: readonly (readonly [value: string, target: Target['kind'], collector: Collector])[] = [
      ['makedumpfile -z -d 31', 'filesystem', fields],
      ['/usr/sbin/makedumpfile  -zd31 -D --message-level 7', 'nfs', fields],
      [
        'makedumpfile -l -d 11,31',
        'path',
        { ...fields, levels: [11, 31], format: { kind: 'kdump', codec: 'lzo' } },
      ],
      ['makedumpfile', 'virtiofs', { ...fields, levels: [0], format: { kind: 'kdump', codec: undefined } }],
      [
        'makedumpfile -E -d 31 -L 10G',
        'filesystem',
        { ...fields, format: { kind: 'elf' }, sizeLimit: 10 * 2 ** 30 },
      ],
      ['makedumpfile -z -d31 -e --work-dir /tmp', 'filesystem', { ...fields, excludeVmemmap: true }],
      ['makedumpfile -z -d31 --non-mmap', 'filesystem', { ...fields, access: 'read' }],
      [
        'makedumpfile -z -d31 --num-threads 3 --cyclic-buffer 64',
        'filesystem',
        { ...fields, tuning: { threads: 3, bitmapBytes: 65536, splitBlock: undefined } },
      ],
      ['makedumpfile -F -z -d 31', 'ssh', { ...fields, output: 'flattened' }],
      ['makedumpfile -zFd31', 'raw', defaultCollector('raw')],
      ['cp --sparse=always', 'filesystem', { kind: 'copy' }],
      ['cat', 'ssh', { kind: 'copy' }],
      ['scp', 'ssh', { kind: 'copy' }],
    ];
    for (const [value, target, collector] of understood) {
      assert.deepEqual(parseCollector(value, target), collector, value);
    }
  });

  const refused: readonly (readonly [value: string, target: Target['kind'], line: string])[] = [
    [
      'gzip',
      'filesystem',
      'core_collector "gzip" is not makedumpfile, cp, cat or scp; no other program is run; write "core_collector makedumpfile -z -d 31"',
    ],
    [
      'constructor',
      'ssh',
      'core_collector "constructor" is not makedumpfile, cp, cat or scp; no other program is run; write "core_collector makedumpfile -F -z -d 31"',
    ],
    [
      'scp',
      'filesystem',
      'core_collector scp does not write to a file system; write "core_collector cp", or better: "core_collector makedumpfile -z -d 31"',
    ],
    [
      'cat',
      'nfs',
      'core_collector cat does not write to a file system; write "core_collector cp", or better: "core_collector makedumpfile -z -d 31"',
    ],
    [
      'cp',
      'raw',
      'core_collector cp does not write to a raw device; write "core_collector cat", or better: "core_collector makedumpfile -F -z -d 31"',
    ],
    ['cp -r', 'filesystem', 'core_collector cp: "-r" has no effect here; leave it out'],
    [
      'makedumpfile -z -d 31',
      'raw',
      'makedumpfile needs -F for a raw device; write "core_collector makedumpfile -F -z -d 31"',
    ],
    [
      'makedumpfile -z -d 31',
      'ssh',
      'makedumpfile needs -F for an ssh server; write "core_collector makedumpfile -F -z -d 31"',
    ],
    [
      'makedumpfile -F -z',
      'filesystem',
      '-F is for raw and ssh: a file system gets a dump that can be opened; leave out -F',
    ],
    [
      'makedumpfile -d 32',
      'filesystem',
      'core_collector: "32" is not a dump level; give -d numbers from 0 to 31',
    ],
    [
      'makedumpfile -d 32 -F',
      'ssh',
      'core_collector: "32" is not a dump level; give -d numbers from 0 to 31',
    ],
    ['makedumpfile -Q', 'filesystem', 'core_collector: unknown option -Q; see makedumpfile --help'],
    [
      'makedumpfile -c -l',
      'filesystem',
      "core_collector: option '-c' cannot be used with option '-l'; see makedumpfile --help",
    ],
    [
      'makedumpfile -z extra',
      'filesystem',
      'core_collector: "extra" is no option; leave it out: which files are read and written is known',
    ],
    ['makedumpfile -e', 'filesystem', 'core_collector: -e needs --work-dir DIR; see makedumpfile --help'],
    [
      'makedumpfile -x vmlinux',
      'filesystem',
      'core_collector: -x names a file, which the capture image does not have; leave it out: the vmcore describes its kernel',
    ],
    [
      'makedumpfile -i info',
      'filesystem',
      'core_collector: -i names a file, which the capture image does not have; leave it out: the vmcore describes its kernel',
    ],
    [
      'makedumpfile --config x',
      'filesystem',
      'core_collector: --config names a file, which the capture image does not have; erase and filter afterwards: vmcore makedumpfile',
    ],
    [
      'makedumpfile --filter x.ts',
      'filesystem',
      'core_collector: --filter names a file, which the capture image does not have; erase and filter afterwards: vmcore makedumpfile',
    ],
    ['makedumpfile --split', 'filesystem', 'core_collector: --split has one file to write to; leave it out'],
    ['makedumpfile --dry-run', 'filesystem', 'core_collector: --dry-run writes no dump; leave it out'],
    [
      'makedumpfile --check-params',
      'filesystem',
      'core_collector: --check-params writes no dump; leave it out',
    ],
    [
      'makedumpfile --json',
      'filesystem',
      'core_collector: --json has nobody to read it in the capture kernel; leave it out',
    ],
    [
      'makedumpfile --vtop 0xffff',
      'filesystem',
      'core_collector: --vtop has nobody to read it in the capture kernel; leave it out',
    ],
    [
      'makedumpfile --dump-dmesg',
      'filesystem',
      'core_collector: makedumpfile would write no dump; write "core_collector makedumpfile -z -d 31"',
    ],
    [
      'makedumpfile --help',
      'filesystem',
      'core_collector: makedumpfile would write no dump; write "core_collector makedumpfile -z -d 31"',
    ],
    [
      'makedumpfile --eppic x',
      'filesystem',
      'core_collector: --eppic: eppic macros are not supported; write the same as a TypeScript module and give it with --filter',
    ],
  ];
  for (const [value, target, line] of refused) {
    it(`refuses "${value}" for ${target}, and says why`, () => assert.equal(answer(value, target), line));
  }
});
