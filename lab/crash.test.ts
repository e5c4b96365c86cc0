import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutFiles } from './crash.ts';

test('what crash says of the same dump in other files is the same but for their names', () => {
  const said = (files: string): string =>
    `      KERNEL: /debug/vmlinux\n${files}        CPUS: 2\n      UPTIME: 00:00:11\n`;
  const whole = withoutFiles(said('    DUMPFILE: /tmp/vmcore.elf\n'));
  assert.equal(whole, '      KERNEL: /debug/vmlinux\n        CPUS: 2\n      UPTIME: 00:00:11\n');
  assert.equal(withoutFiles(said('    DUMPFILE: /tmp/zlib  [PARTIAL DUMP]\n')), whole);
  const parts = '   DUMPFILES: /tmp/1 [PARTIAL DUMP]\n              /tmp/2 [PARTIAL DUMP]\n';
  assert.equal(withoutFiles(said(parts)), whole);
});
