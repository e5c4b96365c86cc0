/** kexec on the kernels that test/kexec.test.ts leaves out for want of time. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { armAndPanic, checkDump } from './support/armed-machine.ts';
import { rebootWithEfi } from './support/efi-reboot.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'vmcore-kexec-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

describe('a machine armed by kexec_load', () => {
  for (const kernel of ['6.12-x86_64', '7.2-arm64'] as const) {
    it(`${kernel}: panics into the capture kernel, which saves the dump`, async () => {
      const armed = await armAndPanic({ kernel, load: 'load' }, folder);
      assert.equal(armed.report.machine.load, 'load');
      checkDump(armed);
    });
  }
});

describe('a machine armed by kexec_file_load', () => {
  for (const kernel of ['6.1-x86_64', '6.12-x86_64', '7.2-x86_64'] as const) {
    it(`${kernel}: panics into the capture kernel, which saves the dump`, async () => {
      const armed = await armAndPanic({ kernel, load: 'file' }, folder);
      assert.equal(armed.report.machine.load, 'file');
      checkDump(armed);
    });
  }
});

describe('a machine armed as kdumpctl does, with the kernel unpacked', () => {
  // 6.1 is the rehearsal of all tests: test/rehearse.test.ts.
  for (const kernel of ['5.10-x86_64', '6.12-x86_64', '7.2-x86_64'] as const) {
    it(`${kernel}: panics into the capture kernel, which saves the dump`, async () => {
      const armed = await armAndPanic({ kernel, load: 'auto' }, folder);
      assert.equal(armed.report.machine.load, 'load');
      checkDump(armed);
    });
  }

  it('reboots with EFI too', async () => {
    assert.match(await rebootWithEfi('unpacked'), /vmlinux in bzImage/);
  });
});
