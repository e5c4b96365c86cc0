import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rehearseCommand } from './rehearse.ts';

const rejected = (command: ReturnType<typeof rehearseCommand>, line: string, code: string, message: RegExp) =>
  assert.rejects(
    command.exitOverride().parseAsync(line.split(' ').filter(Boolean), { from: 'user' }),
    { code, message },
    line,
  );

test('rehearse refuses what it cannot do before it builds anything', async () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['--arch mips', 'commander.invalidArgument', /mips/],
    ['--raw', 'E_USAGE', /--raw/],
    ['--memory-image', 'E_USAGE', /--memory-image/],
    ['--memory 100M', 'E_USAGE', /512M/],
    ['--memory lots', 'E_USAGE', /lots/],
    ['--crashkernel 256M;x', 'E_USAGE', /crashkernel/],
    ['--cpus 0', 'E_USAGE', /--cpus/],
    ['--timeout 1.5', 'E_USAGE', /--timeout/],
    ['--dump-level 32', 'E_USAGE', /--dump-level/],
    ['--kernel /boot/vmlinuz', 'E_USAGE', /--modules/],
  ];
  for (const [line, code, message] of cases) await rejected(rehearseCommand(), line, code, message);
});
