/** What goes into the capture image is read there as what was meant. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type CaptureConf, captureConfText } from './capture-conf.ts';
import { type KdumpConf, parseKdumpConf } from './kdump-conf.ts';

/** The parts of it that an image is told of; undefined without a target. */
function captureConf(conf: KdumpConf): CaptureConf | undefined {
  const { target } = conf;
  if (target.kind === 'path') return undefined;
  const { path, collector, hooks, failureAction, finalAction } = conf;
  const fence = conf.fence.nodes.length === 0 ? { nodes: [], args: [] } : conf.fence;
  return { target, path, collector, hooks, failureAction, finalAction, fence };
}

describe('the kdump.conf of a capture image', () => {
  it('is plain', () => {
    const { conf } = parseKdumpConf(
      `dracut_args --mount "LABEL=a /mnt ext4 defaults"
path "//dumps"   # here
core_collector makedumpfile -zd 11,31 -L 1G --num-threads=2
final_action "poweroff"
extra_bins /bin/true
fence_kdump_args -p 7410
`,
      'kdump.conf',
    );
    const text = captureConfText(captureConf(conf)!);
    assert.equal(
      text,
      `ext4 LABEL=a
path /dumps
core_collector makedumpfile -z -d 11,31 -L 1073741824 --num-threads 2
failure_action reboot
final_action poweroff
`,
    );
  });

  const target = fc.constantFrom(
    'ext4 UUID=1-2',
    'xfs LABEL=my disk',
    'raw /dev/vda',
    'ssh a@2001:db8::1\nsshkey /key',
    'nfs [2001:db8::1]:/x',
    'virtiofs tag',
    'btrfs "PARTLABEL=x"',
  );
  const options = fc.subarray([
    '-E',
    '-F',
    '-c',
    '-d 31',
    '-d 1,2',
    '-e --work-dir /x',
    '--non-mmap',
    '-L 3M',
    '--num-threads 0',
    '--cyclic-buffer 7',
    '--splitblock-size 4',
  ]);
  const collector = fc.oneof(
    options.map((words) => `makedumpfile ${words.join(' ')}`),
    fc.constantFrom('cp', 'cat', 'scp'),
  );
  const others = fc.subarray([
    'kdump_pre /a/b',
    'kdump_post "/a"',
    'kdump_emergency /c',
    'failure_action shell',
    'final_action halt',
    'fence_kdump_nodes a b',
    'fence_kdump_args -p 1',
  ]);
  const path = fc.oneof(
    fc.constantFrom('/x', '"/x y"', '/x # y'),
    fc.string().filter((text) => !/[\r\n]/.test(text)),
  );

  it('is read as what it was written from', () => {
    fc.assert(
      fc.property(target, collector, path, others, (where, how, folder, more) => {
        const text = [where, `core_collector ${how}`, `path ${folder}`, ...more].join('\n');
        const wanted = captureConf(parseKdumpConf(text, 'x').conf);
        assert.ok(wanted !== undefined);
        const read = parseKdumpConf(captureConfText(wanted), 'x');
        assert.deepEqual(
          read.problems.filter(({ severity }) => severity === 'error'),
          [],
        );
        assert.deepEqual(captureConf(read.conf), wanted);
      }),
    );
  });
});
