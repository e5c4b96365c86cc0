/** Only what is refused before anything is loaded: these run on people's machines. What is loaded is for test/kexec.test.ts, in guests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmcoreError } from '../base/errors.ts';
import { kexecCommand } from './kexec.ts';

async function refused(line: string, code: string, message: RegExp): Promise<void> {
  const command = kexecCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  const args = line.split(' ').filter((word) => word !== '');
  await assert.rejects(command.parseAsync(args, { from: 'user' }), (error) => {
    assert.ok(error instanceof Error);
    assert.match(error.message, message, line);
    assert.equal(error instanceof VmcoreError ? error.code : 'E_USAGE', code, line);
    return true;
  });
}

test('kexec says what is missing', async () => {
  await refused('', 'E_USAGE', /nothing to do/);
  await refused('-p', 'E_USAGE', /no kernel/);
  await refused('-l', 'E_USAGE', /no kernel/);
  await refused('--dry-run', 'E_USAGE', /no kernel/);
});

test('kexec refuses addresses that are none', async () => {
  for (const text of ['x', '-1', '1.5', '0x', '99999999999999999999']) {
    await refused(`-p --dry-run --mem-min=${text} /no/such/kernel`, 'E_USAGE', /not an address/);
  }
});

test('kexec names a kernel that is not there, and one that is of another type', async () => {
  await refused('-p -c --dry-run /no/such/kernel', 'E_FILE', /cannot read/);
  await refused(`-p -c --dry-run ${import.meta.filename}`, 'E_FILE', /not a kernel image/);
});
