/** Why there is no /proc/vmcore, asked of a real kernel that was told of an ELF core header where there is none. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { boot } from '../lab/boots/boot.ts';

it('a kernel that cannot use its ELF core header is quoted', async () => {
  const { console } = await boot({
    kernel: '6.1-x86_64',
    workload: fileURLToPath(new URL('../lab/boots/look-for-vmcore.ts', import.meta.url)),
    load: 'file',
    // Behind the 1 GiB of RAM, where no device is.
    parameters: ['elfcorehdr=0x80000000'],
    onLine: (line) => (line.startsWith('why: ') ? 'stop' : undefined),
  });
  assert.match(
    console,
    /^why: \/proc\/vmcore: .*ELF core header at 0x80000000 \(".*Core image elf header not found"\).*\[E_CORRUPT\]/m,
  );
});
