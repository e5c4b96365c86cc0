import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { VmcoreError } from '../../base/errors.ts';
import { parseKdumpConf } from './kdump-conf.ts';

const parse = (text: string) => parseKdumpConf(text, '/etc/kdump.conf');

describe('kdump.conf', () => {
  it('says where the dump goes and how it is made', () => {
    const conf = parse(`# where
ext4 /dev/vda   # the small disk

path /dumps
core_collector makedumpfile -c --message-level 7 -d 17
final_action poweroff
`);
    assert.deepEqual(conf, {
      target: { fileSystem: 'ext4', device: '/dev/vda' },
      path: '/dumps',
      collector: { level: 17, codec: 'zlib' },
    });
  });

  it('has defaults for all but the target', () => {
    assert.deepEqual(parse('ext3 UUID=1234\n'), {
      target: { fileSystem: 'ext3', device: 'UUID=1234' },
      path: '/var/crash',
      collector: { level: 31, codec: 'zstd' },
    });
  });

  it('keeps a # that begins no comment', () => {
    assert.equal(parse('ext4 /dev/disk#1\r\n').target.device, '/dev/disk#1');
  });

  it('that cannot be understood is an error that names the line', () => {
    const wrong: [text: string, line: number, what: RegExp][] = [
      ['ext4 /dev/vda\npaht /x\n', 2, /unknown key "paht"/],
      ['\n\next4\n', 3, /"ext4" has no value/],
      ['ext4 # /dev/vda\n', 1, /"ext4" has no value/],
      ['ext4 /dev/vda\next2 /dev/vdb\n', 2, /a second target/],
      ['core_collector cp\n', 1, /core_collector "cp" is not makedumpfile/],
      ['core_collector makedumpfile -d 32\n', 1, /"32" is not a dump level/],
      ['core_collector makedumpfile -d\n', 1, /option -d needs a value/],
      ['core_collector makedumpfile -Q\n', 1, /unknown option -Q/],
      ['core_collector makedumpfile constructor\n', 1, /unexpected "/],
      ['core_collector makedumpfile -F\n', 1, /core_collector/],
      ['core_collector makedumpfile -E -d 31\n', 1, /does not write one compressed file/],
    ];
    for (const [text, line, what] of wrong) {
      assert.throws(
        () => parse(text),
        (error) =>
          failsWith('E_USAGE', what)(error) && (error as VmcoreError).file === `/etc/kdump.conf:${line}`,
        text,
      );
    }
  });

  it('without a target is an error that says how to name one', () => {
    assert.throws(
      () => parse('path /x\n'),
      (error) =>
        error instanceof VmcoreError &&
        error.toLine() === '/etc/kdump.conf: names no target; add a line such as "ext4 /dev/vda" [E_USAGE]',
    );
  });
});
